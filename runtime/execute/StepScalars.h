// The numbers that change from step to step: a plan reads them from memory (its segment `step`), so
// that no launch depends on them.
#ifndef GPTC_RUNTIME_EXECUTE_STEPSCALARS_H
#define GPTC_RUNTIME_EXECUTE_STEPSCALARS_H

#include "runtime/execute/Session.h"

namespace gptc::runtime {

/// Variables of dynamic loss scaling, of kind state: they go on from step to step in the plan. A
/// plan that does not scale lacks them.
inline constexpr std::string_view scalerPrefix = "scaler:";
inline constexpr std::string_view lossScaleTensor = "scaler:loss_scale";
inline constexpr std::string_view appliedStepsTensor = "scaler:applied_steps";

/// What an update needs.
struct UpdateScalars {
  double learningRate = 0;
  double weightDecay = 0;
  double beta1 = 0.9;
  double beta2 = 0.95;
  double epsilon = 1e-8;
  double clipNorm = 0; ///< the gradient's norm is brought down to it; 0: never
  int64_t update = 1;  ///< this update's number, counted from 1
};

/// failedPrecondition if the plan reads a scalar of the step that this runtime does not know.
Status checkStepScalars(const Plan &plan);

/// Before an update. A plan may lack any of the scalars (SGD has no moments).
///
/// step:correction1 and step:correction2 are 1 / (1 - βᵗ) with β as the plan sees it, rounded to
/// float32: (1 - β) and the correction must be of the same β, or the first steps are off by its
/// rounding. Without clipping step:clip_norm is the largest float.
Status setUpdateScalars(Session &session, const UpdateScalars &scalars);

/// Before each micro-batch: step:inverse_accumulation is 1 / accumulationSteps, and step:random the
/// generator's key: the seed's low and high words, the step, the micro-batch.
Status setMicroBatch(Session &session, uint64_t seed, int64_t step, int64_t microBatch,
                     int64_t accumulationSteps);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_EXECUTE_STEPSCALARS_H
