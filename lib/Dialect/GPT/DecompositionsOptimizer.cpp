// Decompositions of the operations of an optimizer's step.
#include "Emit.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace gptc::gpt;

/// `value` as a number of the float type `type`.
static Scalar convertTo(Type type, OpBuilder &builder, Location loc, Value value) {
  unsigned from = value.getType().getIntOrFloatBitWidth(), to = type.getIntOrFloatBitWidth();
  if (from < to)
    value = arith::ExtFOp::create(builder, loc, type, value);
  else if (from > to)
    value = arith::TruncFOp::create(builder, loc, type, value);
  return Scalar(builder, loc, value);
}

// sqrt(sum of squares of the first + …): a square and a sum each, and one scalar map for all.
SmallVector<Value> GlobalNormOp::decompose(OpBuilder &builder) {
  Emitter emit(builder, getLoc());
  Type type = getElementTypeOrSelf(getResult());
  SmallVector<Value> sums;
  for (Value input : getInputs()) {
    auto squares = MapOp::create(builder, getLoc(), shapeOf(input), input,
                                 [&](OpBuilder &inner, Location at, ValueRange v) {
                                   Scalar x = convertTo(type, inner, at, v[0]);
                                   return SmallVector<Value>{(x * x).value()};
                                 });
    sums.push_back(emit.sumAll(squares.getResult(0)));
  }
  Value norm = emit.map({}, sums, [](ArrayRef<Scalar> x) {
    Scalar total = x.front();
    for (Scalar sum : x.drop_front())
      total = total + sum;
    return total.apply<math::SqrtOp>();
  });
  return {norm};
}

// One gpt.map with three results; arithmetic in the scalars' type.
SmallVector<Value> AdamWOp::decompose(OpBuilder &builder) {
  Type stored = getElementTypeOrSelf(getParameter()), type = getElementTypeOrSelf(getRate());
  SmallVector<Value> operands(getOperands());
  if (!getDecayed())
    operands.pop_back();
  auto map =
      MapOp::create(builder, getLoc(), shapeOf(getParameter()), operands,
                    [&](OpBuilder &inner, Location at, ValueRange v) {
                      SmallVector<Scalar> x;
                      for (Value value : v)
                        x.push_back(convertTo(type, inner, at, value));
                      Scalar parameter = x[0], gradient = x[1], first = x[2], second = x[3];
                      Scalar rate = x[4], clip = x[5], beta1 = x[6], beta2 = x[7];
                      Scalar correction1 = x[8], correction2 = x[9], epsilon = x[10];

                      Scalar g = gradient * clip;
                      first = beta1 * first + (1 - beta1) * g;
                      second = beta2 * second + (1 - beta2) * (g * g);
                      Scalar deviation = (second * correction2).apply<math::SqrtOp>() + epsilon;
                      if (getDecayed())
                        parameter = parameter * (1 - rate * x[11]);
                      parameter = parameter - rate * (first * correction1 / deviation);

                      SmallVector<Value> results;
                      for (Scalar result : {parameter, first, second})
                        results.push_back(convertTo(stored, inner, at, result.value()).value());
                      return results;
                    });
  return SmallVector<Value>(map.getResults());
}
