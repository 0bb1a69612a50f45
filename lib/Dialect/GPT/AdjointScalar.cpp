// Reverse mode over the scalar region of a map.
#include "AdjointScalar.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace gptc::gpt;

void ScalarAdjoints::propagateActivity(Block &block) {
  for (Operation &op : block.without_terminator())
    if (!isPiecewiseConstant(&op) &&
        llvm::any_of(op.getOperands(), [&](Value operand) { return isActive(operand); }))
      for (Value result : op.getResults())
        if (isa<FloatType>(result.getType()))
          active.insert(result);
}

void ScalarAdjoints::add(Value scalar, Value adjoint) {
  if (!isActive(scalar))
    return;
  Value &sum = adjoints[scalar];
  sum = sum ? arith::AddFOp::create(builder, adjoint.getLoc(), sum, adjoint) : adjoint;
}

void ScalarAdjoints::run(Block &block) {
  for (Operation &op : llvm::reverse(block.without_terminator()))
    if (op.getNumResults() == 1 && of(op.getResult(0))) {
      ScalarRule rule(*this, &op);
      getScalarRule (&op)(rule);
    }
}

Value ScalarAdjoints::getPrimal(Value scalar) {
  if (Value known = primal.lookup(scalar))
    return known;
  Operation *op = scalar.getDefiningOp();
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return primal[scalar] = getScalarConstant(builder, op->getLoc(), constant.getValue());
  IRMapping mapping;
  for (Value operand : op->getOperands())
    mapping.map(operand, getPrimal(operand));
  Operation *copy = builder.clone(*op, mapping);
  for (auto [result, copied] : llvm::zip(op->getResults(), copy->getResults()))
    primal.try_emplace(result, copied);
  return primal.lookup(scalar);
}
