// Sums over blocks of rows: the part of a sum over all rows that a row kernel can do on its way.
//
//   %b = gpt.reshape %x : tensor<MxC> -> tensor<PxRxC>    (M = P·R; M may be several axes)
//   %s = gpt.reduce sum %b [1] : tensor<PxRxC> -> tensor<PxC>
//
// Row p of %s is the sum of the rows [p·R, (p + 1)·R) of %x. Nothing else uses %b.
#ifndef GPTC_DIALECT_GPT_BLOCKSUMS_H
#define GPTC_DIALECT_GPT_BLOCKSUMS_H

#include "gptc/Dialect/GPT/GPTOps.h"

namespace gptc::gpt {

struct BlockSum {
  ReshapeOp blocks;    ///< the view of the rows as blocks
  int64_t count, rows; ///< P and R
  mlir::Value getInput() { return blocks.getInput(); }
};

/// The block sum that `op`, its gpt.reduce, finishes; none if it is another operation. C and R are
/// greater than 1.
std::optional<BlockSum> matchBlockSum(mlir::Operation *op);

/// Whether `op` is the view of a block sum.
bool isViewOfBlockSum(mlir::Operation *op);

/// R of the block sums in `block`; 1 if there are none. Kernels hold block sums of one R only.
int64_t findRowsOfBlockSums(mlir::Block &block);

} // namespace gptc::gpt

#endif // GPTC_DIALECT_GPT_BLOCKSUMS_H
