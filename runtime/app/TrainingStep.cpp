// A training step.
#include "runtime/app/TrainingStep.h"

#include <algorithm>

namespace gptc::runtime {

std::string accumulateEntry(const Plan &plan, int64_t microBatch, int64_t count) {
  if (microBatch == 0)
    return "accumulate_first";
  if (microBatch == count - 1 && plan.findEntry("accumulate_last") >= 0)
    return "accumulate_last";
  return "accumulate_middle";
}

std::vector<std::string> trainingEntries(const Plan &plan, int64_t accumulationSteps) {
  std::vector<std::string> entries = {"update"};
  // The first, one of the middle, and the last stand for all.
  for (int64_t microBatch :
       {int64_t{0}, std::min<int64_t>(1, accumulationSteps - 1), accumulationSteps - 1}) {
    std::string entry = accumulateEntry(plan, microBatch, accumulationSteps);
    if (std::find(entries.begin(), entries.end(), entry) == entries.end())
      entries.push_back(std::move(entry));
  }
  return entries;
}

Result<PendingStep> startTrainingStep(Session &session, BatchSource &batches, uint64_t seed,
                                      int64_t step, int64_t accumulationSteps,
                                      const UpdateScalars &scalars) {
  for (int64_t microBatch = 0; microBatch < accumulationSteps; ++microBatch) {
    GPTC_RETURN_IF_ERROR(batches.next(session));
    GPTC_RETURN_IF_ERROR(setMicroBatch(session, seed, step, microBatch, accumulationSteps));
    GPTC_RETURN_IF_ERROR(
        session.run(accumulateEntry(session.plan(), microBatch, accumulationSteps)));
  }
  GPTC_RETURN_IF_ERROR(setUpdateScalars(session, scalars));
  GPTC_RETURN_IF_ERROR(session.run("update"));
  GPTC_ASSIGN(PendingScalar loss, session.startScalar("output:loss"));
  PendingStep pending(std::move(loss));
  if (session.plan().findTensor("output:norm")) {
    GPTC_ASSIGN(PendingScalar norm, session.startScalar("output:norm"));
    pending.norm_.emplace(std::move(norm));
  }
  if (session.plan().findTensor(lossScaleTensor)) {
    GPTC_ASSIGN(PendingScalar scale, session.startScalar(lossScaleTensor));
    pending.lossScale_.emplace(std::move(scale));
  }
  return pending;
}

Result<StepResult> PendingStep::finish() {
  StepResult result;
  GPTC_ASSIGN(result.loss, loss_.take());
  if (norm_) {
    GPTC_ASSIGN(result.norm, norm_->take());
  }
  if (lossScale_) {
    GPTC_ASSIGN(result.lossScale, lossScale_->take());
  }
  return result;
}

Result<StepResult> runTrainingStep(Session &session, BatchSource &batches, uint64_t seed,
                                   int64_t step, int64_t accumulationSteps,
                                   const UpdateScalars &scalars) {
  GPTC_ASSIGN(PendingStep started,
              startTrainingStep(session, batches, seed, step, accumulationSteps, scalars));
  return started.finish();
}

} // namespace gptc::runtime
