// Formulas for expansions of math functions: numbers of a type, or vectors of them, their bits, and
// fused products.
#ifndef GPTC_LIB_CODEGEN_MATHEMITTER_H
#define GPTC_LIB_CODEGEN_MATHEMITTER_H

#include "gptc/Dialect/GPT/Scalar.h"

#include "mlir/IR/PatternMatch.h"

namespace gptc::codegen {

using gpt::Scalar;

/// Emits at one place, in float32 or float64 or vectors of either. Sums of products are marked
/// `contract`: they are fused where the processor can.
class MathEmitter {
public:
  MathEmitter(mlir::OpBuilder &builder, mlir::Location loc, mlir::Type type);

  Scalar wrap(mlir::Value value) const { return {builder, loc, value}; }
  Scalar number(double value) const;
  Scalar bits(int64_t value) const;
  Scalar asBits(Scalar x) const { return cast<mlir::arith::BitcastOp>(x, bitsType); }
  Scalar asNumber(Scalar x) const { return cast<mlir::arith::BitcastOp>(x, type); }
  template <typename Op> Scalar cast(Scalar x, mlir::Type to) const {
    return wrap(Op::create(builder, loc, to, x.value()));
  }

  /// a · b + c, rounded once or twice.
  Scalar multiplyAdd(Scalar a, Scalar b, Scalar c) const;
  /// a · b + c, rounded once.
  Scalar fused(Scalar a, Scalar b, Scalar c) const;
  /// The polynomial with these coefficients, that of the highest power last.
  Scalar polynomial(Scalar x, llvm::ArrayRef<double> coefficients) const;
  /// x where it is above `low`, else `low`; NaN stays NaN.
  Scalar atLeast(Scalar x, double low) const;
  Scalar atMost(Scalar x, double high) const;
  Scalar isNan(Scalar x) const;
  Scalar either(Scalar a, Scalar b) const { return a.apply<mlir::arith::OrIOp>(b); }

  mlir::OpBuilder &builder;
  mlir::Location loc;
  mlir::Type type;
  mlir::Type bitsType;
};

/// A real number, or a vector of them, of 16 bits as float32, in which all arithmetic is done; of
/// another type, itself. And a float32 rounded to a type of 16 bits.
mlir::Value widened(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value);
mlir::Value narrowed(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value,
                     mlir::Type type);

/// Patterns for exp, log, powf and remf of float32.
void populateExponentialPatterns(mlir::RewritePatternSet &patterns);
/// Patterns for sin and cos of float32.
void populateTrigonometricPatterns(mlir::RewritePatternSet &patterns);
/// Patterns for conversions between bfloat16 and float32, and vectors of them.
void populateBfloat16Patterns(mlir::RewritePatternSet &patterns);

/// A pattern that replaces an operation of float32 scalars, or with `vectors` of vectors too, by
/// what `expand` gives for its operands.
template <typename Op, Scalar (*expand)(const MathEmitter &, llvm::ArrayRef<Scalar>),
          bool vectors = false>
struct ExpandFloat32 : mlir::OpRewritePattern<Op> {
  using mlir::OpRewritePattern<Op>::OpRewritePattern;

  llvm::LogicalResult matchAndRewrite(Op op, mlir::PatternRewriter &rewriter) const override {
    mlir::Type type = op.getType();
    bool isVector = vectors && isa<mlir::VectorType>(type);
    if (!(isVector ? cast<mlir::VectorType>(type).getElementType() : type).isF32())
      return rewriter.notifyMatchFailure(op, "is not of float32");
    MathEmitter emit(rewriter, op.getLoc(), type);
    llvm::SmallVector<Scalar> operands;
    for (mlir::Value operand : op->getOperands())
      operands.push_back(emit.wrap(operand));
    rewriter.replaceOp(op, expand(emit, operands).value());
    return llvm::success();
  }
};

} // namespace gptc::codegen

#endif // GPTC_LIB_CODEGEN_MATHEMITTER_H
