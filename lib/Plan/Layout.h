// How tensors lie in memory: strides, and which rearrangements are mere views.
#ifndef GPTC_LIB_PLAN_LAYOUT_H
#define GPTC_LIB_PLAN_LAYOUT_H

#include "mlir/IR/BuiltinTypes.h"

#include <optional>

namespace gptc::plan {

/// Strides in elements, one an axis.
using Strides = llvm::SmallVector<int64_t>;

/// Where a value lies: a buffer (by number), the element at which it starts, and its strides.
struct Place {
  int buffer = -1;
  int64_t offset = 0;
  Strides strides;
};

/// Whether the elements of a tensor of this shape lie at the same addresses in both places: strides
/// along axes of size 1 do not matter.
bool areSame(llvm::ArrayRef<int64_t> shape, const Place &a, const Place &b);

/// The strides that a new tensor gets. Rows of 128 elements or more are padded to a multiple of 64
/// bytes, and by 64 more where the row would be a multiple of 256 bytes: rows at such distances
/// fall on the same sets of the first-level cache, which halves the speed of matmuls with few rows.
Strides paddedStrides(mlir::RankedTensorType type);

/// The strides of elements side by side.
Strides denseStrides(llvm::ArrayRef<int64_t> shape);

/// The number of elements from the first to behind the last one, pads of the last row included.
int64_t extent(llvm::ArrayRef<int64_t> shape, const Strides &strides);

/// The strides under which the elements at `strides` of shape `from` read as shape `to`; none if no
/// strides do.
std::optional<Strides> reshapeStrides(llvm::ArrayRef<int64_t> from, const Strides &strides,
                                      llvm::ArrayRef<int64_t> to);

/// A memref type with these strides, and offset 0.
mlir::MemRefType layoutType(mlir::RankedTensorType type, const Strides &strides);

} // namespace gptc::plan

#endif // GPTC_LIB_PLAN_LAYOUT_H
