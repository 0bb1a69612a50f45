// Medians, and how sure they are.
#ifndef GPTC_LIB_DRIVER_STATISTICS_H
#define GPTC_LIB_DRIVER_STATISTICS_H

#include <vector>

namespace gptc {

/// The middle one, or the mean of the two; of at least one number.
double medianOf(std::vector<double> values);

struct Interval {
  double low = 0, high = 0;
};

/// A 90 % interval of the ratio of medians, median(a) / median(b), from a bootstrap over pairs
/// (a[i], b[i]): Efron's percentile method with 2000 draws. The same numbers give the same
/// interval.
Interval bootstrapRatio(const std::vector<double> &a, const std::vector<double> &b);

} // namespace gptc

#endif // GPTC_LIB_DRIVER_STATISTICS_H
