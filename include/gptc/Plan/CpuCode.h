// What the plan says about its CPU code besides the kernels.
#ifndef GPTC_PLAN_CPUCODE_H
#define GPTC_PLAN_CPUCODE_H

#include <cstdint>

namespace gptc {

/// What the functions of generated matrix products compute at a time: rows × up to so many vectors
/// of lanes. All 0 where there are no such products.
struct MatmulTile {
  int64_t rows = 0, lanes = 0, vectors = 0;
};

} // namespace gptc

#endif // GPTC_PLAN_CPUCODE_H
