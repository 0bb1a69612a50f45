// Evaluates the region of a map as far as some of its operands are known.
#include "gptc/Dialect/GPT/Zeros.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace gptc::gpt;

TypedAttr gptc::gpt::zeroOf(Type type) { return Builder(type.getContext()).getZeroAttr(type); }

static bool isZero(Attribute value) {
  if (auto real = dyn_cast_or_null<FloatAttr>(value))
    return real.getValue().isZero();
  auto integer = dyn_cast_or_null<IntegerAttr>(value);
  return integer && integer.getValue().isZero();
}

/// 0 · x, 0 / x, and powers of 0, which folding leaves alone for the sake of NaN and infinity.
static bool vanishes(Operation *op, ArrayRef<Attribute> operands) {
  if (isa<arith::MulFOp, arith::MulIOp>(op))
    return isZero(operands[0]) || isZero(operands[1]);
  if (isa<arith::DivFOp>(op))
    return isZero(operands[0]) && !isZero(operands[1]);
  if (isa<math::FPowIOp>(op)) {
    auto exponent = dyn_cast_or_null<IntegerAttr>(operands[1]);
    return isZero(operands[0]) && exponent && exponent.getInt() > 0;
  }
  return false;
}

/// The value of an operation's only result where it is known.
static Attribute evaluate(Operation *op, ArrayRef<Attribute> operands) {
  if (vanishes(op, operands))
    return zeroOf(op->getResult(0).getType());
  if (isa<arith::SelectOp>(op)) {
    auto condition = dyn_cast_or_null<IntegerAttr>(operands[0]);
    if (condition)
      return condition.getValue().isZero() ? operands[2] : operands[1];
    return operands[1] == operands[2] ? operands[1] : Attribute();
  }
  // Folding may change the operation: a copy of it.
  Operation *copy = op->clone();
  SmallVector<OpFoldResult> results;
  Attribute value;
  if (succeeded(copy->fold(operands, results)) && results.size() == 1) {
    value = dyn_cast_or_null<Attribute>(results[0]);
    if (auto same = dyn_cast_if_present<Value>(results[0]))
      for (auto [operand, known] : llvm::zip(op->getOperands(), operands))
        if (operand == same)
          value = known;
  }
  copy->destroy();
  return value;
}

bool gptc::gpt::givesZero(MapOp map, unsigned result, ArrayRef<TypedAttr> known) {
  DenseMap<Value, Attribute> values;
  for (auto [argument, value] : llvm::zip(map.getBlock()->getArguments(), known))
    values[argument] = value;
  for (Operation &op : map.getBlock()->without_terminator()) {
    if (op.getNumResults() != 1)
      continue;
    Attribute constant;
    if (matchPattern(&op, m_Constant(&constant))) {
      values[op.getResult(0)] = constant;
      continue;
    }
    SmallVector<Attribute> operands;
    for (Value operand : op.getOperands())
      operands.push_back(values.lookup(operand));
    values[op.getResult(0)] = evaluate(&op, operands);
  }
  return isZero(values.lookup(map.getYield().getValues()[result]));
}
