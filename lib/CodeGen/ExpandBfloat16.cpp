// Conversions between bfloat16 and float32 as arithmetic on integers.
//
// A bfloat16 is the upper half of a float32: widening is a shift. Narrowing rounds to nearest, ties
// to even, by an addition to the float32's bits, which carries into the exponent where it must, up
// to infinity. The processors' own instruction (AVX512-BF16) takes subnormal numbers for 0.
#include "MathEmitter.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::codegen;

/// The type `like`, a vector or none, with other elements.
static Type withElements(Type like, Type element) {
  if (auto vector = dyn_cast<VectorType>(like))
    return vector.clone(element);
  return element;
}

namespace {
//   %y = arith.extf %x : bf16 to f32
//     =>   the bits of %x, shifted to the left by 16
struct WidenBfloat16 : OpRewritePattern<arith::ExtFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::ExtFOp op, PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getIn()).isBF16() || !getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "is not from bfloat16 to float32");
    MathEmitter m(rewriter, op.getLoc(), op.getType());
    Scalar half = m.cast<arith::BitcastOp>(m.wrap(op.getIn()),
                                           withElements(op.getType(), rewriter.getI16Type()));
    Scalar bits = m.cast<arith::ExtUIOp>(half, m.bitsType).apply<arith::ShLIOp>(m.bits(16));
    rewriter.replaceOp(op, m.asNumber(bits).value());
    return success();
  }
};

//   %y = arith.truncf %x : f32 to bf16
//     =>   bits = the bits of %x
//          %y = upper half of (isnan(%x) ? bits | 0x400000 : bits + 0x7fff + (bit 16 of bits))
struct NarrowToBfloat16 : OpRewritePattern<arith::TruncFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::TruncFOp op, PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getIn()).isF32() || !getElementTypeOrSelf(op.getType()).isBF16())
      return rewriter.notifyMatchFailure(op, "is not from float32 to bfloat16");
    MathEmitter m(rewriter, op.getLoc(), op.getIn().getType());
    Scalar x = m.wrap(op.getIn()), bits = m.asBits(x);
    Scalar odd = bits.apply<arith::ShRUIOp>(m.bits(16)).apply<arith::AndIOp>(m.bits(1));
    Scalar rounded = bits.apply<arith::AddIOp>(m.bits(0x7fff)).apply<arith::AddIOp>(odd);
    // Without this a NaN whose fraction is in the lower half alone would become infinite.
    Scalar quiet = m.either(bits, m.bits(0x400000));
    Scalar whole = m.isNan(x).select(quiet, rounded).apply<arith::ShRUIOp>(m.bits(16));
    Scalar half = m.cast<arith::TruncIOp>(whole, withElements(op.getType(), rewriter.getI16Type()));
    rewriter.replaceOp(op, m.cast<arith::BitcastOp>(half, op.getType()).value());
    return success();
  }
};
} // namespace

void gptc::codegen::populateBfloat16Patterns(RewritePatternSet &patterns) {
  patterns.add<WidenBfloat16, NarrowToBfloat16>(patterns.getContext());
}
