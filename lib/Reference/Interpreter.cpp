// Runs the operations of a function in order.
#include "gptc/Reference/Interpreter.h"

#include "Kernels.h"
#include "MapProgram.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace gptc;
using namespace gptc::reference;

/// Above this many elements a value is refused, rather than the machine driven out of memory.
static constexpr int64_t mostElements = int64_t{1} << 30;

/// `error`, with the operation's place and name in front.
static llvm::Error at(mlir::Operation *op, llvm::Error error) {
  std::string message;
  llvm::raw_string_ostream stream(message);
  if (auto place = op->getLoc()->findInstanceOf<mlir::FileLineColLoc>())
    stream << place.getFilename().getValue() << ':' << place.getLine() << ':' << place.getColumn()
           << ": ";
  stream << op->getName() << ": " << llvm::toString(std::move(error));
  return llvm::createStringError(message);
}

double reference::getNumber(const llvm::APFloat &attribute, mlir::Value value) {
  auto type = llvm::cast<mlir::FloatType>(mlir::getElementTypeOrSelf(value.getType()));
  return roundTo(type.getFloatSemantics(), attribute.convertToDouble());
}

namespace {
class Interpreter {
public:
  Interpreter(Environment &environment, const Options &options)
      : environment(environment), options(options) {}

  /// Runs a block with these arguments and returns the operands of its terminator.
  Results runBlock(mlir::Block &block, Operands arguments);

private:
  Results runOp(mlir::Operation &op, Operands operands);
  Results runRead(gpt::ReadOp op);
  Results runWrite(gpt::WriteOp op, const Tensor &stored);
  /// The shape of the variable that an operation reads or writes, without pads.
  llvm::ArrayRef<int64_t> getLogicalShape(mlir::Operation *op, mlir::FlatSymbolRefAttr variable,
                                          mlir::Value value);
  Results runMap(gpt::MapOp op, Operands operands);
  Results runRepeat(gpt::RepeatOp op, Operands operands);
  Results runConstant(mlir::arith::ConstantOp op);
  Results runUnknown(mlir::Operation &op, Operands operands);

  /// A name with the indices of the copies that are running in place of its first `*`s.
  std::string resolve(llvm::StringRef name) const;
  /// For each operation of a block, the values of that block which nothing uses after it.
  using LastUses = llvm::DenseMap<mlir::Operation *, llvm::SmallVector<mlir::Value, 2>>;
  const LastUses &getLastUses(mlir::Block &block);

  Environment &environment;
  const Options &options;
  Environment before; ///< what variables that were written to held at first
  llvm::DenseMap<mlir::Value, Tensor> values;
  llvm::SmallVector<int64_t> copies; ///< the index of the running copy of each enclosing repeat
  llvm::DenseMap<mlir::Operation *, MapProgram> programs;
  mlir::SymbolTableCollection symbols;
  llvm::DenseMap<mlir::Block *, std::unique_ptr<LastUses>> lastUses;
};
} // namespace

std::string Interpreter::resolve(llvm::StringRef name) const {
  std::string result;
  for (int64_t copy : copies) {
    auto [head, tail] = name.split('*');
    if (head.size() == name.size())
      break;
    result += head.str() + std::to_string(copy);
    name = tail;
  }
  return result + name.str();
}

const Interpreter::LastUses &Interpreter::getLastUses(mlir::Block &block) {
  auto [entry, isNew] = lastUses.try_emplace(&block);
  if (!isNew)
    return *entry->second;
  auto uses = std::make_unique<LastUses>();
  auto add = [&](mlir::Value value) {
    mlir::Operation *last =
        llvm::isa<mlir::BlockArgument>(value) ? &block.front() : value.getDefiningOp();
    for (mlir::Operation *user : value.getUsers()) {
      mlir::Operation *here = block.findAncestorOpInBlock(*user);
      if (last->isBeforeInBlock(here))
        last = here;
    }
    (*uses)[last].push_back(value);
  };
  llvm::for_each(block.getArguments(), add);
  for (mlir::Operation &op : block)
    llvm::for_each(op.getResults(), add);
  return *(entry->second = std::move(uses));
}

Results Interpreter::runBlock(mlir::Block &block, Operands arguments) {
  const LastUses &uses = getLastUses(block);
  for (auto [argument, value] : llvm::zip(block.getArguments(), arguments))
    values[argument] = value;
  for (mlir::Operation &op : block) {
    Tensors operands;
    for (mlir::Value operand : op.getOperands())
      operands.push_back(values.find(operand)->second);
    if (op.hasTrait<mlir::OpTrait::IsTerminator>()) {
      for (mlir::Value value : uses.lookup(&op))
        values.erase(value);
      return operands;
    }
    Results results = runOp(op, operands);
    if (!results)
      return results.takeError();
    if (options.observe)
      options.observe(&op, operands, *results);
    for (auto [result, value] : llvm::zip(op.getResults(), *results))
      values[result] = std::move(value);
    for (mlir::Value value : uses.lookup(&op))
      values.erase(value);
  }
  return Tensors{};
}

/// Rounds the elements of a value of `type` where that is narrower than float.
static void round(Tensor &tensor, mlir::Type type, Precision precision) {
  if (const llvm::fltSemantics *format = getRounding(mlir::getElementTypeOrSelf(type), precision))
    for (double &value : tensor.mutableReals())
      value = roundTo(*format, value);
}

Results Interpreter::runOp(mlir::Operation &op, Operands operands) {
  for (mlir::Type type : op.getResultTypes())
    if (auto shaped = llvm::dyn_cast<mlir::RankedTensorType>(type);
        shaped && shaped.hasStaticShape() && shaped.getNumElements() > mostElements)
      return at(&op, llvm::createStringError("the result is too large for the interpreter"));

  Results results =
      llvm::TypeSwitch<mlir::Operation &, Results>(op)
          .Case<gpt::ReshapeOp, gpt::TransposeOp, gpt::SplitOp, gpt::ConcatOp, gpt::SliceOp,
                gpt::PadOp, gpt::IotaOp, gpt::DetachOp, gpt::ReduceOp, gpt::MatmulOp,
                gpt::EmbeddingOp, gpt::EmbeddingGradOp, gpt::ArgsortOp, gpt::PickOp, gpt::SoftmaxOp,
                gpt::LogsumexpOp, gpt::LayerNormOp, gpt::CrossEntropyOp, gpt::AttentionOp,
                gpt::FlashAttentionOp, gpt::FlashAttentionGradOp, gpt::GlobalNormOp, gpt::AdamWOp>(
              [&](auto known) { return run(known, operands, options.precision); })
          .Case([&](gpt::RandomOp random) {
            return runRandom(random, operands, resolve(random.getStream()));
          })
          .Case([&](gpt::MapOp map) { return runMap(map, operands); })
          .Case([&](gpt::ReadOp read) { return runRead(read); })
          .Case([&](gpt::WriteOp write) { return runWrite(write, operands[0]); })
          .Case([&](gpt::RepeatOp repeat) { return runRepeat(repeat, operands); })
          .Case([&](gpt::FusedOp fused) { return runBlock(fused.getBody().front(), operands); })
          .Case([&](mlir::arith::ConstantOp constant) { return runConstant(constant); })
          .Default([&](mlir::Operation &unknown) { return runUnknown(unknown, operands); });
  if (!results) // an error from inside says where it is already
    return llvm::isa<gpt::RepeatOp, gpt::FusedOp>(op) ? results.takeError()
                                                      : at(&op, results.takeError());
  for (auto [tensor, type] : llvm::zip(*results, op.getResultTypes()))
    round(tensor, type, options.precision);
  return results;
}

llvm::ArrayRef<int64_t> Interpreter::getLogicalShape(mlir::Operation *op,
                                                     mlir::FlatSymbolRefAttr variable,
                                                     mlir::Value value) {
  auto declared = symbols.lookupNearestSymbolFrom<gpt::VariableOp>(op, variable);
  return declared ? declared.getTensorType().getShape()
                  : llvm::cast<mlir::RankedTensorType>(value.getType()).getShape();
}

Results Interpreter::runRead(gpt::ReadOp op) {
  std::string name = resolve(op.getVariable());
  auto found = before.find(name);
  if (found == before.end()) {
    found = environment.find(name);
    if (found == environment.end())
      return llvm::createStringError("variable '" + name + "' has no value");
  }
  auto type = llvm::cast<mlir::RankedTensorType>(op.getType());
  if (!found->second.fits(type.clone(getLogicalShape(op, op.getVariableAttr(), op.getValue()))))
    return llvm::createStringError("variable '" + name + "' has a value of another type");
  return Tensors{withPads(found->second, type.getShape())};
}

Results Interpreter::runWrite(gpt::WriteOp op, const Tensor &stored) {
  std::string name = resolve(op.getVariable());
  llvm::ArrayRef<int64_t> shape = getLogicalShape(op, op.getVariableAttr(), op.getValue());
  auto type = llvm::cast<mlir::RankedTensorType>(op.getValue().getType()).clone(shape);
  if (!hasZeroPads(stored, shape))
    return llvm::createStringError("the pads that are written to variable '" + name +
                                   "' are not all 0");
  Tensor value = withoutPads(stored, shape);
  auto [cell, isNew] = environment.try_emplace(name, value);
  if (isNew) {
    // Reads go on to see that there was no value, accumulation starts with this one: an error.
    if (!op.getAccumulate())
      return Tensors{};
    environment.erase(name);
    return llvm::createStringError("variable '" + name + "' has no value to add to");
  }
  before.try_emplace(name, cell->second);
  if (!op.getAccumulate()) {
    cell->second = value;
    return Tensors{};
  }
  if (!cell->second.fits(type))
    return llvm::createStringError("variable '" + name + "' has a value of another type");
  if (value.isReal()) {
    for (auto [sum, term] : llvm::zip(cell->second.mutableReals(), value.reals()))
      sum = options.precision == Precision::float64 ? sum + term : static_cast<float>(sum + term);
    round(cell->second, op.getValue().getType(), options.precision);
  } else {
    for (auto [sum, term] : llvm::zip(cell->second.mutableIntegers(), value.integers()))
      sum = static_cast<int32_t>(static_cast<uint32_t>(sum) + static_cast<uint32_t>(term));
  }
  return Tensors{};
}

Results Interpreter::runMap(gpt::MapOp op, Operands operands) {
  auto found = programs.find(op);
  if (found == programs.end()) {
    llvm::Expected<MapProgram> program = MapProgram::compile(op, options.precision);
    if (!program)
      return program.takeError();
    found = programs.try_emplace(op, std::move(*program)).first;
  }
  return found->second.run(operands, op.getShape());
}

Results Interpreter::runRepeat(gpt::RepeatOp op, Operands operands) {
  Tensors carried(operands);
  for (int64_t copy = 0, count = op.getCount(); copy < count; ++copy) {
    copies.push_back(copy);
    llvm::scope_exit leave([&] { copies.pop_back(); });
    Results next = runBlock(op.getBody().front(), carried);
    if (!next)
      return next;
    carried = std::move(*next);
  }
  return carried;
}

Results Interpreter::runConstant(mlir::arith::ConstantOp op) {
  auto elements = llvm::dyn_cast<mlir::DenseElementsAttr>(op.getValue());
  auto type = llvm::dyn_cast<mlir::RankedTensorType>(op.getType());
  if (!elements || !type)
    return llvm::createStringError("the interpreter does not know this constant");
  if (llvm::isa<mlir::FloatType>(type.getElementType())) {
    std::vector<double> values;
    values.reserve(type.getNumElements());
    for (const llvm::APFloat &value : elements.getValues<llvm::APFloat>()) {
      double real = value.convertToDouble();
      values.push_back(options.precision == Precision::float64 ? real : static_cast<float>(real));
    }
    return Tensors{Tensor(type.getShape(), std::move(values))};
  }
  if (!type.getElementType().isInteger(32))
    return llvm::createStringError("the interpreter does not know this constant");
  auto range = elements.getValues<int32_t>();
  return Tensors{Tensor(type.getShape(), std::vector<int32_t>(range.begin(), range.end()))};
}

Results Interpreter::runUnknown(mlir::Operation &op, Operands operands) {
  if (options.fallback)
    if (auto results = options.fallback(&op, operands))
      return std::move(*results);
  return llvm::createStringError("is not an operation that the interpreter knows");
}

Results reference::evaluate(mlir::func::FuncOp function, Environment &environment,
                            const Options &options, llvm::ArrayRef<Tensor> arguments) {
  if (!function.getBody().hasOneBlock())
    return at(function, llvm::createStringError("requires a body of one block"));
  if (arguments.size() != function.getNumArguments())
    return at(function, llvm::createStringError("requires %u arguments, found %zu",
                                                function.getNumArguments(), arguments.size()));
  for (auto [type, argument] : llvm::zip(function.getArgumentTypes(), arguments)) {
    auto tensor = llvm::dyn_cast<mlir::RankedTensorType>(type);
    if (!tensor || !argument.fits(tensor))
      return at(function, llvm::createStringError("an argument has another type"));
  }
  return Interpreter(environment, options).runBlock(function.getBody().front(), arguments);
}

Results reference::evaluate(mlir::ModuleOp module, llvm::StringRef name, Environment &environment,
                            const Options &options, llvm::ArrayRef<Tensor> arguments) {
  auto function = module.lookupSymbol<mlir::func::FuncOp>(name);
  if (!function)
    return llvm::createStringError("there is no function '" + name.str() + "'");
  return evaluate(function, environment, options, arguments);
}
