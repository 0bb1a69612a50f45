// Which buffers a command reads and writes.
#ifndef GPTC_LIB_PLAN_ACCESSES_H
#define GPTC_LIB_PLAN_ACCESSES_H

#include "gptc/Dialect/Plan/PlanOps.h"

namespace gptc::plan {

/// Calls `visit(buffer, isWrite)` for each place that `command` touches. `tables` finds kernels.
void visitAccesses(mlir::Operation *command, mlir::SymbolTableCollection &tables,
                   llvm::function_ref<void(mlir::StringAttr, bool)> visit);

} // namespace gptc::plan

#endif // GPTC_LIB_PLAN_ACCESSES_H
