// Decompositions of attention, in its forms.
//
// Queries of one group become rows of one matrix: [B, H, T, D] => [B, G, H/G * T, D], so that keys
// and values are used as they are. Scores are scaled, masked and normalised under [B, H, T, S].
// Operands of 16 bits are widened first and results narrowed, as all inside is float32.
#include "Emit.h"

#include "mlir/IR/TypeUtilities.h"

#include <cmath>

using namespace mlir;
using namespace gptc::gpt;

using Scalars = ArrayRef<Scalar>;

/// Multiplies by a number that the scalar's type need not hold: by its two halves.
static Scalar multiply(Scalar x, double factor) {
  Type type = x.value().getType();
  double high = FloatAttr::get(type, factor).getValueAsDouble();
  double low = FloatAttr::get(type, factor - high).getValueAsDouble();
  return low == 0 || !std::isfinite(high) ? x * high : x * high + x * low;
}

namespace {
/// Emits what the forms of attention share.
class AttentionEmitter : public Emitter {
public:
  template <typename Op>
  AttentionEmitter(OpBuilder &builder, Op op)
      : Emitter(builder, op.getLoc()), narrow(getElementTypeOrSelf(op.getQuery())),
        key(widen(op.getKey())), value(widen(op.getValue())), causal(op.getCausal()),
        scale(op.getScale().convertToDouble()) {
    ArrayRef<int64_t> query = shapeOf(op.getQuery()), keys = shapeOf(op.getKey());
    scoreShape = {query[0], query[1], query[2], keys[2]};
    groups = keys[1];
  }

  /// Operands as the arithmetic inside takes them, and results as the operation gives them.
  Value widen(Value operand) const {
    auto real = cast<FloatType>(getElementTypeOrSelf(operand));
    return real.getWidth() < 32 ? convert(operand, Float32Type::get(real.getContext())) : operand;
  }
  Value narrowed(Value result) const { return convert(result, narrow); }

  /// Rows of heads, [B, H, T, N], as rows of their groups, [B, G, H/G * T, N].
  Value group(Value rows) const {
    return reshape(rows, {scoreShape[0], groups, scoreShape[1] / groups * scoreShape[2],
                          shapeOf(rows).back()});
  }
  /// Rows of groups as rows of their heads.
  Value ungroup(Value rows) const {
    return reshape(rows, {scoreShape[0], scoreShape[1], scoreShape[2], shapeOf(rows).back()});
  }

  /// scale * query key^T, and -inf where the mask hides a key.
  Value scores(Value query, std::optional<int64_t> window = std::nullopt) const {
    int64_t queries = scoreShape[2], keys = scoreShape[3];
    SmallVector<Value> operands{ungroup(matmul(group(query), key, /*transposeRhs=*/true, tf32))};
    if (causal)
      operands.append({reshape(iota(queries), {queries, 1}), iota(keys)});
    return map(scoreShape, operands, [&](Scalars x) {
      Scalar score = multiply(x[0], scale);
      if (!causal)
        return score;
      Scalar seen = x[1] >= x[2];
      if (window && *window < queries) {
        Scalar behind = x[1].apply<arith::SubIOp>(x[2]);
        seen = seen & (behind < behind.constant(*window));
      }
      return seen.select(score, score.constant(-std::numeric_limits<double>::infinity()));
    });
  }

  /// The sums of values under weights of [B, H, T, S].
  Value mix(Value weights) const {
    return ungroup(matmul(group(weights), value, /*transposeRhs=*/false, tf32));
  }

  Type narrow; ///< of the operation's operands
  Value key, value;
  SmallVector<int64_t> scoreShape; ///< B, H, T, S
  int64_t groups;
  bool causal, tf32 = false;
  double scale;
};
} // namespace

SmallVector<Value> AttentionOp::decompose(OpBuilder &builder) {
  AttentionEmitter emit(builder, *this);
  // Unlike that of flash attention, the scale is rounded to the element type.
  Type type = getElementTypeOrSelf(getQuery());
  emit.scale = FloatAttr::get(type, emit.scale).getValueAsDouble();
  Value scores = emit.scores(emit.widen(getQuery()), getWindow());
  return {emit.narrowed(emit.mix(SoftmaxOp::create(builder, getLoc(), scores)))};
}

bool FlashAttentionOp::hasKernel() { return true; }

SmallVector<Value> FlashAttentionOp::decompose(OpBuilder &builder) {
  AttentionEmitter emit(builder, *this);
  emit.tf32 = getTf32();
  Value scores = emit.scores(emit.widen(getQuery()));
  Value result = emit.narrowed(emit.mix(SoftmaxOp::create(builder, getLoc(), scores)));
  return {result, LogsumexpOp::create(builder, getLoc(), scores)};
}

bool FlashAttentionGradOp::hasKernel() { return true; }

// p = exp(scores - lse);  dp = do v^T;  ds = p * (dp - sum(do * o)) * scale
// dq = ds k;  dk = ds^T q;  dv = p^T do
SmallVector<Value> FlashAttentionGradOp::decompose(OpBuilder &builder) {
  AttentionEmitter emit(builder, *this);
  emit.tf32 = getTf32();
  Value query = emit.widen(getQuery()), output = emit.widen(getOutput()),
        gradient = emit.widen(getGradient());
  Value p = emit.map(emit.scoreShape, {emit.scores(query), emit.asColumn(getLse())},
                     [](Scalars x) { return (x[0] - x[1]).apply<math::ExpOp>(); });
  Value products =
      emit.map(shapeOf(output), {output, gradient}, [](Scalars x) { return x[0] * x[1]; });
  Value delta = emit.asColumn(emit.reduceRow(ReduceKind::sum, products));
  Value grouped = emit.group(gradient);
  Value dp = emit.ungroup(emit.matmul(grouped, emit.value, /*transposeRhs=*/true, emit.tf32));
  Value ds = emit.group(emit.map(emit.scoreShape, {p, dp, delta}, [&](Scalars x) {
    return multiply(x[0] * (x[1] - x[2]), emit.scale);
  }));
  auto transposed = [&](Value lhs, Value rhs) {
    Value product = MatmulOp::create(builder, getLoc(), lhs, rhs, /*transpose_lhs=*/true,
                                     /*transpose_rhs=*/false, emit.tf32);
    return emit.narrowed(product);
  };
  Value dq = emit.ungroup(emit.matmul(ds, emit.key, /*transposeRhs=*/false, emit.tf32));
  return {emit.narrowed(dq), transposed(ds, emit.group(query)), transposed(emit.group(p), grouped)};
}
