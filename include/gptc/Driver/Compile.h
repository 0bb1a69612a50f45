// From a description to a plan: the whole compiler behind one function.
#ifndef GPTC_DRIVER_COMPILE_H
#define GPTC_DRIVER_COMPILE_H

#include "gptc/Driver/MemoryBudget.h"
#include "gptc/Driver/RemarkLog.h"
#include "gptc/Model/Model.h"
#include "gptc/Pipelines/Pipelines.h"

#include "runtime/base/Status.h"
#include "runtime/device/cuda/ModuleCompiler.h"
#include "runtime/plan/Plan.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gptc {

/// How far a module has come.
enum class Stage { graph, forward, training, optimized, plan };

struct CompileOptions {
  std::string model; ///< path of the description
  LoadOptions load;
  Optimizer optimizer = Optimizer::adamw;
  TrainingPrecision precision = TrainingPrecision::fp32;
  /// Of dynamic loss scaling, which training in fp16 does; if not set, LossScaling's.
  std::optional<double> lossScale;
  std::optional<int64_t> lossScaleGrowthInterval;
  bool noReuse = false;
  /// As PlanOptions has it.
  std::optional<int64_t> leastGenerated;
  /// Axes of parameters are padded to a multiple of this; 1: none are. If not set, to what the
  /// target's kernels like, unless it makes an axis larger by more than `padGrowth` percent.
  std::optional<int64_t> padMultiple;
  int64_t padGrowth = OptimizeOptions().padGrowth;
  /// The largest product that is kept whole where pieces of rows would do; 0 keeps all.
  uint64_t chunkBytes = 512 << 20;
  /// What training may take; without it nothing is computed again that is not cheap.
  std::optional<MemoryBudget> memoryBudget;
  /// What the plan runs on: "cpu" (this machine's processor), "cuda" (kernels as source, compiled
  /// where they run), or "cuda:sm_90a" (compiled now as well, for that architecture).
  std::string target = "cpu";
  /// Where progress and warnings of compiling for a GPU go, in whole lines; empty: nowhere.
  std::function<void(std::string_view)> note;
  /// By argument name. Without gpt-form-kernels each operation is a kernel, without
  /// plan-assign-buffers each buffer has memory of its own.
  std::vector<std::string> disabledPasses;
  /// Optimisations that run although the table of passes has them off for the target.
  std::vector<std::string> enabledPasses;
  /// Leave the entries out that this run has no use for: sampling needs `logits` alone.
  bool trains = true, evaluates = true;
  /// What the gradients are scaled by; nothing if they are not.
  std::optional<LossScaling> lossScaling() const;
  /// Keep what passes tell of themselves, for remarks().
  bool keepRemarks = false;
  /// Called with the pass manager of each runTo() before it runs, to watch its passes.
  std::function<void(mlir::PassManager &)> instrument;
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

  /// The same, ready to run.
  runtime::Result<runtime::Plan> makePlan();

  /// The text of the kernels at Stage::plan: `what` is "loops" (MLIR), "llvm" or "assembly" for the
  /// CPU, "cuda", "header" (which all modules include) or "ptx" (of the target's architecture) for
  /// a GPU; `kernel` is a symbol, or empty for all.
  runtime::Result<std::string> emitSource(const std::string &what, const std::string &kernel);

  /// What each kernel takes of a GPU's multiprocessor, once emitPlan() has compiled for one.
  const std::vector<runtime::cuda::KernelResources> &resources() const;

  /// What the memory budget costs, from Stage::optimized on; nothing without one.
  const std::optional<Recomputation> &recomputation() const;

  mlir::ModuleOp module();
  const ModelInfo &info() const;
  const std::string &warnings() const;
  /// In the order in which passes told them.
  const std::vector<KeptRemark> &remarks() const;
  /// Line `line` (from 1) of a text that locations name, the description or the prelude, without
  /// blanks around it; empty if there is none.
  std::string sourceLine(const std::string &file, unsigned line) const;
  /// JSON that a plan carries: preset, overrides, sizes, optimizer, precision, config values.
  std::string settings() const;

private:
  struct State;
  std::unique_ptr<State> state;
};

} // namespace gptc

#endif // GPTC_DRIVER_COMPILE_H
