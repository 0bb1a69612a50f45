// Decompositions of row operations.
//
// Each is written so that one pass over a row can compute it after fusion: row statistics come back
// as axes of size 1 and are stretched, nothing is gathered (an index is compared with gpt.iota),
// and the difference from a row's statistic is recomputed where it is used.
#include "Emit.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace gptc::gpt;

using Scalars = ArrayRef<Scalar>;

static constexpr double infinity = std::numeric_limits<double>::infinity();

/// A row's maximum as it is subtracted before exp: 0 in place of an infinite one, since inf − inf
/// is NaN.
static Scalar finiteOrZero(Scalar max) {
  return max.apply<math::AbsFOp>().equals(max.constant(infinity)).select(max.constant(0), max);
}

// row[i]  =>  sum(select(iota == i, row, 0))
static Value pick(const Emitter &emit, Value input, Value indices) {
  ArrayRef<int64_t> shape = shapeOf(input);
  Value chosen =
      emit.map(shape, {input, emit.iota(shape.back()), emit.asColumn(indices)},
               [](Scalars x) { return x[1].equals(x[2]).select(x[0], x[0].constant(0)); });
  return emit.reduceRow(ReduceKind::sum, chosen);
}

// row  =>  exp(row - max) / sum(exp(row - max))
static Value softmax(const Emitter &emit, Value input) {
  ArrayRef<int64_t> shape = shapeOf(input);
  Value max = emit.asColumn(emit.reduceRow(ReduceKind::max, input));
  Value exps =
      emit.map(shape, {input, max}, [](Scalars x) { return (x[0] - x[1]).apply<math::ExpOp>(); });
  Value sum = emit.asColumn(emit.reduceRow(ReduceKind::sum, exps));
  return emit.map(shape, {exps, sum}, [](Scalars x) { return x[0] / x[1]; });
}

// row  =>  log(sum(exp(row - max))) + max
static Value logsumexp(const Emitter &emit, Value input) {
  Value max = emit.reduceRow(ReduceKind::max, input);
  Value exps = emit.map(shapeOf(input), {input, emit.asColumn(max)},
                        [](Scalars x) { return (x[0] - finiteOrZero(x[1])).apply<math::ExpOp>(); });
  Value sum = emit.reduceRow(ReduceKind::sum, exps);
  return emit.map(shapeOf(max), {sum, max},
                  [](Scalars x) { return x[0].apply<math::LogOp>() + finiteOrZero(x[1]); });
}

SmallVector<Value> PickOp::decompose(OpBuilder &builder) {
  return {pick(Emitter(builder, getLoc()), getInput(), getIndices())};
}

SmallVector<Value> SoftmaxOp::decompose(OpBuilder &builder) {
  return {softmax(Emitter(builder, getLoc()), getInput())};
}

SmallVector<Value> LogsumexpOp::decompose(OpBuilder &builder) {
  return {logsumexp(Emitter(builder, getLoc()), getInput())};
}

// mean = sum(x) / n;  rstd = rsqrt(sum((x - mean)^2) / n + epsilon)
// y = (x - mean) * rstd * weight + bias
SmallVector<Value> LayerNormOp::decompose(OpBuilder &builder) {
  Emitter emit(builder, getLoc());
  ArrayRef<int64_t> shape = shapeOf(getInput());
  double size = shape.back(), epsilon = getEpsilon().convertToDouble();

  Value sum = emit.reduceRow(ReduceKind::sum, getInput());
  Value mean = emit.map(shapeOf(sum), {sum}, [&](Scalars x) { return x[0] / size; });
  Value squares = emit.map(shape, {getInput(), emit.asColumn(mean)}, [](Scalars x) {
    Scalar centred = x[0] - x[1];
    return centred * centred;
  });
  Value squareSum = emit.reduceRow(ReduceKind::sum, squares);
  Value rstd = emit.map(shapeOf(sum), {squareSum},
                        [&](Scalars x) { return (x[0] / size + epsilon).apply<math::RsqrtOp>(); });

  SmallVector<Value> operands{getInput(), emit.asColumn(mean), emit.asColumn(rstd)};
  for (Value parameter : {getWeight(), getBias()})
    if (parameter)
      operands.push_back(parameter);
  Value result = emit.map(shape, operands, [&](Scalars x) {
    Scalar y = (x[0] - x[1]) * x[2];
    if (getWeight())
      y = y * x[3];
    return getBias() ? y + x.back() : y;
  });
  return {result, mean, rstd};
}

// terms = select(target >= 0, logsumexp(row) - row[target], 0)
// loss = sum(terms) / sum(target >= 0)
SmallVector<Value> CrossEntropyOp::decompose(OpBuilder &builder) {
  Emitter emit(builder, getLoc());
  ArrayRef<int64_t> rows = shapeOf(getTargets());
  auto counts = [](Scalar target) { return target >= target.constant(0); };

  Value lse = logsumexp(emit, getLogits());
  Value picked = pick(emit, getLogits(), getTargets());
  Value terms = emit.map(rows, {lse, picked, getTargets()}, [&](Scalars x) {
    return counts(x[2]).select(x[0] - x[1], x[0].constant(0));
  });
  Type type = getElementTypeOrSelf(getLogits());
  // Written as in the adjoint, so that both are one.
  Value kept = emit.map(rows, getTargets(), [&](Scalars x) {
    return counts(x[0]).select(x[0].constant(1, type), x[0].constant(0, type));
  });
  Value loss =
      emit.map({}, {emit.sumAll(terms), emit.sumAll(kept)}, [](Scalars x) { return x[0] / x[1]; });
  return {loss, terms, lse};
}
