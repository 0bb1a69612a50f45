// From a description to a plan: the whole compiler behind one function.
#ifndef GPTC_DRIVER_COMPILE_H
#define GPTC_DRIVER_COMPILE_H

#include "gptc/Model/Model.h"
#include "gptc/Pipelines/Pipelines.h"

#include "runtime/base/Status.h"

#include <memory>
#include <string>
#include <vector>

namespace gptc {

/// How far a module has come.
enum class Stage { graph, forward, training, optimized, plan };

struct CompileOptions {
  std::string model; ///< path of the description
  LoadOptions load;
  Optimizer optimizer = Optimizer::adamw;
  bool noReuse = false;
  std::vector<std::string> disabledPasses; ///< by argument name
  /// Leave the entries out that this run has no use for: sampling needs `logits` alone.
  bool trains = true, evaluates = true;
};

/// A model on its way through the stages. Not to be copied or moved: it owns its context.
class Compilation {
public:
  explicit Compilation(CompileOptions options);
  ~Compilation();

  /// Loads the description and runs the pipelines up to `stage`. On failure the message holds every
  /// mistake that was found, each with its place, ready to print; warnings go to warnings().
  runtime::Status runTo(Stage stage);

  /// Compiles the kernels of a module at Stage::plan and writes the plan.
  runtime::Result<std::vector<char>> emitPlan();

  /// The text of the kernels at Stage::plan: `what` is "loops" (MLIR), "llvm" or "assembly";
  /// `kernel` is a symbol, or empty for all.
  runtime::Result<std::string> emitSource(const std::string &what, const std::string &kernel);

  mlir::ModuleOp module();
  const ModelInfo &info() const;
  const std::string &warnings() const;
  /// JSON that a plan carries: preset, overrides, sizes, optimizer, config values.
  std::string settings() const;

private:
  struct State;
  std::unique_ptr<State> state;
};

} // namespace gptc

#endif // GPTC_DRIVER_COMPILE_H
