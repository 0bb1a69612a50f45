// Floating-point operations, from shapes.
#include "gptc/Transforms/Work.h"

#include "gptc/Dialect/GPT/GPTOps.h"

using namespace mlir;
using namespace gptc;

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

static int64_t elementsOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getNumElements();
}

/// Pairs of a query and a key that attention computes a score of, of all heads, times the size of a
/// head.
static int64_t scoredProducts(Value query, Value key, bool causal) {
  int64_t queries = shapeOf(query).end()[-2], keys = shapeOf(key).end()[-2];
  int64_t all = elementsOf(query) * keys;
  return causal && queries == keys ? (all + elementsOf(query)) / 2 : all;
}

int64_t gptc::flopsOf(Operation *op) {
  if (auto matmul = dyn_cast<gpt::MatmulOp>(op)) {
    int64_t summed = shapeOf(matmul.getLhs()).end()[matmul.getTransposeLhs() ? -2 : -1];
    return 2 * elementsOf(matmul.getResult()) * summed;
  }
  // Two products for the result; five for the adjoint, one of which computes the scores again.
  if (auto attention = dyn_cast<gpt::FlashAttentionOp>(op))
    return 2 * 2 * scoredProducts(attention.getQuery(), attention.getKey(), attention.getCausal());
  if (auto attention = dyn_cast<gpt::FlashAttentionGradOp>(op))
    return 5 * 2 * scoredProducts(attention.getQuery(), attention.getKey(), attention.getCausal());
  if (auto reduce = dyn_cast<gpt::ReduceOp>(op))
    return elementsOf(reduce.getInput());
  if (auto sum = dyn_cast<gpt::EmbeddingGradOp>(op))
    return elementsOf(sum.getAdjoint());
  if (!isa<gpt::MapOp>(op))
    return 0;
  int64_t scalars = 0;
  op->walk([&](Operation *inner) {
    scalars += inner->getParentOp() == op && !inner->hasTrait<OpTrait::ConstantLike>() &&
               !inner->hasTrait<OpTrait::IsTerminator>();
  });
  return scalars * elementsOf(op->getResult(0));
}

int64_t gptc::flopsWithin(Operation *op) {
  int64_t flops = 0;
  op->walk([&](Operation *inner) { flops += flopsOf(inner); });
  return flops;
}
