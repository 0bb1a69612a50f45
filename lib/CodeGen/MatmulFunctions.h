// The functions that generated matrix products are made of, as the runtime's CpuProduct calls them.
#ifndef GPTC_LIB_CODEGEN_MATMULFUNCTIONS_H
#define GPTC_LIB_CODEGEN_MATMULFUNCTIONS_H

#include "gptc/CodeGen/CpuCompiler.h"
#include "gptc/Dialect/Plan/PlanOps.h"

#include "mlir/IR/BuiltinOps.h"

namespace gptc::codegen {

/// Adds the functions to `module` that the generated products of `plan` need: tiles, and moves
/// between their element types and float32. None, and no rows, if it has no such product.
MatmulTile emitMatmulFunctions(mlir::ModuleOp plan, mlir::ModuleOp module, unsigned vectorBits);

/// The function attribute of those functions, which are exported as they are.
inline constexpr llvm::StringLiteral wholeFunction = "gptc-whole";

} // namespace gptc::codegen

#endif // GPTC_LIB_CODEGEN_MATMULFUNCTIONS_H
