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

LogicalResult BufferOp::verify() {
  static constexpr StringLiteral segments[] = {"parameters", "optimizer", "gradients",
                                               "io",         "step",      "transient"};
  // (B1)
  if (!llvm::is_contained(segments, getSegment()) && !getSegment().starts_with("io:"))
    return emitOpError() << "requires a known segment, found \"" << getSegment() << "\"";
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
  return success();
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
  return success();
}

LogicalResult MatmulOp::verify() {
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
  return success();
}
