// Walking tensors: row-major strides, and visiting the elements of a box in order.
#ifndef GPTC_REFERENCE_STRIDES_H
#define GPTC_REFERENCE_STRIDES_H

#include "gptc/Reference/Tensor.h"

namespace gptc::reference {

using Sizes = llvm::ArrayRef<int64_t>;
using Strides = llvm::SmallVector<int64_t, 4>;

/// How far apart neighbours along each axis are in row-major order.
Strides getStrides(Sizes shape);

/// The strides by which a tensor of `shape` is read as one of `target`, to which it is stretched: 0
/// along the axes that are stretched.
Strides getBroadcastStrides(Sizes shape, Sizes target);

/// Calls `visit` for each row of `shape` in order, a row being the indices that differ in the last
/// axis only, with the offset Σ index · stride of its first element. A scalar is one row.
template <typename Visit> void forEachRow(Sizes shape, Sizes strides, Visit visit) {
  if (countElements(shape) == 0)
    return;
  Sizes outer = shape.empty() ? shape : shape.drop_back();
  llvm::SmallVector<int64_t, 4> index(outer.size());
  int64_t offset = 0;
  while (true) {
    visit(offset);
    int64_t axis = static_cast<int64_t>(outer.size()) - 1;
    for (; axis >= 0; --axis) {
      offset += strides[axis];
      if (++index[axis] < outer[axis])
        break;
      offset -= index[axis] * strides[axis];
      index[axis] = 0;
    }
    if (axis < 0)
      return;
  }
}

/// Calls `visit(offset)` for each index of `shape` in order.
template <typename Visit> void forEachElement(Sizes shape, Sizes strides, Visit visit) {
  int64_t size = shape.empty() ? 1 : shape.back(), stride = shape.empty() ? 0 : strides.back();
  forEachRow(shape, strides, [&](int64_t offset) {
    for (int64_t i = 0; i < size; ++i)
      visit(offset + i * stride);
  });
}

/// A tensor of `shape` whose elements, in order, are `source[base + Σ index · stride]`.
Tensor gather(const Tensor &source, Sizes shape, Sizes strides, int64_t base = 0);

/// Puts the elements of `source`, in order, at `target[base + Σ index · stride]`.
void scatter(const Tensor &source, Tensor &target, Sizes strides, int64_t base);

} // namespace gptc::reference

#endif // GPTC_REFERENCE_STRIDES_H
