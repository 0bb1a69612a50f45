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

Value gptc::gpt::createConversion(OpBuilder &builder, Location loc, Value value, Type element) {
  auto type = cast<RankedTensorType>(value.getType());
  if (type.getElementType() == element)
    return value;
  return MapOp::create(builder, loc, type.getShape(), value,
                       [&](OpBuilder &inner, Location, ValueRange x) {
                         unsigned from = type.getElementTypeBitWidth(),
                                  to = element.getIntOrFloatBitWidth();
                         // Between types of one width: by way of float32, which holds both.
                         Value wide = x[0];
                         if (from == to)
                           wide = arith::ExtFOp::create(inner, loc, inner.getF32Type(), wide);
                         Value result =
                             from < to ? Value(arith::ExtFOp::create(inner, loc, element, wide))
                                       : Value(arith::TruncFOp::create(inner, loc, element, wide));
                         return SmallVector<Value>{result};
                       })
      .getResult(0);
}

Value gptc::gpt::getConverted(Value value) {
  auto map = value.getDefiningOp<MapOp>();
  if (!map || map.getNumOperands() != 1 || map.getNumResults() != 1 ||
      map.getOperand(0).getType() == value.getType() ||
      cast<RankedTensorType>(map.getOperand(0).getType()).getShape() != map.getShape())
    return {};
  Operation &first = map.getBlock()->front();
  bool converts = isa<arith::ExtFOp, arith::TruncFOp>(first) &&
                  first.getOperand(0) == map.getBlock()->getArgument(0) &&
                  map.getYield().getValues()[0] == first.getResult(0);
  return converts ? map.getOperand(0) : Value();
}
