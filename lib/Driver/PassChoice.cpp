// Disabled passes, and the table of optimisations.
#include "PassChoice.h"

#include "gptc/Autodiff/Passes.h"
#include "gptc/CodeGen/Passes.h"
#include "gptc/Pipelines/PassTable.h"
#include "gptc/Plan/Passes.h"
#include "gptc/Transforms/PassFilter.h"

#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace gptc;
using runtime::Code;
using runtime::Result;
using runtime::Status;

/// Makes the passes of the pipelines known by name, as --disable-pass asks for them.
static void registerPasses() {
  static const bool registered = [] {
    registerGptcTransformsPasses();
    registerGptcAutodiffPasses();
    registerGptcPlanPasses();
    registerGptcCodeGenPasses();
    registerCanonicalizerPass();
    registerCSEPass();
    return true;
  }();
  (void)registered;
}

Result<PassChoice> gptc::choosePasses(const CompileOptions &options, MLIRContext &context) {
  registerPasses();
  std::vector<std::string> left = options.disabledPasses;
  for (const std::string &name : options.enabledPasses)
    if (!findOptimization(name))
      return Status(Code::invalidArgument, "--enable-pass " + name + ": it is no optimisation");
  for (const OptimizationPass &pass : optimizationPasses())
    if (!pass.isOn(options.target == "cpu" ? Target::cpu : Target::cuda) &&
        !llvm::is_contained(options.enabledPasses, pass.name))
      left.push_back(pass.name);
  PassChoice choice;
  choice.fuse = std::erase(left, "gpt-form-kernels") == 0;
  choice.overlay = std::erase(left, "plan-assign-buffers") == 0;
  if (llvm::Error error = disablePasses(context, left))
    return Status(Code::invalidArgument, "--disable-pass: " + llvm::toString(std::move(error)));
  return choice;
}
