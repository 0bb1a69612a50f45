// The adjoint of attention: its scores are computed again.
#include "AdjointBuilders.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace gptc::gpt;

// From do: gpt.flash_attention_grad.
//
// From dlse, the adjoint of the log-sum-exp l, with p the probabilities: dl/ds = p, so
//   dq = scale dlse (p k),   dk = p^T (scale dlse q)
// which are attention with the keys as values, and the adjoint of those values for the output
// adjoint scale dlse q. Neither stores p.
void FlashAttentionOp::buildAdjoint(OpBuilder &builder, Gradients &gradients) {
  Location loc = getLoc();
  Value query = getQuery(), key = getKey();
  if (Value gradient = gradients.of(getResult())) {
    auto grad =
        FlashAttentionGradOp::create(builder, loc, query, key, getValue(), getResult(), getLse(),
                                     gradient, getCausal(), getScale(), getTf32());
    gradients.add(query, grad.getQueryGradient());
    gradients.add(key, grad.getKeyGradient());
    gradients.add(getValue(), grad.getValueGradient());
  }
  Value gradient = gradients.of(getLse());
  if (!gradient || (!gradients.needs(query) && !gradients.needs(key)))
    return;
  Value mean =
      FlashAttentionOp::create(builder, loc, query, key, key, getCausal(), getScale(), getTf32())
          .getResult();
  double scale = getScale().convertToDouble();
  Type narrow = getElementTypeOrSelf(query), wide = getElementTypeOrSelf(gradient);
  auto scaled = [&](Value rows) {
    rows = createConversion(builder, loc, rows, wide);
    Value product =
        createMap1(builder, loc, getShape(rows), {rows, createColumn(builder, loc, gradient)},
                   [&](ArrayRef<Scalar> x) { return x[0] * (x[1] * scale); });
    return createConversion(builder, loc, product, narrow);
  };
  gradients.add(query, scaled(mean));
  if (!gradients.needs(key))
    return;
  auto grad = FlashAttentionGradOp::create(builder, loc, query, key, key, mean, getLse(),
                                           scaled(query), getCausal(), getScale(), getTf32());
  gradients.add(key, grad.getValueGradient());
}
