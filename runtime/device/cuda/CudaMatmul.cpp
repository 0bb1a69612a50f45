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
  return text + fmt::format("{} x {} x {}", m, n, k);
}

std::vector<MatmulItem> itemsOf(const CudaMatmul &matmul, const std::vector<BatchAxis> &axes) {
  std::vector<MatmulItem> items = {{matmul.lhs, matmul.rhs, matmul.result}};
  constexpr uint64_t elementBytes = 4;
  for (const BatchAxis &axis : axes) {
    std::vector<MatmulItem> more;
    more.reserve(items.size() * static_cast<size_t>(axis.size));
    for (const MatmulItem &item : items)
      for (uint64_t i = 0; i < static_cast<uint64_t>(axis.size); ++i)
        more.push_back({item.lhs + elementBytes * i * static_cast<uint64_t>(axis.lhs),
                        item.rhs + elementBytes * i * static_cast<uint64_t>(axis.rhs),
                        item.result + elementBytes * i * static_cast<uint64_t>(axis.result)});
    items = std::move(more);
  }
  return items;
}

} // namespace gptc::runtime::cuda
