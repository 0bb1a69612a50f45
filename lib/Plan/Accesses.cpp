// Reads and writes of plan commands.
#include "Accesses.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::plan;

void gptc::plan::visitAccesses(Operation *command, SymbolTableCollection &tables,
                               llvm::function_ref<void(StringAttr, bool)> visit) {
  auto touch = [&](ViewAttr view, bool isWrite) { visit(view.getBuffer().getAttr(), isWrite); };
  auto touchOperands = [&](FlatSymbolRefAttr symbol, ArrayAttr operands) {
    auto kernel = tables.lookupNearestSymbolFrom<KernelOp>(command, symbol);
    size_t inputs = kernel.getBody().front().getNumArguments();
    for (auto [index, operand] : llvm::enumerate(operands))
      touch(cast<ViewAttr>(operand), index >= inputs);
  };
  if (auto launch = dyn_cast<LaunchOp>(command)) {
    for (Attribute instance : launch.getInstances())
      touchOperands(launch.getKernelAttr(), cast<ArrayAttr>(instance));
  } else if (auto matmul = dyn_cast<MatmulOp>(command)) {
    touch(matmul.getLhs(), false);
    touch(matmul.getRhs(), false);
    touch(matmul.getResult(), true);
    // The epilogue reads and writes while the product is being computed: all of it lives at once.
    if (matmul.getEpilogueAttr())
      touchOperands(matmul.getEpilogueAttr(), *matmul.getEpilogueOperands());
  } else if (auto argsort = dyn_cast<ArgsortOp>(command)) {
    touch(argsort.getIndices(), false);
    touch(argsort.getOrder(), true);
  }
}

bool gptc::plan::overwrites(Operation *command, StringAttr buffer, SymbolTableCollection &tables) {
  auto launch = dyn_cast<LaunchOp>(command);
  if (!launch) {
    auto matmul = dyn_cast<MatmulOp>(command);
    return matmul && !matmul.getAccumulate() && matmul.getResult().getBuffer().getAttr() == buffer;
  }
  auto kernel = tables.lookupNearestSymbolFrom<KernelOp>(command, launch.getKernelAttr());
  size_t inputs = kernel.getBody().front().getNumArguments();
  for (Attribute instance : launch.getInstances())
    for (auto [index, operand] : llvm::enumerate(cast<ArrayAttr>(instance)))
      if (cast<ViewAttr>(operand).getBuffer().getAttr() == buffer &&
          (index < inputs || kernel.getAccumulate()[index - inputs]))
        return false;
  return true;
}
