// gptc dump --after PASS, --diff PASS: what single passes did.
#ifndef GPTC_TOOLS_GPTC_DUMPPASSES_H
#define GPTC_TOOLS_GPTC_DUMPPASSES_H

#include "gptc/Driver/Compile.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace gptc::tools {

/// Prints the module behind a pass, or the difference that the pass made, in colour on a terminal.
/// `narrow` takes away what the user did not ask for from a module that is to be printed. Error
/// invalidArgument: no such pass ran (says which did).
runtime::Status dumpAfter(CompileOptions options, const std::string &pass, bool locations,
                          llvm::function_ref<runtime::Status(mlir::ModuleOp)> narrow);
runtime::Status dumpDifference(CompileOptions options, const std::string &pass, bool locations,
                               llvm::function_ref<runtime::Status(mlir::ModuleOp)> narrow);

} // namespace gptc::tools

#endif // GPTC_TOOLS_GPTC_DUMPPASSES_H
