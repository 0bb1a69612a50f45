// Strides of new tensors and of views.
#include "Layout.h"

#include "gptc/Dialect/Plan/PlanOps.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace gptc::plan;

static constexpr int64_t rowQuantum = 64;    // bytes: one cache line
static constexpr int64_t aliasQuantum = 256; // bytes: rows at multiples of it share cache sets
static constexpr int64_t shortRow = 128;     // elements: shorter rows are left dense

bool gptc::plan::areSame(ArrayRef<int64_t> shape, const Place &a, const Place &b) {
  return a.buffer == b.buffer && a.offset == b.offset &&
         llvm::all_of(llvm::zip(shape, a.strides, b.strides), [](auto axis) {
           auto [size, left, right] = axis;
           return size == 1 || left == right;
         });
}

Strides gptc::plan::paddedStrides(RankedTensorType type) {
  ArrayRef<int64_t> shape = type.getShape();
  Strides strides(shape.size(), 1);
  if (shape.size() < 2)
    return strides;
  int64_t row = shape.back();
  if (row >= shortRow) {
    int64_t size = bytesOfElement(type.getElementType());
    row = llvm::alignTo(row, rowQuantum / size);
    if (row * size % aliasQuantum == 0)
      row += rowQuantum / size;
  }
  for (int64_t axis = shape.size() - 2; axis >= 0; --axis) {
    strides[axis] = row;
    row *= shape[axis];
  }
  return strides;
}

Strides gptc::plan::denseStrides(ArrayRef<int64_t> shape) {
  Strides strides(shape.size(), 1);
  for (int64_t axis = static_cast<int64_t>(shape.size()) - 2; axis >= 0; --axis)
    strides[axis] = strides[axis + 1] * shape[axis + 1];
  return strides;
}

int64_t gptc::plan::extent(ArrayRef<int64_t> shape, const Strides &strides) {
  int64_t last = 0, padded = 1;
  for (auto [size, stride] : llvm::zip(shape, strides)) {
    if (size == 0)
      return 0;
    last += (size - 1) * stride;
    padded = std::max(padded, size * stride);
  }
  return std::max(last + 1, padded);
}

std::optional<Strides> gptc::plan::reshapeStrides(ArrayRef<int64_t> from, const Strides &strides,
                                                  ArrayRef<int64_t> to) {
  // Walk both shapes from the back. A run of axes of `from` that are contiguous to each other is a
  // block of memory that may be cut anew.
  Strides result(to.size(), 1);
  int64_t target = to.size() - 1;
  int64_t axis = from.size() - 1;
  while (axis >= 0) {
    if (from[axis] == 1) {
      --axis;
      continue;
    }
    int64_t unit = strides[axis], size = from[axis];
    while (--axis >= 0 && (from[axis] == 1 || strides[axis] == unit * size))
      size *= from[axis];
    int64_t stride = unit, remaining = size;
    while (target >= 0 && remaining > 1) {
      if (to[target] == 1) {
        result[target--] = stride;
        continue;
      }
      if (remaining % to[target] != 0)
        return std::nullopt;
      result[target] = stride;
      stride *= to[target];
      remaining /= to[target--];
    }
    if (remaining != 1)
      return std::nullopt;
  }
  for (; target >= 0; --target) { // axes of size 1 in front
    if (to[target] != 1)
      return std::nullopt;
    result[target] =
        target + 1 < static_cast<int64_t>(to.size()) ? result[target + 1] * to[target + 1] : 1;
  }
  return result;
}

MemRefType gptc::plan::layoutType(RankedTensorType type, const Strides &strides) {
  return MemRefType::get(type.getShape(), type.getElementType(),
                         StridedLayoutAttr::get(type.getContext(), 0, strides));
}
