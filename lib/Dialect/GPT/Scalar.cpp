// Scalar arithmetic written as formulas.
#include "gptc/Dialect/GPT/Scalar.h"

using namespace mlir;
using namespace gptc::gpt;

Value gptc::gpt::getScalarConstant(OpBuilder &builder, Location loc, TypedAttr value) {
  Block *block = builder.getInsertionBlock();
  Block::iterator place = block->begin();
  for (; place != block->end(); ++place) {
    auto constant = dyn_cast<arith::ConstantOp>(*place);
    if (!constant)
      break;
    if (constant.getValue() == value)
      return constant;
  }
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(block, place);
  return arith::ConstantOp::create(builder, loc, value);
}

Scalar Scalar::constant(double number, Type type) const {
  TypedAttr value = isa<FloatType>(type)
                        ? TypedAttr(FloatAttr::get(type, number))
                        : TypedAttr(IntegerAttr::get(type, static_cast<int64_t>(number)));
  return {*builder, *loc, getScalarConstant(*builder, *loc, value)};
}

static arith::CmpIPredicate getSignedPredicate(arith::CmpFPredicate predicate) {
  switch (predicate) {
  case arith::CmpFPredicate::OGT:
    return arith::CmpIPredicate::sgt;
  case arith::CmpFPredicate::OLT:
    return arith::CmpIPredicate::slt;
  case arith::CmpFPredicate::OGE:
    return arith::CmpIPredicate::sge;
  default:
    return arith::CmpIPredicate::eq;
  }
}

Scalar Scalar::compare(arith::CmpFPredicate predicate, Scalar other) const {
  Value result = isa<FloatType>(getElementTypeOrSelf(inner.getType()))
                     ? Value(arith::CmpFOp::create(*builder, *loc, predicate, inner, other.inner))
                     : Value(arith::CmpIOp::create(*builder, *loc, getSignedPredicate(predicate),
                                                   inner, other.inner));
  return {*builder, *loc, result};
}

MapOp gptc::gpt::createMap(OpBuilder &builder, Location loc, ArrayRef<int64_t> shape,
                           ValueRange operands,
                           llvm::function_ref<SmallVector<Scalar>(ArrayRef<Scalar>)> body) {
  return MapOp::create(builder, loc, shape, operands,
                       [&](OpBuilder &inner, Location, ValueRange arguments) {
                         SmallVector<Scalar> scalars;
                         for (Value argument : arguments)
                           scalars.emplace_back(inner, loc, argument);
                         SmallVector<Value> results;
                         for (Scalar scalar : body(scalars))
                           results.push_back(scalar.value());
                         return results;
                       });
}

Value gptc::gpt::createMap1(OpBuilder &builder, Location loc, ArrayRef<int64_t> shape,
                            ValueRange operands,
                            llvm::function_ref<Scalar(ArrayRef<Scalar>)> body) {
  return createMap(builder, loc, shape, operands,
                   [&](ArrayRef<Scalar> x) { return SmallVector<Scalar>{body(x)}; })
      .getResult(0);
}
