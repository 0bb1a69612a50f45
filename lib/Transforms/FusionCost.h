// What a kernel costs, in bytes moved.
//
// What it must show: joining two kernels that share a tensor, or of which one reads what the other
// makes, pays by what is no longer moved; joining two that share nothing large pays a launch only.
#ifndef GPTC_LIB_TRANSFORMS_FUSIONCOST_H
#define GPTC_LIB_TRANSFORMS_FUSIONCOST_H

#include "Liveness.h"

namespace gptc {

/// What a launch costs, as bytes that could be moved in its time: about 2 µs on a GPU, whose memory
/// moves some megabytes meanwhile, and about 5 µs on a few cores, which move 100 KB. The geometric
/// mean of the two.
inline constexpr int64_t launchPrice = 512 * 1024;

/// `value`, or what it is a reshaped view of: a kernel that reads both reads one tensor.
mlir::Value getStoredValue(mlir::Value value);

struct KernelCost {
  int64_t moved = 0;   ///< bytes read and written across the border, each tensor once
  int64_t scratch = 0; ///< the price of values that are used again behind a reduction of their row
  unsigned border = 0; ///< how many values cross the border

  int64_t total() const { return moved + scratch + launchPrice; }
};

/// The cost of `ops`, in block order, as one kernel over rows of `columns` elements.
KernelCost costOf(llvm::ArrayRef<mlir::Operation *> ops, int64_t columns);

} // namespace gptc

#endif // GPTC_LIB_TRANSFORMS_FUSIONCOST_H
