// The gpt operations: generated definitions, builders, and verifiers of what inference does not
// cover.
#include "gptc/Dialect/GPT/GPTOps.h"
#include "gptc/Dialect/GPT/Variables.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace gptc::gpt;

#define GET_OP_CLASSES
#include "gptc/Dialect/GPT/GPTOps.cpp.inc"

bool gptc::gpt::isBroadcastable(ArrayRef<int64_t> from, ArrayRef<int64_t> to) {
  if (from.size() > to.size())
    return false;
  for (auto [f, t] : llvm::zip(from, to.take_back(from.size())))
    if (f != t && f != 1)
      return false;
  return true;
}

static int64_t elements(Value value) { return cast<ShapedType>(value.getType()).getNumElements(); }
static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<ShapedType>(value.getType()).getShape();
}

//===- Variables ----------------------------------------------------------===//

LogicalResult VariableOp::verify() {
  bool starts = llvm::is_contained(
      {VariableKind::parameter, VariableKind::state, VariableKind::moment}, getKind());
  if (starts != getInit().has_value()) // (V1)
    return emitOpError() << (starts ? "requires" : "does not take") << " an initialiser";
  if (getDecay() && getKind() != VariableKind::parameter) // (V2)
    return emitOpError("requires kind parameter to decay");
  size_t copies = getCopies() ? getCopies()->size() : 0;
  if (static_cast<size_t>(getSymName().count('*')) != copies) // (V3)
    return emitOpError() << "requires one count for each * in its name, found " << copies;
  if (Attribute attribute = (*this)->getAttr(paddedAttribute)) { // (V4)
    auto padded = dyn_cast<DenseI64ArrayAttr>(attribute);
    ArrayRef<int64_t> shape = getTensorType().getShape();
    auto covers = [](auto sizes) { return std::get<0>(sizes) >= std::get<1>(sizes); };
    if (!padded || padded.size() != static_cast<int64_t>(shape.size()) ||
        !llvm::all_of(llvm::zip(padded.asArrayRef(), shape), covers))
      return emitOpError() << "requires a padded size for each axis, at least its own, found "
                           << attribute;
  }
  return success();
}

/// Finds the variable that `user` names and checks its type: (R1), (W1).
static FailureOr<VariableOp> lookUp(Operation *user, FlatSymbolRefAttr name, Type type,
                                    SymbolTableCollection &tables) {
  auto variable = tables.lookupNearestSymbolFrom<VariableOp>(user, name);
  if (!variable)
    return user->emitOpError() << "requires a variable, found none named " << name;
  RankedTensorType stored = getStoredType(variable);
  if (stored != type) {
    InFlightDiagnostic error = user->emitOpError()
                               << "requires the variable's type " << stored << ", found " << type;
    error.attachNote(variable.getLoc()) << "the variable is declared here";
    return error;
  }
  return variable;
}

LogicalResult ReadOp::verifySymbolUses(SymbolTableCollection &tables) {
  return lookUp(*this, getVariableAttr(), getValue().getType(), tables);
}

LogicalResult WriteOp::verifySymbolUses(SymbolTableCollection &tables) {
  FailureOr<VariableOp> variable = lookUp(*this, getVariableAttr(), getValue().getType(), tables);
  if (failed(variable))
    return failure();
  if (llvm::is_contained({VariableKind::input, VariableKind::step}, variable->getKind())) // (W2)
    return emitOpError() << "does not write variables of kind "
                         << stringifyVariableKind(variable->getKind());
  return success();
}

//===- Elementwise --------------------------------------------------------===//

void MapOp::build(OpBuilder &builder, OperationState &state, ArrayRef<int64_t> shape,
                  ValueRange operands,
                  llvm::function_ref<SmallVector<Value>(OpBuilder &, Location, ValueRange)> body) {
  state.addOperands(operands);
  Region *region = state.addRegion();
  OpBuilder::InsertionGuard guard(builder);
  SmallVector<Type> types;
  for (Value operand : operands)
    types.push_back(getElementTypeOrSelf(operand.getType()));
  Block *block = builder.createBlock(region, region->end(), types,
                                     SmallVector<Location>(types.size(), state.location));
  SmallVector<Value> results = body(builder, state.location, block->getArguments());
  YieldOp::create(builder, state.location, results);
  for (Value result : results)
    state.addTypes(RankedTensorType::get(shape, result.getType()));
}

YieldOp MapOp::getYield() { return cast<YieldOp>(getBlock()->getTerminator()); }

LogicalResult MapOp::verify() {
  if (getNumResults() == 0)
    return emitOpError("requires a result");
  for (Value result : getResults())
    if (shapeOf(result) != getShape()) // (M1)
      return emitOpError() << "requires results of one shape, found " << getResult(0).getType()
                           << " and " << result.getType();
  for (Value operand : getOperands())
    if (!isBroadcastable(shapeOf(operand), getShape())) // (M2)
      return emitOpError() << "requires operands that stretch to " << getResult(0).getType()
                           << ", found " << operand.getType();
  SmallVector<Type> operandTypes, resultTypes;
  for (Value operand : getOperands())
    operandTypes.push_back(getElementTypeOrSelf(operand.getType()));
  for (Value result : getResults())
    resultTypes.push_back(getElementTypeOrSelf(result.getType()));
  if (TypeRange(getBlock()->getArgumentTypes()) != TypeRange(operandTypes)) // (M3)
    return emitOpError() << "requires region arguments of types " << operandTypes << ", found "
                         << getBlock()->getArgumentTypes();
  auto yield = dyn_cast<YieldOp>(getBlock()->getTerminator());
  if (!yield || TypeRange(yield.getOperandTypes()) != TypeRange(resultTypes)) // (M4)
    return emitOpError() << "requires a yield of types " << resultTypes;
  for (Operation &op : getBlock()->without_terminator())
    if (!isa<arith::ArithDialect, math::MathDialect>(op.getDialect())) { // (M5)
      InFlightDiagnostic error = emitOpError("requires arith and math operations in its region");
      error.attachNote(op.getLoc()) << "found " << op.getName();
      return error;
    }
  return success();
}

LogicalResult IotaOp::verify() {
  if (shapeOf(getResult()).size() != 1) // (I1)
    return emitOpError() << "requires a result with one axis, found " << getType();
  return success();
}

LogicalResult RandomOp::verify() {
  if (shapeOf(getKey()) != ArrayRef<int64_t>{4}) // (N1)
    return emitOpError() << "requires a key of four words, found " << getKey().getType();
  return success();
}

//===- Shapes -------------------------------------------------------------===//

LogicalResult ReshapeOp::verify() {
  if (elements(getInput()) != elements(getResult()) ||
      getElementTypeOrSelf(getInput()) != getElementTypeOrSelf(getResult())) // (S1)
    return emitOpError() << "requires as many elements of the same type, found "
                         << getInput().getType() << " and " << getType();
  return success();
}

LogicalResult SplitOp::verify() {
  auto input = cast<RankedTensorType>(getInput().getType());
  int64_t axis = getAxis(), total = 0;
  if (axis < 0 || axis >= input.getRank())
    return emitOpError() << "requires an axis below " << input.getRank() << ", found " << axis;
  for (Value result : getResults()) {
    auto type = cast<RankedTensorType>(result.getType());
    SmallVector<int64_t> expected(input.getShape());
    if (type.getRank() == input.getRank())
      total += expected[axis] = type.getDimSize(axis);
    if (type != RankedTensorType::get(expected, input.getElementType())) // (P1)
      return emitOpError() << "requires pieces that agree with " << input << " but for axis "
                           << axis << ", found " << type;
  }
  if (total != input.getDimSize(axis)) // (P1)
    return emitOpError() << "requires pieces of " << input.getDimSize(axis) << " in all, found "
                         << total;
  return success();
}

//===- Products -----------------------------------------------------------===//

/// (X5), (A8)
static LogicalResult verifyTf32(Operation *op, bool tf32, Type type) {
  if (tf32 && !getElementTypeOrSelf(type).isF32())
    return op->emitOpError() << "requires float32 operands for tf32, found " << type;
  return success();
}

LogicalResult MatmulOp::verify() { return verifyTf32(*this, getTf32(), getLhs().getType()); }

LogicalResult FlashAttentionOp::verify() {
  return verifyTf32(*this, getTf32(), getQuery().getType());
}

LogicalResult FlashAttentionGradOp::verify() {
  return verifyTf32(*this, getTf32(), getQuery().getType());
}

//===- Gathers ------------------------------------------------------------===//

LogicalResult ArgsortOp::verify() {
  if (shapeOf(getResult()) != ArrayRef<int64_t>{elements(getIndices())}) // (O1)
    return emitOpError() << "requires a result with one axis of " << elements(getIndices())
                         << ", found " << getType();
  return success();
}

LogicalResult EmbeddingGradOp::verify() {
  SmallVector<int64_t> expected(shapeOf(getIndices()));
  ArrayRef<int64_t> result = shapeOf(getResult());
  expected.push_back(result.size() == 2 ? result[1] : -1);
  if (shapeOf(getAdjoint()) != ArrayRef<int64_t>(expected)) // (G1)
    return emitOpError()
           << "requires an adjoint with a row for each index and the result's width, found "
           << getAdjoint().getType() << " for " << getIndices().getType() << " and " << getType();
  if (shapeOf(getOrder()) != ArrayRef<int64_t>{elements(getIndices())}) // (G2)
    return emitOpError() << "requires an order of " << elements(getIndices()) << " elements, found "
                         << getOrder().getType();
  return success();
}

LogicalResult SoftmaxOp::verify() {
  if (shapeOf(getInput()).empty()) // (Z1)
    return emitOpError("requires a last axis, found a scalar");
  return success();
}

//===- Optimizer ----------------------------------------------------------===//

LogicalResult GlobalNormOp::verify() {
  if (!shapeOf(getResult()).empty()) // (J1)
    return emitOpError() << "requires a scalar result, found " << getType();
  if (getInputs().empty()) // (J2)
    return emitOpError("requires an operand");
  return success();
}

LogicalResult AdamWOp::verify() {
  for (Value scalar : {getRate(), getClip(), getBeta1(), getBeta2(), getCorrection1(),
                       getCorrection2(), getEpsilon(), getDecay()})
    if (!shapeOf(scalar).empty()) // (F2)
      return emitOpError() << "requires scalars, found " << scalar.getType();
  return success();
}

//===- Structure ----------------------------------------------------------===//

LogicalResult RepeatOp::verify() {
  if (auto count = static_cast<int64_t>(getCount()); count < 0) // (Q2)
    return emitOpError() << "requires a count of at least 0, found " << count;
  Block &block = getBody().front();
  auto yield = dyn_cast<YieldOp>(block.getTerminator());
  TypeRange types = getInits().getTypes();
  if (block.getArgumentTypes() != types || !yield || yield.getOperandTypes() != types ||
      getResultTypes() != types) // (Q1)
    return emitOpError() << "requires arguments, yielded values and results of types " << types;
  return success();
}

LogicalResult FusedOp::verify() {
  Block &block = getBody().front();
  auto yield = dyn_cast<YieldOp>(block.getTerminator());
  if (block.getArgumentTypes() != getOperandTypes() || !yield ||
      yield.getOperandTypes() != getResultTypes()) // (U1)
    return emitOpError(
        "requires region arguments and yielded values of the operands' and results' types");
  return success();
}
