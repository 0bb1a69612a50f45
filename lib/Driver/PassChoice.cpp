// Disabled passes, and the table of optimisations.
#include "PassChoice.h"

#include "gptc/Autodiff/Passes.h"
#include "gptc/CodeGen/Passes.h"
#include "gptc/Pipelines/PassTable.h"
#include "gptc/Plan/Passes.h"
#include "gptc/Transforms/PassFilter.h"
#include "runtime/base/DidYouMean.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/Regex.h"

#include <fmt/format.h>

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

/// What axes of parameters are padded to. On a GPU: tiles of the tensor cores and the libraries'
/// matmuls are 64 elements or a multiple wide, and one that is cut off costs as much as a whole
/// one. On the CPU: 16 floats are the widest vector and a cache line, in which rows begin anyhow.
OptimizeOptions gptc::optimizeOptionsOf(const CompileOptions &options, const PassChoice &passes) {
  OptimizeOptions result;
  result.padMultiple = options.padMultiple.value_or(options.target == "cpu" ? 16 : 64);
  result.padGrowth = options.padMultiple ? unlimitedGrowth : options.padGrowth;
  result.chunkBytes = options.chunkBytes;
  result.precision = options.precision;
  result.fuse = passes.fuse;
  return result;
}

PlanOptions gptc::planOptionsOf(const CompileOptions &options, const PassChoice &passes) {
  PlanOptions result;
  result.noReuse = options.noReuse;
  result.overlay = passes.overlay;
  result.leastGenerated = options.leastGenerated;
  // How the CPU computes products; a GPU's are a library's, or templates.
  result.foldRoundings = result.generateMatmuls = options.target == "cpu";
  return result;
}

/// Whether plans for the target go through a pass, whatever else was asked for.
static bool mayRun(const std::string &target, StringRef pass) {
  CompileOptions options;
  options.target = target;
  options.precision = TrainingPrecision::bf16; // whose pipeline has most passes
  MLIRContext context(MLIRContext::Threading::DISABLED);
  PassManager manager(&context);
  buildForwardPipeline(manager);
  buildTrainingPipeline(manager, {});
  buildOptimizePipeline(manager, optimizeOptionsOf(options, {}));
  buildPlanPipeline(manager, planOptionsOf(options, {}));
  std::string text; // "any(canonicalize{…},func.func(gpt-form-kernels{…}),…)"
  llvm::raw_string_ostream stream(text);
  manager.printAsTextualPipeline(stream);
  return llvm::Regex("[(,]" + llvm::Regex::escape(pass) + "[{,)]").match(text);
}

std::string gptc::whyNotFor(const std::string &target, StringRef pass) {
  if (mayRun(target, pass))
    return "";
  std::string other = target == "cpu" ? "cuda" : "cpu";
  return fmt::format("plans for {} have no such pass{}", target == "cpu" ? "cpu" : "cuda",
                     mayRun(other, pass) ? ", those for " + other + " do" : "");
}

/// What is wrong with a pass to be enabled.
static Status checkEnabled(const CompileOptions &options, const std::string &name) {
  if (!findOptimization(name)) {
    std::vector<std::string> names;
    for (const OptimizationPass &pass : optimizationPasses())
      names.push_back(pass.name);
    return {Code::invalidArgument,
            fmt::format("--enable-pass {}: it is no optimisation{}; there are {}", name,
                        runtime::suggestion(name, names), fmt::join(names, ", "))};
  }
  if (std::string why = whyNotFor(options.target, name); !why.empty())
    return {Code::invalidArgument, fmt::format("--enable-pass {}: {}", name, why)};
  return Status::success();
}

Result<PassChoice> gptc::choosePasses(const CompileOptions &options, MLIRContext &context) {
  registerPasses();
  std::vector<std::string> left = options.disabledPasses;
  for (const std::string &name : options.enabledPasses)
    GPTC_RETURN_IF_ERROR(checkEnabled(options, name));
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
