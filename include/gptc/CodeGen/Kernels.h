// Kernels of a plan as loops over memory: what the plan and the CPU compiler ask of lib/CodeGen.
#ifndef GPTC_CODEGEN_KERNELS_H
#define GPTC_CODEGEN_KERNELS_H

#include "gptc/Dialect/Plan/PlanOps.h"

namespace gptc {

/// A fresh module with a function for each kernel of `plan`, as the pass `plan-lower-kernels` makes
/// them; with `names`, of these kernels only. Schedules that make vectors themselves make them of
/// `vectorBits` bits; 0 stands for 128. The plan stays as it is. Null, with errors emitted, where a
/// kernel cannot be lowered.
mlir::OwningOpRef<mlir::ModuleOp> lowerKernels(mlir::ModuleOp plan,
                                               llvm::ArrayRef<llvm::StringRef> names = {},
                                               unsigned vectorBits = 0);

/// The number of rows of a launch that computes all of the kernel's outputs, for the shapes in its
/// region.
int64_t countRows(plan::KernelOp kernel);

/// Whether output number `output` of `kernel` may lie where input number `input` lies: both have
/// one layout, and element by element the input is read before the output is written, and never
/// after. What the kernel computes does not depend on whether they do share memory. False for a
/// kernel that cannot be lowered.
bool mayShareMemory(plan::KernelOp kernel, unsigned input, unsigned output);

} // namespace gptc

#endif // GPTC_CODEGEN_KERNELS_H
