// Scalar arithmetic written as formulas: the bodies of gpt.map, readable.
//
// `Scalar` wraps an SSA value of a number type together with the builder that emits what is
// computed from it, so that `y * (dy - s)` emits an arith.subf and an arith.mulf.
#ifndef GPTC_DIALECT_GPT_SCALAR_H
#define GPTC_DIALECT_GPT_SCALAR_H

#include "gptc/Dialect/GPT/GPTOps.h"

namespace gptc::gpt {

/// The constant `value` in the builder's block. Constants stand in front of the block's other
/// operations, each once.
mlir::Value getScalarConstant(mlir::OpBuilder &builder, mlir::Location loc, mlir::TypedAttr value);

class Scalar {
public:
  Scalar() = default;
  Scalar(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value)
      : builder(&builder), loc(loc), inner(value) {}

  mlir::Value value() const { return inner; }
  explicit operator bool() const { return static_cast<bool>(inner); }

  /// A number of this scalar's type, or of another.
  Scalar constant(double number) const { return constant(number, inner.getType()); }
  Scalar constant(double number, mlir::Type type) const;

  Scalar operator-() const { return emit<mlir::arith::NegFOp>(inner); }
  Scalar operator+(Scalar other) const { return emit<mlir::arith::AddFOp>(inner, other.inner); }
  Scalar operator-(Scalar other) const { return emit<mlir::arith::SubFOp>(inner, other.inner); }
  Scalar operator*(Scalar other) const { return emit<mlir::arith::MulFOp>(inner, other.inner); }
  Scalar operator/(Scalar other) const { return emit<mlir::arith::DivFOp>(inner, other.inner); }
  Scalar operator+(double number) const { return *this + constant(number); }
  Scalar operator-(double number) const { return *this - constant(number); }
  Scalar operator*(double number) const { return *this * constant(number); }
  Scalar operator/(double number) const { return *this / constant(number); }
  friend Scalar operator+(double number, Scalar x) { return x.constant(number) + x; }
  friend Scalar operator-(double number, Scalar x) { return x.constant(number) - x; }
  friend Scalar operator*(double number, Scalar x) { return x.constant(number) * x; }
  friend Scalar operator/(double number, Scalar x) { return x.constant(number) / x; }

  /// Comparisons give an i1. Real ones are ordered: false where an operand is NaN.
  Scalar operator>(Scalar other) const { return compare(mlir::arith::CmpFPredicate::OGT, other); }
  Scalar operator<(Scalar other) const { return compare(mlir::arith::CmpFPredicate::OLT, other); }
  Scalar operator>=(Scalar other) const { return compare(mlir::arith::CmpFPredicate::OGE, other); }
  Scalar equals(Scalar other) const { return compare(mlir::arith::CmpFPredicate::OEQ, other); }
  Scalar operator&(Scalar other) const { return emit<mlir::arith::AndIOp>(inner, other.inner); }
  /// On an i1: `a` where it holds, else `b`.
  Scalar select(Scalar a, Scalar b) const {
    return emit<mlir::arith::SelectOp>(inner, a.inner, b.inner);
  }

  /// Applies an operation of one operand, such as math::ExpOp.
  template <typename Op> Scalar apply() const { return emit<Op>(inner); }
  template <typename Op> Scalar apply(Scalar other) const { return emit<Op>(inner, other.inner); }
  /// Applies a conversion, such as arith::SIToFPOp, to the type of another scalar.
  template <typename Op> Scalar convert(Scalar like) const {
    return {*builder, *loc, Op::create(*builder, *loc, like.inner.getType(), inner)};
  }

private:
  template <typename Op, typename... Args> Scalar emit(Args... args) const {
    return {*builder, *loc, Op::create(*builder, *loc, args...)};
  }
  Scalar compare(mlir::arith::CmpFPredicate predicate, Scalar other) const;

  mlir::OpBuilder *builder = nullptr;
  std::optional<mlir::Location> loc;
  mlir::Value inner;
};

/// A gpt.map over `operands` whose results have `shape`; `body` gets the operands' elements.
MapOp createMap(mlir::OpBuilder &builder, mlir::Location loc, llvm::ArrayRef<int64_t> shape,
                mlir::ValueRange operands,
                llvm::function_ref<llvm::SmallVector<Scalar>(llvm::ArrayRef<Scalar>)> body);

/// The same with one result.
mlir::Value createMap1(mlir::OpBuilder &builder, mlir::Location loc, llvm::ArrayRef<int64_t> shape,
                       mlir::ValueRange operands,
                       llvm::function_ref<Scalar(llvm::ArrayRef<Scalar>)> body);

/// `value` with real elements of another type, by a gpt.map of one conversion; itself where it has
/// that type. A value that was widened so is rounded back without a trace: to itself.
mlir::Value createConversion(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value,
                             mlir::Type element);

/// The value that `value` converts, where a gpt.map does nothing else; null if it is none.
mlir::Value getConverted(mlir::Value value);

} // namespace gptc::gpt

#endif // GPTC_DIALECT_GPT_SCALAR_H
