// Compiling the region of a gpt.map, and running it over all elements.
#include "MapProgram.h"

#include "Strides.h"

using namespace gptc;
using namespace gptc::reference;
namespace arith = mlir::arith;

MapProgram::Register MapProgram::add(mlir::Type type) {
  bool isReal = llvm::isa<mlir::FloatType>(type);
  return {isReal, isReal ? reals++ : integers++};
}

/// The bits of an integer type; `index` has 64.
static unsigned getWidth(mlir::Type type) {
  return type.isInteger() ? type.getIntOrFloatBitWidth() : 64;
}

/// A comparison's predicate as a set of outcomes: 1 equal, 2 greater, 4 less, 8 unordered.
static int64_t getOutcomes(arith::CmpFPredicate predicate) {
  using P = arith::CmpFPredicate;
  switch (predicate) {
  case P::AlwaysFalse:
    return 0;
  case P::OEQ:
    return 1;
  case P::OGT:
    return 2;
  case P::OGE:
    return 2 | 1;
  case P::OLT:
    return 4;
  case P::OLE:
    return 4 | 1;
  case P::ONE:
    return 4 | 2;
  case P::ORD:
    return 4 | 2 | 1;
  case P::UEQ:
    return 8 | 1;
  case P::UGT:
    return 8 | 2;
  case P::UGE:
    return 8 | 2 | 1;
  case P::ULT:
    return 8 | 4;
  case P::ULE:
    return 8 | 4 | 1;
  case P::UNE:
    return 8 | 4 | 2;
  case P::UNO:
    return 8;
  case P::AlwaysTrue:
    return 8 | 4 | 2 | 1;
  }
  return 0;
}

llvm::Error MapProgram::addConstant(mlir::Operation *op, Register result) {
  mlir::Attribute value = llvm::cast<arith::ConstantOp>(op).getValue();
  if (auto number = llvm::dyn_cast<mlir::FloatAttr>(value)) {
    double real = number.getValueAsDouble();
    realConstants.emplace_back(result.index,
                               precision == Precision::float64 ? real : static_cast<float>(real));
    return llvm::Error::success();
  }
  if (auto number = llvm::dyn_cast<mlir::IntegerAttr>(value)) {
    integerConstants.emplace_back(result.index, number.getValue().getSExtValue());
    return llvm::Error::success();
  }
  return llvm::createStringError("the interpreter does not know this constant");
}

/// Whether a column holds values of `type`.
static bool isKnown(mlir::Type type) {
  auto integer = llvm::dyn_cast<mlir::IntegerType>(type);
  return llvm::isa<mlir::FloatType, mlir::IndexType>(type) ||
         (integer && integer.getWidth() >= 1 && integer.getWidth() <= 64);
}

llvm::Expected<MapProgram> MapProgram::compile(gpt::MapOp op, Precision precision) {
  MapProgram program;
  program.precision = precision;
  llvm::DenseMap<mlir::Value, Register> registers;
  for (mlir::Value argument : op.getBlock()->getArguments())
    program.arguments.push_back(registers[argument] = program.add(argument.getType()));

  for (mlir::Operation &inner : op.getBlock()->without_terminator()) {
    mlir::Type type = inner.getNumResults() == 1 ? inner.getResultTypes()[0] : mlir::Type();
    bool known = type && isKnown(type);
    if (known && llvm::isa<arith::ConstantOp>(inner)) {
      Register result = registers[inner.getResult(0)] = program.add(type);
      if (llvm::Error error = program.addConstant(&inner, result))
        return error;
      continue;
    }
    Instruction instruction;
    instruction.function = known ? getScalarFunction(&inner, precision) : nullptr;
    if (!instruction.function || inner.getNumOperands() > 3)
      return llvm::createStringError("the interpreter does not know " +
                                     inner.getName().getStringRef().str());
    for (auto [i, operand] : llvm::enumerate(inner.getOperands()))
      instruction.operands[i] = registers.find(operand)->second.index;
    instruction.width = getWidth(type);
    instruction.operandWidth = getWidth(inner.getOperand(0).getType());
    instruction.rounding = getRounding(type, precision);
    if (auto compare = llvm::dyn_cast<arith::CmpFOp>(inner))
      instruction.predicate = getOutcomes(compare.getPredicate());
    if (auto compare = llvm::dyn_cast<arith::CmpIOp>(inner))
      instruction.predicate = static_cast<int64_t>(compare.getPredicate());
    instruction.result = (registers[inner.getResult(0)] = program.add(type)).index;
    program.instructions.push_back(instruction);
  }
  for (mlir::Value value : op.getYield().getValues())
    program.results.push_back(registers.find(value)->second);
  return program;
}

namespace {
/// Reads a tensor, stretched to a shape, in order.
class BroadcastReader {
public:
  BroadcastReader(const Tensor &tensor, Sizes shape)
      : shape(shape.empty() ? Sizes(scalarShape) : shape), index(this->shape.size()),
        strides(getBroadcastStrides(tensor.getShape(), this->shape)) {}

  /// Writes the next `count` elements of `source` to `out`.
  template <typename From, typename To> void read(const From *source, To *out, int64_t count) {
    int64_t last = static_cast<int64_t>(shape.size()) - 1;
    while (count > 0) {
      int64_t run = std::min(count, shape[last] - index[last]);
      for (int64_t i = 0; i < run; ++i)
        *out++ = source[offset + i * strides[last]];
      count -= run;
      offset += run * strides[last];
      index[last] += run;
      for (int64_t axis = last; axis >= 0 && index[axis] == shape[axis]; --axis) {
        offset -= index[axis] * strides[axis];
        index[axis] = 0;
        if (axis > 0) {
          ++index[axis - 1];
          offset += strides[axis - 1];
        }
      }
    }
  }

private:
  static constexpr int64_t scalarShape[] = {1};
  Sizes shape;
  llvm::SmallVector<int64_t, 4> index;
  Strides strides;
  int64_t offset = 0;
};
} // namespace

Tensors MapProgram::run(llvm::ArrayRef<Tensor> operands, llvm::ArrayRef<int64_t> shape) const {
  Columns columns{std::vector<double>(reals * columnLength),
                  std::vector<int64_t>(integers * columnLength)};
  for (auto [index, value] : realConstants)
    std::fill_n(columns.real(index), columnLength, value);
  for (auto [index, value] : integerConstants)
    std::fill_n(columns.integer(index), columnLength, value);

  llvm::SmallVector<BroadcastReader> readers;
  for (const Tensor &operand : operands)
    readers.emplace_back(operand, shape);
  int64_t size = countElements(shape);
  Tensors tensors;
  for (Register result : results)
    tensors.push_back(result.isReal ? Tensor::filled(shape, 0)
                                    : Tensor(shape, std::vector<int32_t>(size)));

  for (int64_t start = 0; start < size; start += columnLength) {
    int64_t count = std::min(columnLength, size - start);
    for (auto [operand, reader, argument] : llvm::zip(operands, readers, arguments)) {
      if (argument.isReal)
        reader.read(operand.reals().data(), columns.real(argument.index), count);
      else
        reader.read(operand.integers().data(), columns.integer(argument.index), count);
    }
    for (const Instruction &instruction : instructions) {
      instruction.function(instruction, columns, count);
      if (instruction.rounding)
        for (double &value : llvm::MutableArrayRef<double>(columns.real(instruction.result), count))
          value = roundTo(*instruction.rounding, value);
    }
    for (auto [tensor, result] : llvm::zip(tensors, results)) {
      if (result.isReal)
        std::copy_n(columns.real(result.index), count, tensor.mutableReals().begin() + start);
      else
        std::copy_n(columns.integer(result.index), count, tensor.mutableIntegers().begin() + start);
    }
  }
  return tensors;
}
