// Error analysis by examples.
#include "Tolerance.h"

#include <algorithm>
#include <cmath>

double gptc::test::allowedDifference(const reference::Tensor &exact,
                                     const reference::Tensor &single,
                                     const reference::Tensor &perturbed) {
  double scale = 1.0 / 16, rounding = 0;
  for (int64_t i = 0; i < exact.getNumElements(); ++i) {
    double expected = exact.reals()[i];
    if (!std::isfinite(expected))
      return NAN;
    scale = std::max(scale, std::fabs(expected));
    rounding = std::max({rounding, std::fabs(single.reals()[i] - expected),
                         std::fabs(perturbed.reals()[i] - expected)});
  }
  constexpr double ulp = 0x1p-23;
  return 64 * std::max(rounding, 4 * ulp * scale);
}
