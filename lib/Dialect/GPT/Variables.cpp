// Variables that passes add to a module.
#include "gptc/Dialect/GPT/Variables.h"

using namespace mlir;
using namespace gptc::gpt;

RankedTensorType gptc::gpt::getStoredType(VariableOp variable) {
  RankedTensorType type = variable.getTensorType();
  auto padded = variable->getAttrOfType<DenseI64ArrayAttr>(paddedAttribute);
  return padded ? type.clone(padded.asArrayRef()) : type;
}

Variables::Variables(ModuleOp module) : module(module) {
  for (Operation &op : *module.getBody()) {
    if (auto symbol = dyn_cast<SymbolOpInterface>(op))
      symbols[symbol.getName()] = &op;
    if (isa<VariableOp>(op))
      last = &op;
  }
}

SmallVector<VariableOp> Variables::getAll(VariableKind kind) {
  SmallVector<VariableOp> found;
  for (auto variable : module.getOps<VariableOp>())
    if (variable.getKind() == kind)
      found.push_back(variable);
  return found;
}

FailureOr<VariableOp> Variables::declare(Location loc, const Twine &name, VariableKind kind,
                                         Type type) {
  std::string symbol = name.str();
  if (Operation *taken = symbols.lookup(symbol)) {
    auto variable = dyn_cast<VariableOp>(taken);
    if (variable && variable.getKind() == kind && variable.getType() == type)
      return variable;
    InFlightDiagnostic error = mlir::emitError(loc)
                               << "requires @" << symbol << " for a variable of kind "
                               << stringifyVariableKind(kind) << " and type " << type;
    error.attachNote(taken->getLoc()) << "the name is taken here";
    return error;
  }
  OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
  if (last)
    builder.setInsertionPointAfter(last);
  InitAttr init;
  if (kind == VariableKind::moment)
    init = InitAttr::get(module.getContext(), InitKind::constant, 0.0);
  auto variable = VariableOp::create(builder, loc, symbol, kind, type, init, /*copies=*/{},
                                     /*decay=*/false, /*owner=*/{}, /*derived=*/{});
  symbols[symbol] = last = variable;
  return variable;
}

FailureOr<VariableOp> Variables::declareFor(VariableOp owner, StringRef prefix, VariableKind kind,
                                            Type type) {
  FailureOr<VariableOp> variable = declare(owner.getLoc(), prefix + owner.getSymName(), kind, type);
  if (succeeded(variable))
    variable->setOwner(owner.getSymName());
  return variable;
}

Value gptc::gpt::createRead(OpBuilder &builder, Location loc, VariableOp variable) {
  return ReadOp::create(builder, loc, getStoredType(variable), variable.getSymName());
}

WriteOp gptc::gpt::createWrite(OpBuilder &builder, Location loc, VariableOp variable, Value value,
                               bool accumulate) {
  return WriteOp::create(builder, loc, variable.getSymName(), value, accumulate);
}
