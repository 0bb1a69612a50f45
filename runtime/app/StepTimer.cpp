// Timing steps.
#include "runtime/app/StepTimer.h"

#include "runtime/app/TrainingStep.h"

namespace gptc::runtime {

Result<std::unique_ptr<StepTimer>> StepTimer::create(const Plan &plan, ModelInputs inputs,
                                                     std::unique_ptr<BatchSource> batches,
                                                     uint64_t seed, const SessionOptions &options) {
  GPTC_RETURN_IF_ERROR(checkStepScalars(plan));
  if (!batches)
    batches = randomBatches(inputs, seed);
  GPTC_ASSIGN(Session session, Session::create(plan, trainingEntries(plan, 1), options));
  GPTC_RETURN_IF_ERROR(session.initialize(seed));
  return std::unique_ptr<StepTimer>(
      new StepTimer(std::move(session), std::move(inputs), std::move(batches), seed));
}

Result<StepTimer::Measured> StepTimer::step(Profile *profile) {
  session_.setProfile(profile);
  double begin = Profile::now();
  UpdateScalars scalars{1e-4, 0.1, 0.9, 0.95, 1e-8, 1, step_ + 1};
  GPTC_ASSIGN(StepResult result, runTrainingStep(session_, *batches_, seed_, step_, 1, scalars));
  ++step_;
  return Measured{1e3 * (Profile::now() - begin), result.loss};
}

} // namespace gptc::runtime
