// The plan dialect: registration and verifiers.
#include "gptc/Dialect/Plan/PlanOps.h"

#include "gptc/Dialect/GPT/BlockSums.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace gptc::plan;

#include "gptc/Dialect/Plan/PlanDialect.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "gptc/Dialect/Plan/PlanAttributes.cpp.inc"

#define GET_OP_CLASSES
#include "gptc/Dialect/Plan/PlanOps.cpp.inc"

void PlanDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "gptc/Dialect/Plan/PlanOps.cpp.inc"
      >();
  registerAttributes();
}

void PlanDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "gptc/Dialect/Plan/PlanAttributes.cpp.inc"
      >();
}

int64_t gptc::plan::bytesOfElement(Type element) {
  return element.isF16() || element.isBF16() ? 2 : 4;
}

static bool isReal(Type type) { return type.isF32() || type.isF16() || type.isBF16(); }

Type BufferOp::getElementType() {
  std::optional<Type> element = getElement();
  return element ? *element : Float32Type::get(getContext());
}

LogicalResult BufferOp::verify() {
  static constexpr StringLiteral segments[] = {"parameters", "optimizer", "gradients",
                                               "io",         "step",      "transient"};
  // (B1)
  if (!llvm::is_contained(segments, getSegment()) && !getSegment().starts_with("io:"))
    return emitOpError() << "requires a known segment, found \"" << getSegment() << "\"";
  if (Type element = getElementType(); !isReal(element) && !element.isInteger(32)) // (B2)
    return emitOpError() << "requires elements of f32, i32, bf16 or f16, found " << element;
  return success();
}

/// Checks that the buffer of a view, if it is known, holds elements of that type.
static LogicalResult verifyElements(Operation *op, ViewAttr view, Type element,
                                    SymbolTableCollection &tables) {
  auto buffer = tables.lookupNearestSymbolFrom<BufferOp>(op, view.getBuffer());
  if (buffer && buffer.getElementType() != element)
    return op->emitOpError() << "requires elements of " << element << " in " << view.getBuffer()
                             << ", which holds " << buffer.getElementType();
  return success();
}

LogicalResult TensorOp::verify() {
  auto type = dyn_cast<RankedTensorType>(getType());
  if (!type || getStrides().size() != static_cast<size_t>(type.getRank())) // (T2)
    return emitOpError() << "requires a stride for each axis of " << getType() << ", found "
                         << getStrides().size();
  return success();
}

LogicalResult TensorOp::verifySymbolUses(SymbolTableCollection &tables) {
  if (!tables.lookupNearestSymbolFrom<BufferOp>(*this, getPlace().getBuffer())) // (T1)
    return emitOpError() << "requires a buffer, found none named " << getPlace().getBuffer();
  return verifyElements(*this, getPlace(), getElementTypeOrSelf(getType()), tables);
}

LogicalResult KernelOp::verify() {
  Block &block = getBody().front();
  auto yield = dyn_cast<gpt::YieldOp>(block.getTerminator());
  if (!yield)
    return emitOpError("requires gpt.yield at the end of its region");
  SmallVector<Type> values(block.getArgumentTypes());
  llvm::append_range(values, yield.getOperandTypes());
  bool fits = values.size() == getLayouts().size();
  for (size_t i = 0; fits && i < values.size(); ++i) {
    auto tensor = dyn_cast<RankedTensorType>(values[i]);
    auto layout = dyn_cast<MemRefType>(cast<TypeAttr>(getLayouts()[i]).getValue());
    fits = tensor && layout && tensor.getShape() == layout.getShape() &&
           tensor.getElementType() == layout.getElementType();
  }
  if (!fits) // (K1)
    return emitOpError() << "requires a layout for each input and output, found " << getLayouts()
                         << " for " << values;
  if (getAccumulate().size() != yield.getNumOperands() ||
      getInPlace().size() != yield.getNumOperands()) // (K2)
    return emitOpError() << "requires `accumulate` and `in_place` for " << yield.getNumOperands()
                         << " outputs, found " << getAccumulate().size() << " and "
                         << getInPlace().size();
  return success();
}

/// Checks the element types of the operands that a kernel is given.
static LogicalResult verifyOperands(Operation *op, KernelOp kernel, ArrayAttr operands,
                                    SymbolTableCollection &tables) {
  for (auto [operand, layout] : llvm::zip(operands, kernel.getLayouts()))
    if (failed(verifyElements(op, cast<ViewAttr>(operand),
                              getElementTypeOrSelf(cast<TypeAttr>(layout).getValue()), tables)))
      return failure();
  return success();
}

/// The type of a product's operand (0, 1) or result (2).
static Type typeOfOperand(MatmulOp op, unsigned number) {
  std::optional<ArrayAttr> types = op.getTypes();
  return types ? cast<TypeAttr>((*types)[number]).getValue() : Float32Type::get(op.getContext());
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &tables) {
  auto kernel = tables.lookupNearestSymbolFrom<KernelOp>(*this, getKernelAttr());
  if (!kernel) // (L1)
    return emitOpError() << "requires a kernel, found none named " << getKernelAttr();
  for (Attribute instance : getInstances())
    if (cast<ArrayAttr>(instance).size() != kernel.getLayouts().size()) // (L1)
      return emitOpError() << "requires " << kernel.getLayouts().size() << " operands, found "
                           << cast<ArrayAttr>(instance).size();
  if (getRows().size() != getInstances().size()) // (L2)
    return emitOpError() << "requires rows for " << getInstances().size() << " instances, found "
                         << getRows().size();
  int64_t height =
      kernel.getSchedule() == "row" ? gpt::findRowsOfBlockSums(kernel.getBody().front()) : 1;
  auto isMultiple = [&](int64_t rows) { return rows % height == 0; };
  if (!isMultiple(getGrain()) || !llvm::all_of(getRows(), isMultiple)) // (L3)
    return emitOpError() << "requires multiples of " << height << " rows, found " << getRows()
                         << " by " << getGrain();
  for (Attribute instance : getInstances())
    if (failed(verifyOperands(*this, kernel, cast<ArrayAttr>(instance), tables))) // (L4)
      return failure();
  return success();
}

Type MatmulOp::getLhsElementType() { return typeOfOperand(*this, 0); }
Type MatmulOp::getRhsElementType() { return typeOfOperand(*this, 1); }
Type MatmulOp::getResultElementType() { return typeOfOperand(*this, 2); }

Type MatmulOp::getLhsFactor() {
  return getFactors() ? cast<TypeAttr>((*getFactors())[0]).getValue() : getLhsElementType();
}
Type MatmulOp::getRhsFactor() {
  return getFactors() ? cast<TypeAttr>((*getFactors())[1]).getValue() : getRhsElementType();
}

LogicalResult MatmulOp::verify() {
  if (std::optional<ArrayAttr> types = getTypes())
    if (types->size() != 3 || !llvm::all_of(types->getAsValueRange<TypeAttr>(), isReal)) // (M5)
      return emitOpError() << "requires three types of f32, bf16 or f16, found " << *types;
  if (std::optional<ArrayAttr> factors = getFactors()) {
    auto fits = [](Type own, Type factor) {
      return own == factor || (own.isF32() && (factor.isBF16() || factor.isF16()));
    };
    if (factors->size() != 2 || !fits(getLhsElementType(), getLhsFactor()) ||
        !fits(getRhsElementType(), getRhsFactor())) // (M6)
      return emitOpError() << "requires two factors that the operands can be rounded to, found "
                           << *factors;
  }
  if (getTf32() && (!getLhsElementType().isF32() || !getRhsElementType().isF32())) // (M5)
    return emitOpError() << "requires operands of f32 with tf32, found " << getLhsElementType()
                         << " and " << getRhsElementType();
  int present = getEpilogueAttr() != nullptr;
  for (Attribute part : {Attribute(getEpilogueRowsAttr()), Attribute(getEpilogueGrainAttr()),
                         Attribute(getEpilogueOperandsAttr())})
    if ((part != nullptr) != present) // (M1)
      return emitOpError("requires an epilogue with rows, grain and operands, or nothing of it");
  if (!present)
    return success();
  if (!getBatch().empty()) // (M4)
    return emitOpError("requires no batch axes with an epilogue");
  int64_t rows = *getEpilogueRows();
  if (rows < 1 || getM() % rows != 0) // (M4)
    return emitOpError() << "requires its " << getM()
                         << " rows to be a multiple of the epilogue's, "
                         << "found " << rows;
  if (*getEpilogueGrain() < 1)
    return emitOpError() << "requires a grain of at least 1, found " << *getEpilogueGrain();
  return success();
}

LogicalResult MatmulOp::verifySymbolUses(SymbolTableCollection &tables) {
  if (failed(verifyElements(*this, getLhs(), getLhsElementType(), tables)) ||
      failed(verifyElements(*this, getRhs(), getRhsElementType(), tables)) ||
      failed(verifyElements(*this, getResult(), getResultElementType(), tables))) // (M5)
    return failure();
  if (!getEpilogueAttr())
    return success();
  auto kernel = tables.lookupNearestSymbolFrom<KernelOp>(*this, getEpilogueAttr());
  if (!kernel || kernel.getSchedule() != "row") // (M2)
    return emitOpError() << "requires a row kernel, found "
                         << (kernel ? "one of another schedule" : "none") << " named "
                         << getEpilogueAttr();
  ArrayAttr operands = *getEpilogueOperands();
  if (operands.size() != kernel.getLayouts().size()) // (M2)
    return emitOpError() << "requires " << kernel.getLayouts().size()
                         << " operands of the epilogue, found " << operands.size();
  unsigned inputs = kernel.getBody().getNumArguments();
  auto isProduct = [&](size_t operand) { return operands[operand] == getResult(); };
  bool isRead = false;
  for (unsigned input = 0; input < inputs; ++input)
    isRead |= isProduct(input);
  bool isSafe = true;
  for (auto [output, source] : llvm::enumerate(kernel.getInPlace()))
    isSafe &= !isProduct(inputs + output) || (source >= 0 && isProduct(source));
  if (!isRead || !isSafe) // (M3)
    return emitOpError(
        "requires the epilogue to read the product, and to overwrite it in place only");
  return verifyOperands(*this, kernel, operands, tables);
}
