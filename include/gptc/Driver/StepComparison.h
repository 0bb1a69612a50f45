// Steps of two plans, timed in turn.
#ifndef GPTC_DRIVER_STEPCOMPARISON_H
#define GPTC_DRIVER_STEPCOMPARISON_H

#include "runtime/app/StepTimer.h"

namespace gptc {

struct ComparisonOptions {
  int pairs = 7;
  double seconds = 0; ///< fewer pairs, at least 3, if they would take longer; 0: no limit
};

/// Medians, and the ratio of the medians with a 90 % interval from a bootstrap over the pairs.
struct StepComparison {
  double base = 0, other = 0; ///< milliseconds of a step
  double ratio = 1;           ///< other / base
  double low = 1, high = 1;
  size_t pairs = 0;
};

/// Warms both up with a step, then times them in turn; who goes first alternates. Steps of less
/// than 10 ms are timed several at a time.
runtime::Result<StepComparison> compareSteps(runtime::StepTimer &base, runtime::StepTimer &other,
                                             const ComparisonOptions &options);

} // namespace gptc

#endif // GPTC_DRIVER_STEPCOMPARISON_H
