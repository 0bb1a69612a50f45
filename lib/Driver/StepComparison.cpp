// Interleaved timing.
#include "gptc/Driver/StepComparison.h"

#include "Statistics.h"

#include <algorithm>
#include <cmath>

using namespace gptc;
using runtime::Profile;
using runtime::Result;
using runtime::StepTimer;

static constexpr double shortest = 10; ///< milliseconds
static constexpr int leastPairs = 3;

/// The mean of `steps` steps, in milliseconds.
static Result<double> timeSteps(StepTimer &timer, int64_t steps) {
  double sum = 0;
  for (int64_t i = 0; i < steps; ++i) {
    GPTC_ASSIGN(StepTimer::Measured measured, timer.step());
    sum += measured.milliseconds;
  }
  return sum / static_cast<double>(steps);
}

Result<StepComparison> gptc::compareSteps(StepTimer &base, StepTimer &other,
                                          const ComparisonOptions &options) {
  double begin = Profile::now(), least = 0;
  for (StepTimer *timer : {&base, &other}) {
    GPTC_ASSIGN(double first, timeSteps(*timer, 1));
    (void)first; // pages are mapped, caches filled
    GPTC_ASSIGN(double second, timeSteps(*timer, 1));
    least = least == 0 ? second : std::min(least, second);
  }
  int64_t steps = static_cast<int64_t>(std::ceil(std::min(shortest / std::max(least, 1e-3), 1e4)));
  std::vector<double> ours, theirs;
  for (int pair = 0; pair < options.pairs; ++pair) {
    if (options.seconds > 0 && pair >= leastPairs && Profile::now() - begin > options.seconds)
      break;
    bool baseFirst = pair % 2 == 0;
    GPTC_ASSIGN(double first, timeSteps(baseFirst ? base : other, steps));
    GPTC_ASSIGN(double second, timeSteps(baseFirst ? other : base, steps));
    ours.push_back(baseFirst ? first : second);
    theirs.push_back(baseFirst ? second : first);
  }
  Interval interval = bootstrapRatio(theirs, ours);
  StepComparison result;
  result.base = medianOf(ours);
  result.other = medianOf(theirs);
  result.ratio = result.other / result.base;
  result.low = interval.low;
  result.high = interval.high;
  result.pairs = ours.size();
  return result;
}
