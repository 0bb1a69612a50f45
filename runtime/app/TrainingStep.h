// One step of training: micro-batches whose gradients add up, then an update.
#ifndef GPTC_RUNTIME_APP_TRAININGSTEP_H
#define GPTC_RUNTIME_APP_TRAININGSTEP_H

#include "runtime/app/Dataset.h"
#include "runtime/execute/StepScalars.h"

#include <cmath>
#include <optional>

namespace gptc::runtime {

/// The entry that accumulates micro-batch `microBatch` of `count`: the first overwrites the
/// gradients, the last carries what follows the sum over ranks. A plan for one rank has no need of
/// an accumulate_last of its own.
std::string accumulateEntry(const Plan &plan, int64_t microBatch, int64_t count);

/// The entries that steps with so many micro-batches run.
std::vector<std::string> trainingEntries(const Plan &plan, int64_t accumulationSteps);

struct StepResult {
  double loss = 0;
  double norm = 0; ///< of the gradient before clipping; 0 if the plan does not compute it
  /// With dynamic loss scaling: the scale for the next step.
  std::optional<double> lossScale = {};
  /// Whether gradients overflowed, so that the update kept all as it was.
  bool skipped() const { return lossScale && !std::isfinite(norm); }
};

/// A step that was started. It must end before the session.
class PendingStep {
public:
  /// Whether finish() would return at once.
  bool ready() const {
    return loss_.ready() && (!norm_ || norm_->ready()) && (!lossScale_ || lossScale_->ready());
  }
  /// Waits for the step. Called once.
  Result<StepResult> finish();

private:
  friend Result<PendingStep> startTrainingStep(Session &, BatchSource &, uint64_t, int64_t, int64_t,
                                               const UpdateScalars &);
  explicit PendingStep(PendingScalar loss) : loss_(std::move(loss)) {}

  PendingScalar loss_;
  std::optional<PendingScalar> norm_, lossScale_;
};

/// Starts step number `step` from 0; `scalars.update` is its number counted from 1. A GPU may be at
/// it still when this returns.
Result<PendingStep> startTrainingStep(Session &session, BatchSource &batches, uint64_t seed,
                                      int64_t step, int64_t accumulationSteps,
                                      const UpdateScalars &scalars);

/// The same, and waits for it.
Result<StepResult> runTrainingStep(Session &session, BatchSource &batches, uint64_t seed,
                                   int64_t step, int64_t accumulationSteps,
                                   const UpdateScalars &scalars);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_APP_TRAININGSTEP_H
