// The adjoints of one function while it is differentiated.
#include "Adjoints.h"

#include "gptc/Dialect/GPT/Scalar.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::gpt;

/// The parameter that an operation reads, null if it does something else.
static VariableOp getReadParameter(Operation *op, const Variables &variables) {
  auto read = dyn_cast_or_null<ReadOp>(op);
  VariableOp variable = read ? variables.lookUp(read.getVariable()) : VariableOp();
  return variable && variable.getKind() == VariableKind::parameter ? variable : VariableOp();
}

void Adjoints::findActive(Block &block) {
  for (Operation &op : block) {
    VariableOp source = getReadParameter(&op, variables);
    if (!isa<DetachOp>(op))
      for (Value operand : op.getOperands())
        source = source ? source : getSource(operand);
    if (!source)
      continue;
    for (Value result : op.getResults())
      if (isa<FloatType>(getElementTypeOrSelf(result.getType())))
        active[result] = source;
  }
}

bool Adjoints::reaches(Operation *op) const {
  return llvm::any_of(op->getResults(),
                      [&](Value result) { return contributions.contains(result); });
}

Value Adjoints::of(Value result) {
  auto found = contributions.find(result);
  if (found == contributions.end())
    return {};
  SmallVector<Value, 2> &terms = found->second;
  if (terms.size() > 1) {
    auto shape = cast<RankedTensorType>(result.getType()).getShape();
    Value sum = createMap1(builder, result.getLoc(), shape, terms, [](ArrayRef<Scalar> x) {
      Scalar sum = x[0];
      for (Scalar term : x.drop_front())
        sum = sum + term;
      return sum;
    });
    terms = {sum};
  }
  return terms.front();
}

void Adjoints::add(Value operand, Value adjoint) {
  if (!needs(operand))
    return;
  VariableOp parameter = getReadParameter(operand.getDefiningOp(), variables);
  if (!parameter) {
    contributions[operand].push_back(adjoint);
    return;
  }
  VariableOp gradient = variables.lookUp((gradientPrefix + parameter.getSymName()).str());
  bool accumulate = !written.insert(parameter).second;
  createWrite(builder, adjoint.getLoc(), gradient, adjoint, accumulate);
}
