// Numbers for operations, by which commands of plans are traced back to what they compute.
//
// Right before kernels are formed each operation gets a number, kept in its location: from there on
// locations are only gathered and copied. Two compilations that are alike up to that pass number
// alike.
#ifndef GPTC_LIB_DRIVER_OPERATIONTAGS_H
#define GPTC_LIB_DRIVER_OPERATIONTAGS_H

#include "mlir/IR/Location.h"
#include "mlir/Pass/PassManager.h"

#include <cstdint>

namespace gptc {

/// Makes `manager` number the operations of each function.
void tagOperations(mlir::PassManager &manager);

/// Calls `visit` for each number that `location` holds.
void visitTags(mlir::Location location, llvm::function_ref<void(int64_t)> visit);

} // namespace gptc

#endif // GPTC_LIB_DRIVER_OPERATIONTAGS_H
