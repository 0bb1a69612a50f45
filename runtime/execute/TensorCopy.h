// Between a logical tensor (dense, row-major) and its physical form (strided, padded).
#ifndef GPTC_RUNTIME_EXECUTE_TENSORCOPY_H
#define GPTC_RUNTIME_EXECUTE_TENSORCOPY_H

#include "runtime/base/FunctionRef.h"
#include "runtime/plan/Plan.h"

#include <optional>

namespace gptc::runtime {

/// A row of a tensor: the elements along its last axis (a scalar is one row of one element).
/// Element i of it lies at physical element `first` + i · `stride`; elements have `size` bytes.
struct TensorRow {
  int64_t first = 0;
  int64_t stride = 1;
  int64_t count = 1;
  int64_t size = 4;
};

/// How many rows a tensor has, and row number `row` in row-major order.
int64_t rowCount(const TensorInfo &tensor);
TensorRow tensorRow(const TensorInfo &tensor, int64_t row);

/// Copy all elements; `physical` is the tensor's own bytes, `dense` as long as the tensor has
/// elements. Both hold elements of the tensor's type. Padding is not touched.
void copyToPhysical(const TensorInfo &tensor, std::span<const std::byte> dense,
                    std::span<std::byte> physical);
void copyToDense(const TensorInfo &tensor, std::span<const std::byte> physical,
                 std::span<std::byte> dense);
/// One row to dense elements.
void copyRowToDense(const TensorRow &row, std::span<const std::byte> physical,
                    std::span<std::byte> dense);

/// The tensor's row stride in elements if it is stored as a matrix with contiguous rows at a
/// constant distance (all axes but the last taken together); none if it is not.
std::optional<int64_t> matrixRowStride(const TensorInfo &tensor);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_EXECUTE_TENSORCOPY_H
