// Building blocks of math expansions.
#include "MathEmitter.h"

using namespace mlir;
using namespace gptc::codegen;

MathEmitter::MathEmitter(OpBuilder &builder, Location loc, Type type)
    : builder(builder), loc(loc), type(type),
      bitsType(builder.getIntegerType(getElementTypeOrSelf(type).getIntOrFloatBitWidth())) {
  if (auto vector = dyn_cast<VectorType>(type))
    bitsType = vector.clone(bitsType);
}

/// The constant `element`, in each lane where `type` is a vector.
static Scalar createConstant(const MathEmitter &emit, Type type, TypedAttr element) {
  if (auto vector = dyn_cast<VectorType>(type))
    element = DenseElementsAttr::get(vector, ArrayRef<Attribute>(element));
  return emit.wrap(arith::ConstantOp::create(emit.builder, emit.loc, element));
}

Scalar MathEmitter::number(double value) const {
  return createConstant(*this, type, builder.getFloatAttr(getElementTypeOrSelf(type), value));
}

Scalar MathEmitter::bits(int64_t value) const {
  return createConstant(*this, bitsType,
                        builder.getIntegerAttr(getElementTypeOrSelf(bitsType), value));
}

Scalar MathEmitter::multiplyAdd(Scalar a, Scalar b, Scalar c) const {
  Value product =
      arith::MulFOp::create(builder, loc, a.value(), b.value(), arith::FastMathFlags::contract);
  return wrap(
      arith::AddFOp::create(builder, loc, product, c.value(), arith::FastMathFlags::contract));
}

Scalar MathEmitter::fused(Scalar a, Scalar b, Scalar c) const {
  return wrap(math::FmaOp::create(builder, loc, a.value(), b.value(), c.value()));
}

Scalar MathEmitter::polynomial(Scalar x, ArrayRef<double> coefficients) const {
  Scalar sum = number(coefficients.back());
  for (double coefficient : llvm::reverse(coefficients.drop_back()))
    sum = multiplyAdd(sum, x, number(coefficient));
  return sum;
}

Scalar MathEmitter::atLeast(Scalar x, double low) const {
  return (x < number(low)).select(number(low), x);
}

Scalar MathEmitter::atMost(Scalar x, double high) const {
  return (x > number(high)).select(number(high), x);
}

Scalar MathEmitter::isNan(Scalar x) const {
  return wrap(arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::UNO, x.value(), x.value()));
}

static bool isHalf(Type type) {
  Type element = getElementTypeOrSelf(type);
  return element.isBF16() || element.isF16();
}

Value gptc::codegen::widened(OpBuilder &builder, Location loc, Value value) {
  if (!isHalf(value.getType()))
    return value;
  Type wide = builder.getF32Type();
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    wide = vector.clone(wide);
  return arith::ExtFOp::create(builder, loc, wide, value);
}

Value gptc::codegen::narrowed(OpBuilder &builder, Location loc, Value value, Type type) {
  if (!isHalf(type) || value.getType() == type)
    return value;
  return arith::TruncFOp::create(builder, loc, type, value);
}
