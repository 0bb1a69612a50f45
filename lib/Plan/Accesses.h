// Which buffers a command reads and writes.
#ifndef GPTC_LIB_PLAN_ACCESSES_H
#define GPTC_LIB_PLAN_ACCESSES_H

#include "gptc/Dialect/Plan/PlanOps.h"

namespace gptc::plan {

/// Calls `visit(buffer, isWrite)` for each place that `command` touches. `tables` finds kernels.
void visitAccesses(mlir::Operation *command, mlir::SymbolTableCollection &tables,
                   llvm::function_ref<void(mlir::StringAttr, bool)> visit);

/// Whether `command` writes to the buffer without adding to what it holds. The first command of an
/// entry that does so leaves nothing of a variable's old value: it is a part of a write of the
/// whole.
bool overwrites(mlir::Operation *command, mlir::StringAttr buffer,
                mlir::SymbolTableCollection &tables);

} // namespace gptc::plan

#endif // GPTC_LIB_PLAN_ACCESSES_H
