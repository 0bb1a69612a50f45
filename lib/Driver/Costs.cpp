// What commands, entries and steps move and compute.
#include "gptc/Driver/Costs.h"

#include "gptc/Dialect/Plan/Locations.h"
#include "gptc/Driver/Memory.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace gptc;

/// Bytes of a matrix for each index of the batch axes; axes along which it is the same count once.
static uint64_t matrixBytes(plan::MatmulOp matmul, int64_t rows, int64_t columns, Type element,
                            int64_t (plan::BatchAxisAttr::*stride)() const) {
  uint64_t bytes = element.getIntOrFloatBitWidth() / 8 * rows * columns;
  for (Attribute attribute : matmul.getBatch()) {
    auto axis = cast<plan::BatchAxisAttr>(attribute);
    if ((axis.*stride)() != 0)
      bytes *= axis.getSize();
  }
  return bytes;
}

static Cost costOf(plan::MatmulOp matmul, SymbolTableCollection &tables) {
  Cost cost;
  int64_t m = matmul.getM(), n = matmul.getN(), k = matmul.getK(), batch = 1;
  for (Attribute axis : matmul.getBatch())
    batch *= cast<plan::BatchAxisAttr>(axis).getSize();
  cost.flops = 2 * static_cast<uint64_t>(batch) * m * n * k;
  cost.read =
      matrixBytes(matmul, m, k, matmul.getLhsElementType(), &plan::BatchAxisAttr::getLhsStride) +
      matrixBytes(matmul, k, n, matmul.getRhsElementType(), &plan::BatchAxisAttr::getRhsStride);
  uint64_t result = matrixBytes(matmul, m, n, matmul.getResultElementType(),
                                &plan::BatchAxisAttr::getResultStride);
  if (matmul.getAccumulate())
    cost.read += result;
  if (!matmul.getEpilogue()) {
    cost.written = result;
    return cost;
  }
  // The epilogue reads the product from the cache; it is kept where no output takes its place.
  auto kernel = tables.lookupNearestSymbolFrom<plan::KernelOp>(matmul, matmul.getEpilogueAttr());
  ArrayAttr operands = *matmul.getEpilogueOperands();
  Cost epilogue = costOf(kernel, *matmul.getEpilogueRows(), operands, matmul.getResult());
  size_t inputs = kernel.getBody().getNumArguments();
  ArrayRef<Attribute> places = operands.getValue();
  bool replaced = llvm::is_contained(places.drop_front(inputs), matmul.getResult());
  if (!replaced)
    epilogue.written += result;
  return cost += epilogue;
}

Cost gptc::costOf(Operation *command, SymbolTableCollection &tables) {
  if (auto matmul = dyn_cast<plan::MatmulOp>(command))
    return ::costOf(matmul, tables);
  Cost cost;
  if (auto argsort = dyn_cast<plan::ArgsortOp>(command)) {
    cost.read = cost.written = 4 * static_cast<uint64_t>(argsort.getCount());
    return cost;
  }
  auto launch = cast<plan::LaunchOp>(command);
  auto kernel = tables.lookupNearestSymbolFrom<plan::KernelOp>(launch, launch.getKernelAttr());
  for (auto [rows, operands] : llvm::zip(launch.getRows(), launch.getInstances()))
    cost += costOf(kernel, rows, cast<ArrayAttr>(operands));
  return cost;
}

StepCost gptc::costOfStep(ModuleOp module, StringRef target) {
  StepCost step;
  SymbolTableCollection tables;
  llvm::StringSet<> functions;
  for (const char *name : {"accumulate_first", "update"}) {
    auto entry = module.lookupSymbol<plan::EntryOp>(name);
    if (!entry)
      continue;
    for (Operation &command : entry.getBody().front()) {
      CommandCost item;
      item.command = &command;
      item.entry = name;
      FlatSymbolRefAttr symbol;
      if (auto launch = dyn_cast<plan::LaunchOp>(command))
        symbol = launch.getKernelAttr();
      else if (auto matmul = dyn_cast<plan::MatmulOp>(command))
        symbol = matmul.getEpilogueAttr();
      if (symbol) {
        item.kernel = tables.lookupNearestSymbolFrom<plan::KernelOp>(&command, symbol);
        functions.insert(symbol.getValue());
      }
      item.cost = costOf(&command, tables);
      step.total += item.cost;
      step.commands.push_back(std::move(item));
    }
  }
  step.kernels = functions.size();
  step.peakMemory = reportMemory(module, target).train;
  return step;
}

std::string gptc::nameOf(plan::MatmulOp matmul) {
  std::string name = "matmul ";
  for (Attribute axis : matmul.getBatch())
    name += std::to_string(cast<plan::BatchAxisAttr>(axis).getSize()) + " x ";
  return name + std::to_string(matmul.getM()) + " x " + std::to_string(matmul.getN()) + " x " +
         std::to_string(matmul.getK());
}

std::string CommandCost::function() const {
  if (plan::KernelOp symbol = kernel)
    return symbol.getSymName().str();
  if (auto argsort = dyn_cast<plan::ArgsortOp>(command))
    return "argsort " + std::to_string(argsort.getCount());
  return nameOf(cast<plan::MatmulOp>(command));
}

std::string CommandCost::part() const {
  std::string path = plan::modelPath(command->getLoc());
  SmallVector<StringRef> names;
  StringRef(path).split(names, '.');
  for (StringRef &name : names)
    if (!name.empty() && llvm::all_of(name, llvm::isDigit))
      name = "*";
  return llvm::join(names, ".");
}
