// Decompositions of row operations and attention.
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
  auto kept =
      MapOp::create(builder, getLoc(), rows, getTargets(),
                    [&](OpBuilder &inner, Location at, ValueRange targets) {
                      Scalar one(inner, at, getScalarConstant(inner, at, FloatAttr::get(type, 1)));
                      Scalar count =
                          counts(Scalar(inner, at, targets[0])).select(one, one.constant(0));
                      return SmallVector<Value>{count.value()};
                    });
  Value loss = emit.map({}, {emit.sumAll(terms), emit.sumAll(kept.getResult(0))},
                        [](Scalars x) { return x[0] / x[1]; });
  return {loss, terms, lse};
}

// Queries of one group become rows of one matrix: [B, H, T, D] => [B, G, H/G * T, D], so that keys
// and values are used as they are. Scores are scaled, masked and normalised under [B, H, T, S].
SmallVector<Value> AttentionOp::decompose(OpBuilder &builder) {
  Emitter emit(builder, getLoc());
  ArrayRef<int64_t> query = shapeOf(getQuery()), key = shapeOf(getKey());
  int64_t batch = query[0], heads = query[1], queries = query[2], groups = key[1], keys = key[2];
  int64_t rows = heads / groups * queries, width = shapeOf(getValue())[3];
  SmallVector<int64_t> scoreShape{batch, heads, queries, keys};
  double scale = getScale().convertToDouble();
  std::optional<int64_t> window = getWindow();

  Value grouped = emit.reshape(getQuery(), {batch, groups, rows, query[3]});
  Value products = emit.reshape(emit.matmul(grouped, getKey(), /*transposeRhs=*/true), scoreShape);
  SmallVector<Value> operands{products};
  if (getCausal())
    operands.append({emit.reshape(emit.iota(queries), {queries, 1}), emit.iota(keys)});
  Value scores = emit.map(scoreShape, operands, [&](Scalars x) {
    Scalar score = x[0] * scale;
    if (!getCausal())
      return score;
    Scalar seen = x[1] >= x[2];
    if (window && *window < queries) {
      Scalar behind = x[1].apply<arith::SubIOp>(x[2]);
      seen = seen & (behind < behind.constant(*window));
    }
    return seen.select(score, score.constant(-infinity));
  });
  Value probabilities = SoftmaxOp::create(builder, getLoc(), scores);
  Value weights = emit.reshape(probabilities, {batch, groups, rows, keys});
  Value result = emit.matmul(weights, getValue(), /*transposeRhs=*/false);
  return {emit.reshape(result, {batch, heads, queries, width})};
}
