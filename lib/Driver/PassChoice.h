// Which passes a compilation runs.
#ifndef GPTC_LIB_DRIVER_PASSCHOICE_H
#define GPTC_LIB_DRIVER_PASSCHOICE_H

#include "gptc/Driver/Compile.h"

namespace gptc {

/// What stands for the two optimisations that cannot be left out of a pipeline: they do the least
/// that a plan needs.
struct PassChoice {
  bool fuse = true, overlay = true;
};

/// Makes `context` leave out what the user disabled, and what the table of optimisations has off
/// for the target. Error invalidArgument: there is no such pass, the target has none of that name
/// that could be enabled, or the plan cannot do without it.
runtime::Result<PassChoice> choosePasses(const CompileOptions &options, mlir::MLIRContext &context);

/// What buildOptimizePipeline() and buildPlanPipeline() are told.
OptimizeOptions optimizeOptionsOf(const CompileOptions &options, const PassChoice &passes);
PlanOptions planOptionsOf(const CompileOptions &options, const PassChoice &passes);

/// "plans for cuda have no such pass, those for cpu do", if the pass has no place in what plans for
/// that target go through; else empty. `pass` is an optimisation's name.
std::string whyNotFor(const std::string &target, llvm::StringRef pass);

} // namespace gptc

#endif // GPTC_LIB_DRIVER_PASSCHOICE_H
