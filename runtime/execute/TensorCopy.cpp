// Strided copies.
#include "runtime/execute/TensorCopy.h"

#include <cstring>

namespace gptc::runtime {

namespace {

template <int64_t size>
void copyStrided(const std::byte *from, int64_t fromStride, std::byte *to, int64_t toStride,
                 int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    std::memcpy(to + i * toStride * size, from + i * fromStride * size, size);
}

void copyElements(const std::byte *from, int64_t fromStride, std::byte *to, int64_t toStride,
                  int64_t count, int64_t size) {
  if (fromStride == 1 && toStride == 1)
    std::memcpy(to, from, static_cast<size_t>(count * size));
  else if (size == 2)
    copyStrided<2>(from, fromStride, to, toStride, count);
  else
    copyStrided<4>(from, fromStride, to, toStride, count);
}

} // namespace

int64_t rowCount(const TensorInfo &tensor) {
  int64_t rows = 1;
  for (size_t axis = 0; axis + 1 < tensor.shape.size(); ++axis)
    rows *= tensor.shape[axis];
  return rows;
}

TensorRow tensorRow(const TensorInfo &tensor, int64_t row) {
  TensorRow result{.size = static_cast<int64_t>(elementBytes(tensor.type))};
  if (tensor.shape.empty())
    return result;
  result.stride = tensor.strides.back();
  result.count = tensor.shape.back();
  for (size_t axis = tensor.shape.size() - 1; axis-- > 0;) {
    result.first += row % tensor.shape[axis] * tensor.strides[axis];
    row /= tensor.shape[axis];
  }
  return result;
}

void copyToPhysical(const TensorInfo &tensor, std::span<const std::byte> dense,
                    std::span<std::byte> physical) {
  for (int64_t i = 0, rows = rowCount(tensor); i < rows; ++i) {
    TensorRow row = tensorRow(tensor, i);
    copyElements(dense.data() + i * row.count * row.size, 1, physical.data() + row.first * row.size,
                 row.stride, row.count, row.size);
  }
}

void copyToDense(const TensorInfo &tensor, std::span<const std::byte> physical,
                 std::span<std::byte> dense) {
  for (int64_t i = 0, rows = rowCount(tensor); i < rows; ++i) {
    TensorRow row = tensorRow(tensor, i);
    copyRowToDense(row, physical, dense.subspan(static_cast<size_t>(i * row.count * row.size)));
  }
}

void copyRowToDense(const TensorRow &row, std::span<const std::byte> physical,
                    std::span<std::byte> dense) {
  copyElements(physical.data() + row.first * row.size, row.stride, dense.data(), 1, row.count,
               row.size);
}

std::optional<int64_t> matrixRowStride(const TensorInfo &tensor) {
  if (tensor.shape.empty())
    return 1;
  size_t last = tensor.shape.size() - 1;
  if (tensor.shape[last] > 1 && tensor.strides[last] != 1)
    return std::nullopt;
  // Axes of size 1 have no say.
  std::optional<int64_t> rowStride;
  int64_t expected = 0;
  for (size_t axis = last; axis-- > 0;) {
    if (tensor.shape[axis] == 1)
      continue;
    if (!rowStride)
      rowStride = expected = tensor.strides[axis];
    if (tensor.strides[axis] != expected)
      return std::nullopt;
    expected *= tensor.shape[axis];
  }
  int64_t stride = rowStride.value_or(tensor.shape[last]);
  return stride >= tensor.shape[last] ? std::optional(stride) : std::nullopt;
}

} // namespace gptc::runtime
