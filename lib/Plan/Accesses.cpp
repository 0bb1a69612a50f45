// Reads and writes of plan commands.
#include "Accesses.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::plan;

void gptc::plan::visitAccesses(Operation *command, SymbolTableCollection &tables,
                               llvm::function_ref<void(StringAttr, bool)> visit) {
  auto touch = [&](ViewAttr view, bool isWrite) { visit(view.getBuffer().getAttr(), isWrite); };
  if (auto launch = dyn_cast<LaunchOp>(command)) {
    auto kernel = tables.lookupNearestSymbolFrom<KernelOp>(command, launch.getKernelAttr());
    size_t inputs = kernel.getBody().front().getNumArguments();
    for (Attribute instance : launch.getInstances())
      for (auto [index, operand] : llvm::enumerate(cast<ArrayAttr>(instance)))
        touch(cast<ViewAttr>(operand), index >= inputs);
  } else if (auto matmul = dyn_cast<MatmulOp>(command)) {
    touch(matmul.getLhs(), false);
    touch(matmul.getRhs(), false);
    touch(matmul.getResult(), true);
  } else if (auto argsort = dyn_cast<ArgsortOp>(command)) {
    touch(argsort.getIndices(), false);
    touch(argsort.getOrder(), true);
  }
}
