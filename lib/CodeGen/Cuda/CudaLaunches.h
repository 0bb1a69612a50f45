// What the launches of a plan say about its kernels: how large, how many at once, on what.
#ifndef GPTC_LIB_CODEGEN_CUDA_CUDALAUNCHES_H
#define GPTC_LIB_CODEGEN_CUDA_CUDALAUNCHES_H

#include "gptc/CodeGen/CudaSource.h"
#include "gptc/Dialect/Plan/PlanOps.h"

#include "llvm/ADT/MapVector.h"

namespace gptc::codegen {

struct KernelUse {
  int64_t rows = 0;                       ///< the most that an instance has
  bool single = false, instances = false; ///< whether launches have one instance, or several
  llvm::SmallVector<std::string> names;   ///< of the operands, as C++ identifiers
};

/// For every kernel of `plan`. An operand is named after the tensor that it is in the first launch,
/// "ln_1_weight", or, if it has none, by its number: "in0", "out1".
llvm::MapVector<plan::KernelOp, KernelUse> findKernelUses(mlir::ModuleOp plan);

} // namespace gptc::codegen

#endif // GPTC_LIB_CODEGEN_CUDA_CUDALAUNCHES_H
