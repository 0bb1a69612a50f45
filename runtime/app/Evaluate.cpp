// Evaluation.
#include "runtime/app/Evaluate.h"

#include "runtime/app/Checkpoint.h"
#include "runtime/app/Interrupt.h"
#include "runtime/app/Outputs.h"
#include "runtime/execute/StepScalars.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace gptc::runtime {

int64_t evaluationBatches(const BatchSource &batches, int64_t wanted) {
  int64_t all = batches.batchesPerEpoch();
  return wanted == 0 ? all : std::min(wanted, all);
}

Result<std::optional<double>> meanLoss(Session &session, BatchSource &batches, int64_t count) {
  batches.reset();
  // One micro-batch: the loss is not divided. What randomness a model has is not at work here.
  GPTC_RETURN_IF_ERROR(setMicroBatch(session, 0, 0, 0, 1));
  double sum = 0;
  // A batch is started before the loss of the one before it is waited for.
  std::optional<PendingScalar> last;
  auto addLast = [&]() -> Status {
    if (!last)
      return {};
    GPTC_ASSIGN(float loss, last->take());
    sum += double{loss};
    return {};
  };
  for (int64_t i = 0; i < count; ++i) {
    if (InterruptGuard::requested())
      return std::optional<double>();
    GPTC_RETURN_IF_ERROR(batches.next(session));
    GPTC_RETURN_IF_ERROR(session.run(evaluateEntry));
    GPTC_ASSIGN(PendingScalar started, session.startScalar("output:loss"));
    GPTC_RETURN_IF_ERROR(addLast());
    last.emplace(std::move(started));
  }
  GPTC_RETURN_IF_ERROR(addLast());
  return std::optional(sum / static_cast<double>(count));
}

Status evaluate(const Plan &plan, const EvalOptions &options, const Console &console) {
  GPTC_RETURN_IF_ERROR(options.validate());
  GPTC_RETURN_IF_ERROR(checkWritableFile("--profile", options.profile));
  GPTC_RETURN_IF_ERROR(checkStepScalars(plan));
  GPTC_ASSIGN(ModelInputs inputs, ModelInputs::of(plan));
  GPTC_ASSIGN(WeightFile weights, WeightFile::open(options.weights));
  GPTC_ASSIGN(Dataset data,
              Dataset::load(options.data, options.tokenizer, weights.metadata.tokenizer));
  GPTC_RETURN_IF_ERROR(data.fit(inputs));
  GPTC_ASSIGN(std::unique_ptr<BatchSource> batches,
              data.batches(Split::validation, inputs, Shuffle::none, 0));

  std::vector<std::string> entries = {evaluateEntry};
  GPTC_ASSIGN(Session session,
              Session::create(plan, entries, sessionOptions(options.device, console)));
  GPTC_RETURN_IF_ERROR(loadTensors(session, weights.file, weights.path, TensorSet::weights));
  Profile profile;
  if (!options.profile.empty())
    session.setProfile(&profile);

  int64_t count = evaluationBatches(*batches, options.evalBatches);
  GPTC_ASSIGN(std::optional<double> mean, meanLoss(session, *batches, count));
  double loss = *mean; // without an InterruptGuard nothing interrupts
  console.out(fmt::format("validation loss {:.6f} over {} {} ({} batch{})", loss,
                          groupedNumber(count * inputs.unitsPerBatch()), inputs.unit(),
                          groupedNumber(count), count == 1 ? "" : "es"));
  if (inputs.fromTokens)
    console.out(fmt::format("perplexity {:.4f}", std::exp(loss)));
  if (options.profile.empty())
    return {};
  console.note(profile.table());
  return profile.writeTrace(options.profile);
}

} // namespace gptc::runtime
