// Asks CpuProduct, with operands that lie nowhere.
#include "runtime/device/CpuScratch.h"

#include "runtime/device/CpuProduct.h"
#include "runtime/plan/Plan_generated.h"

#include <algorithm>

namespace gptc::runtime {

int64_t scratchOf(const ProductShape &product, const ProductTile &tile) {
  ProductFunctions functions;
  functions.rows = tile.rows;
  functions.lanes = tile.lanes;
  functions.tiles.resize(static_cast<size_t>(tile.vectors));
  auto use = [&](const ProductShape::Matrix &matrix) {
    return ProductMatrix{nullptr, &functions.element(matrix.type, matrix.factor),
                         matrix.transposed ? 1 : matrix.stride,
                         matrix.transposed ? matrix.stride : 1};
  };
  return CpuProduct({&functions, product.m, product.n, product.k, use(product.lhs),
                     use(product.rhs), use(product.result), false})
      .scratchBytes();
}

int64_t productScratch(const Plan &plan, std::span<const size_t> entries) {
  const fb::MatmulTile *tile = plan.table().matmul_tile();
  if (!tile || plan.target() != "cpu")
    return 0;
  int64_t most = 0;
  for (size_t entry : entries) {
    const auto *commands = plan.entryTable(entry).commands();
    if (!commands)
      continue;
    for (const fb::Command *command : *commands) {
      const fb::Matmul *matmul = command->operation_as_Matmul();
      if (!matmul || !matmul->generated())
        continue;
      ProductShape shape = {
          matmul->m(),
          matmul->n(),
          matmul->k(),
          {matmul->lhs_type(), matmul->lhs_factor(), matmul->lhs_stride(), matmul->transpose_lhs()},
          {matmul->rhs_type(), matmul->rhs_factor(), matmul->rhs_stride(), matmul->transpose_rhs()},
          {matmul->result_type(), fb::DataType::float32, matmul->result_stride(), false}};
      most = std::max(most, scratchOf(shape, {tile->rows(), tile->lanes(), tile->vectors()}));
    }
  }
  return most;
}

} // namespace gptc::runtime
