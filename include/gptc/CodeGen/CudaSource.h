// Kernels of a plan as CUDA C++.
#ifndef GPTC_CODEGEN_CUDASOURCE_H
#define GPTC_CODEGEN_CUDASOURCE_H

#include "gptc/Plan/CudaCode.h"

#include "mlir/IR/BuiltinOps.h"

namespace gptc {

/// Writes the kernels of `plan`, a module of the plan dialect. The same plan gives the same text.
/// Emits errors at the kernels, and fails.
llvm::FailureOr<CudaSource> emitCudaSource(mlir::ModuleOp plan);

} // namespace gptc

#endif // GPTC_CODEGEN_CUDASOURCE_H
