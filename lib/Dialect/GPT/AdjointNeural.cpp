// Adjoints of the named operations of neural networks, in closed form from what they saved.
#include "AdjointBuilders.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace gptc::gpt;

// y = softmax(x): dx = y (dy − Σ y dy)
void SoftmaxOp::buildAdjoint(OpBuilder &builder, Gradients &gradients) {
  if (!gradients.needs(getInput()))
    return;
  Location loc = getLoc();
  ArrayRef<int64_t> shape = getShape(getInput());
  Value y = getResult(), dy = gradients.of(getResult());
  Value product = createMap1(builder, loc, shape, {y, dy}, [](auto x) { return x[0] * x[1]; });
  Value sum = createRowSum(builder, loc, product);
  gradients.add(getInput(), createMap1(builder, loc, shape, {y, dy, sum},
                                       [](auto x) { return x[0] * (x[1] - x[2]); }));
}

// y = log Σ exp(x): dx = exp(x − y) dy
void LogsumexpOp::buildAdjoint(OpBuilder &builder, Gradients &gradients) {
  if (!gradients.needs(getInput()))
    return;
  Location loc = getLoc();
  Value y = createColumn(builder, loc, getResult());
  Value dy = createColumn(builder, loc, gradients.of(getResult()));
  gradients.add(getInput(), createMap1(builder, loc, getShape(getInput()), {getInput(), y, dy},
                                       [](ArrayRef<Scalar> x) {
                                         return (x[0] - x[1]).apply<math::ExpOp>() * x[2];
                                       }));
}

namespace {
/// The operands of a map, added one by one: some are there only in some cases.
class Inputs {
public:
  /// The argument's number, or nothing for a null value.
  std::optional<size_t> add(Value value) {
    if (!value)
      return std::nullopt;
    values.push_back(value);
    return values.size() - 1;
  }
  ArrayRef<Value> get() const { return values; }

private:
  SmallVector<Value> values;
};
} // namespace

// With x̂ = (x − mean) rstd, C columns and g = dy · weight:
//   dweight = Σ rows dy x̂,   dbias = Σ rows dy,
//   dx = rstd (g − Σ g / C − x̂ Σ (g x̂) / C) + dmean / C − drstd rstd² x̂ / C
// where dmean and drstd, the adjoints of the saved statistics, are zero in most models.
void LayerNormOp::buildAdjoint(OpBuilder &builder, Gradients &gradients) {
  Location loc = getLoc();
  ArrayRef<int64_t> shape = getShape(getInput());
  Value x = getInput(), weight = getWeight();
  Value dy = gradients.of(getResult()), dmean = gradients.of(getMean()),
        drstd = gradients.of(getRstd());
  bool needsX = gradients.needs(x), needsWeight = dy && weight && gradients.needs(weight);
  if (dy && getBias() && gradients.needs(getBias()))
    gradients.add(getBias(), createSumTo(builder, loc, dy, getShape(getBias())));
  if (!needsX && !needsWeight)
    return;
  Value mean = createColumn(builder, loc, getMean()), rstd = createColumn(builder, loc, getRstd());

  if (needsWeight) {
    Value product = createMap1(builder, loc, shape, {x, mean, rstd, dy},
                               [](ArrayRef<Scalar> s) { return s[3] * ((s[0] - s[1]) * s[2]); });
    gradients.add(weight, createSumTo(builder, loc, product, getShape(weight)));
  }
  if (!needsX)
    return;

  Value sumG, sumGX;
  if (dy) {
    Inputs inputs;
    inputs.add(x), inputs.add(mean), inputs.add(rstd), inputs.add(dy);
    auto w = inputs.add(weight);
    MapOp map = createMap(builder, loc, shape, inputs.get(), [&](ArrayRef<Scalar> s) {
      Scalar normal = (s[0] - s[1]) * s[2];
      if (!w)
        return SmallVector<Scalar>{s[3] * normal};
      Scalar g = s[3] * s[*w];
      return SmallVector<Scalar>{g * normal, g};
    });
    sumGX = createRowSum(builder, loc, map.getResult(0));
    sumG = createRowSum(builder, loc, w ? map.getResult(1) : dy);
  }

  Inputs inputs;
  inputs.add(x), inputs.add(mean), inputs.add(rstd);
  auto d = inputs.add(dy), w = inputs.add(dy ? weight : Value()), g = inputs.add(sumG),
       gx = inputs.add(sumGX);
  auto dm = inputs.add(dmean ? createColumn(builder, loc, dmean) : dmean);
  auto dr = inputs.add(drstd ? createColumn(builder, loc, drstd) : drstd);
  double part = 1.0 / shape.back();
  gradients.add(x, createMap1(builder, loc, shape, inputs.get(), [&](ArrayRef<Scalar> s) {
                  Scalar normal = (s[0] - s[1]) * s[2], sum;
                  auto add = [&](Scalar term) { sum = sum ? sum + term : term; };
                  if (d)
                    add(s[2] * ((w ? s[*d] * s[*w] : s[*d]) - (s[*g] + normal * s[*gx]) * part));
                  if (dm)
                    add(s[*dm] * part);
                  if (dr)
                    add(-(s[*dr] * (s[2] * s[2]) * normal * part));
                  return sum;
                }));
}

/// How many targets count, as a scalar.
static Value countTargets(OpBuilder &builder, Location loc, Value targets, Type real) {
  ArrayRef<int64_t> rows = getShape(targets);
  Value counts = createMap1(builder, loc, rows, targets, [&](ArrayRef<Scalar> s) {
    return (s[0] >= s[0].constant(0)).select(s[0].constant(1, real), s[0].constant(0, real));
  });
  return createSum(builder, loc, counts, llvm::to_vector(llvm::seq<int64_t>(0, rows.size())));
}

// With p = exp(logits − lse), n the number of targets that count and t a row's target:
//   dlogits = (p − [column = t]) w + p dlse,   w = dloss / n + dterm where t ≥ 0, else 0
void CrossEntropyOp::buildAdjoint(OpBuilder &builder, Gradients &gradients) {
  if (!gradients.needs(getLogits()))
    return;
  Location loc = getLoc();
  ArrayRef<int64_t> shape = getShape(getLogits()), rows = getShape(getTargets());
  Type real = getElementTypeOrSelf(getLogits().getType());
  Value dloss = gradients.of(getLoss()), dterms = gradients.of(getTerms()),
        dlse = gradients.of(getLse());

  Value weight;
  if (dloss || dterms) {
    Inputs inputs;
    inputs.add(getTargets());
    auto loss = inputs.add(dloss);
    auto count = inputs.add(dloss ? countTargets(builder, loc, getTargets(), real) : dloss);
    auto term = inputs.add(dterms);
    weight = createMap1(builder, loc, rows, inputs.get(), [&](ArrayRef<Scalar> s) {
      Scalar sum = loss ? s[*loss] / s[*count] : s[*term];
      if (loss && term)
        sum = sum + s[*term];
      return (s[0] >= s[0].constant(0)).select(sum, sum.constant(0));
    });
  }

  Inputs inputs;
  inputs.add(getLogits()), inputs.add(createColumn(builder, loc, getLse()));
  std::optional<size_t> w, target, column, lse;
  if (weight) {
    auto targets = cast<RankedTensorType>(getTargets().getType());
    w = inputs.add(createColumn(builder, loc, weight));
    target = inputs.add(createColumn(builder, loc, getTargets()));
    column = inputs.add(IotaOp::create(builder, loc, targets.clone({shape.back()})));
  }
  if (dlse)
    lse = inputs.add(createColumn(builder, loc, dlse));
  gradients.add(getLogits(), createMap1(builder, loc, shape, inputs.get(), [&](ArrayRef<Scalar> s) {
                  Scalar p = (s[0] - s[1]).apply<math::ExpOp>(), sum;
                  if (w) {
                    Scalar hit = s[*column].equals(s[*target]);
                    sum = (p - hit.select(p.constant(1), p.constant(0))) * s[*w];
                  }
                  if (lse)
                    sum = sum ? sum + p * s[*lse] : p * s[*lse];
                  return sum;
                }));
}
