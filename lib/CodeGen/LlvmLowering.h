// From loops over memrefs to LLVM IR, and from there to an object.
#ifndef GPTC_LIB_CODEGEN_LLVMLOWERING_H
#define GPTC_LIB_CODEGEN_LLVMLOWERING_H

#include "gptc/CodeGen/CpuCompiler.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/IR/Module.h"
#include "llvm/Target/TargetMachine.h"

#include <memory>

namespace gptc::codegen {

/// Lowers a module as `lowerKernels` makes it to LLVM IR: for each kernel a function that takes
/// bare pointers, `symbol.rows`, and the exported one, `symbol`, which takes an array of them. The
/// module is used up.
std::unique_ptr<llvm::Module> translateKernels(mlir::ModuleOp loops, llvm::LLVMContext &context);

/// The name that the body of a kernel has beside its exported function.
std::string bodyName(llvm::StringRef symbol);

/// Null, with the reason in `error`, if LLVM knows no such target.
std::unique_ptr<llvm::TargetMachine> createTargetMachine(const CpuTarget &target,
                                                         std::string &error);

/// Optimises for the target: O2, loops vectorised.
void optimizeKernels(llvm::Module &module, llvm::TargetMachine &machine, const CpuTarget &target);

/// Emits an object or assembly. LLVM IR is used up: code generation changes it.
llvm::SmallVector<char, 0> emitCode(llvm::Module &module, llvm::TargetMachine &machine,
                                    bool assembly);

} // namespace gptc::codegen

#endif // GPTC_LIB_CODEGEN_LLVMLOWERING_H
