// Matrix products and their batch axes.
#include "runtime/device/cuda/CudaMatmul.h"

#include "runtime/plan/Plan_generated.h"

#include <algorithm>
#include <fmt/format.h>

namespace gptc::runtime::cuda {

CudaMatmul CudaMatmul::of(const fb::Matmul &matmul, CUdeviceptr lhs, CUdeviceptr rhs,
                          CUdeviceptr result) {
  CudaMatmul made;
  made.lhs = lhs;
  made.rhs = rhs;
  made.result = result;
  made.m = matmul.m();
  made.n = matmul.n();
  made.k = matmul.k();
  made.transposeLhs = matmul.transpose_lhs();
  made.transposeRhs = matmul.transpose_rhs();
  made.accumulate = matmul.accumulate();
  made.types = {DataType(matmul.lhs_type()), DataType(matmul.rhs_type()),
                DataType(matmul.result_type()), matmul.tf32()};
  // Of a single stored row the stride says nothing.
  made.lhsStride = std::max(matmul.lhs_stride(), made.transposeLhs ? made.m : made.k);
  made.rhsStride = std::max(matmul.rhs_stride(), made.transposeRhs ? made.k : made.n);
  made.resultStride = std::max(matmul.result_stride(), made.n);
  if (!matmul.batch())
    return made;
  for (const fb::BatchAxis *table : *matmul.batch()) {
    BatchAxis axis{table->size(), table->lhs_stride(), table->rhs_stride(), table->result_stride()};
    if (axis.size == 1)
      continue;
    BatchAxis *outer = made.batch.empty() ? nullptr : &made.batch.back();
    if (outer && outer->lhs == axis.lhs * axis.size && outer->rhs == axis.rhs * axis.size &&
        outer->result == axis.result * axis.size)
      *outer = {outer->size * axis.size, axis.lhs, axis.rhs, axis.result};
    else
      made.batch.push_back(axis);
  }
  return made;
}

std::string CudaMatmul::text() const {
  std::string text;
  for (const BatchAxis &axis : batch)
    text += fmt::format("{} x ", axis.size);
  text += fmt::format("{} x {} x {}", m, n, k);
  if (types.tf32)
    text += " tf32";
  if (types.lhs != DataType::float32)
    text += fmt::format(" {}", nameOf(types.lhs));
  return text;
}

std::vector<MatmulItem> itemsOf(const CudaMatmul &matmul, const std::vector<BatchAxis> &axes) {
  std::vector<MatmulItem> items = {{matmul.lhs, matmul.rhs, matmul.result}};
  auto distance = [](DataType type, uint64_t index, int64_t stride) {
    return elementBytes(type) * index * static_cast<uint64_t>(stride);
  };
  const MatmulTypes &types = matmul.types;
  for (const BatchAxis &axis : axes) {
    std::vector<MatmulItem> more;
    more.reserve(items.size() * static_cast<size_t>(axis.size));
    for (const MatmulItem &item : items)
      for (uint64_t i = 0; i < static_cast<uint64_t>(axis.size); ++i)
        more.push_back({item.lhs + distance(types.lhs, i, axis.lhs),
                        item.rhs + distance(types.rhs, i, axis.rhs),
                        item.result + distance(types.result, i, axis.result)});
    items = std::move(more);
  }
  return items;
}

} // namespace gptc::runtime::cuda
