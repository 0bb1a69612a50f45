// Recognising sums over blocks of rows.
#include "gptc/Dialect/GPT/BlockSums.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::gpt;

/// Whether `op` sums over the second axis.
static bool sumsSecondAxis(Operation *op) {
  auto reduce = dyn_cast<ReduceOp>(op);
  return reduce && reduce.getKind() == ReduceKind::sum && reduce.getAxes() == ArrayRef<int64_t>{1};
}

std::optional<BlockSum> gpt::matchBlockSum(Operation *op) {
  if (!sumsSecondAxis(op))
    return std::nullopt;
  auto blocks = op->getOperand(0).getDefiningOp<ReshapeOp>();
  if (!blocks || !llvm::all_of(blocks->getUsers(), sumsSecondAxis))
    return std::nullopt;
  ArrayRef<int64_t> from = cast<RankedTensorType>(blocks.getInput().getType()).getShape();
  ArrayRef<int64_t> to = cast<RankedTensorType>(blocks.getResult().getType()).getShape();
  if (to.size() != 3 || from.size() < 2 || from.back() != to.back() || to.back() == 1 || to[1] == 1)
    return std::nullopt;
  // A block is whole trailing axes of rows, or an equal part of one.
  int64_t rest = to[1];
  for (int64_t size : llvm::reverse(from.drop_back())) {
    if (rest % size != 0) {
      if (size % rest != 0)
        return std::nullopt;
      rest = 1;
      break;
    }
    rest /= size;
  }
  if (rest != 1)
    return std::nullopt;
  return BlockSum{blocks, to[0], to[1]};
}

bool gpt::isViewOfBlockSum(Operation *op) {
  return isa<ReshapeOp>(op) && !op->use_empty() &&
         llvm::all_of(op->getUsers(),
                      [](Operation *user) { return matchBlockSum(user).has_value(); });
}

int64_t gpt::findRowsOfBlockSums(Block &block) {
  for (Operation &op : block)
    if (std::optional<BlockSum> sum = matchBlockSum(&op))
      return sum->rows;
  return 1;
}
