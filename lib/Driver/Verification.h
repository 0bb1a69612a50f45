// What the parts of `gptc verify` share: snapshots, observations, checks.
#ifndef GPTC_LIB_DRIVER_VERIFICATION_H
#define GPTC_LIB_DRIVER_VERIFICATION_H

#include "gptc/Driver/Snapshots.h"
#include "gptc/Driver/Verify.h"
#include "gptc/Reference/Interpreter.h"
#include "runtime/execute/Session.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringSet.h"

#include <map>

namespace gptc::verification {

using reference::Environment;
using reference::Precision;
using reference::Tensor;

/// What all modules start from: variables by name, copies of blocks one by one, numbers that
/// float32 holds exactly.
struct Inputs {
  struct About {
    gpt::VariableKind kind;
    std::string owner;
    bool decays = false;
  };
  Environment values;
  std::map<std::string, About> about;
  /// Of dynamic loss scaling, if modules do it.
  std::optional<LossScaling> scaling;

  /// Gives the variables of `module` that have none a value, which depends on seed and name alone.
  void add(mlir::ModuleOp module, uint64_t seed);
  /// The same with every real number changed by a random part of `relative`, but for the counts and
  /// the scale of loss scaling.
  Environment perturbed(double relative, uint64_t seed = 7) const;
  std::vector<std::string> ofKind(gpt::VariableKind kind) const;
};

/// A way to run @update. With loss scaling there are three: as it is; with a gradient that is not
/// finite; and as the last of the steps before the scale grows. Their names are "update",
/// "update:overflow" and "update:growth".
struct UpdateRun {
  std::string name;
  bool overflows = false, grows = false;

  /// What it starts from. Where gradients are scaled, as the module's are that computed them, they
  /// are here too.
  Environment start(const Inputs &inputs, const Environment &values, bool scales) const;
};
std::vector<UpdateRun> updateRuns(bool scales);

/// The entry that a run is of.
inline llvm::StringRef entryOf(llvm::StringRef run) { return run.split(':').first; }

/// Divides gradients by the loss scale that they were computed with.
void unscale(Tensor &gradient, const Environment &values);

/// Tensors by run of an entry and variable, as "update/output:norm". What @train returns and writes
/// is under "accumulate_first", into which it turns. Gradients are without the loss scale.
using Observations = std::map<std::string, Tensor>;

using Observer =
    std::function<void(mlir::Operation *, llvm::ArrayRef<Tensor>, llvm::ArrayRef<Tensor>)>;

/// Runs all entries of a module of tensors. Each of accumulation, @update, @evaluate and @logits
/// starts from `values`; the accumulating entries run one after another. An error also if what an
/// operation takes for granted of its operands does not hold.
runtime::Result<Observations> observe(mlir::ModuleOp module, const Inputs &inputs,
                                      const Environment &values, Precision precision,
                                      const Observer &observer = {});

/// What further accumulations must give, from runs of the first one alone.
runtime::Result<Observations> expectAccumulation(mlir::ModuleOp module, const Inputs &inputs,
                                                 const Environment &values);

/// What @update must give, by the optimizer's formula, in all its runs.
Observations expectUpdate(const Inputs &inputs, const Environment &values, Optimizer optimizer,
                          bool scales);

/// A tensor's error and what is allowed of it.
struct Check {
  double error = 0, budget = 0;
  bool ok() const { return error <= budget; } // false for NaN
};
using Checks = std::map<std::string, Check>;

/// Compares gradients with differences of @train in `graph`: for each parameter the derivative in
/// one random direction.
runtime::Result<Checks> checkGradients(mlir::ModuleOp graph, const Inputs &inputs,
                                       const Observations &found, uint64_t seed);

/// The largest |x|; of a difference of two tensors: the largest |x − y|, infinite if shapes differ
/// or something is not finite in one alone.
double largest(const Tensor &tensor);
double largestDifference(const Tensor &left, const Tensor &right);

/// Tensors of a kind are of one scale: "gradient" of accumulate_first/gradient:w, the variable's
/// prefix or else its name's entry.
std::string kindOf(llvm::StringRef key);

/// A budget for each tensor, made of the errors that it may have anyhow.
using Budgets = std::map<std::string, double>;

/// 64 · (what `disturbed` differs) + `relative` · largest element + `ofKind` · largest of the kind.
Budgets makeBudgets(const Observations &exact, const Observations &disturbed, double relative,
                    double ofKind);

/// The narrowest type of real tensors in a module, TensorFloat-32 where products have that
/// attribute; null for float32 throughout.
const llvm::fltSemantics *narrowestIn(mlir::ModuleOp module);

/// 8 · the largest error of the module's roundings, found in several places near the inputs.
runtime::Result<Budgets> makeRoundingBudgets(mlir::ModuleOp module, const Inputs &inputs,
                                             const llvm::fltSemantics &narrow);

/// Runs a module with its roundings.
///
/// An error if what it writes to a parameter, moment or gradient, or adds to it, holds nothing but
/// numbers of the narrow type where float64 has others: it was rounded, or summed in 16 bits.
runtime::Result<Observations> observeRounded(mlir::ModuleOp module, const Inputs &inputs,
                                             const llvm::fltSemantics &narrow);

/// The variables that must have float32's digits in the end: parameters, moments and gradients, but
/// for those that gpt.embedding_grad takes part in, whose rows may be single rows of a rounded
/// tensor.
llvm::StringSet<> wideVariables(mlir::ModuleOp module, const Inputs &inputs);

/// The same error for what a plan gave.
runtime::Status checkResolution(const Observations &found, const Observations &exact,
                                const llvm::StringSet<> &wide, const llvm::fltSemantics &narrow);

/// Runs a module of the plan dialect, whose buffers have offsets, on the device.
class PlanRunner {
public:
  PlanRunner(const VerifyOptions &options, std::string model)
      : options(options), model(std::move(model)) {}
  runtime::Result<Observations> run(mlir::ModuleOp plan, const Inputs &inputs);
  /// What the transient buffers hold after an entry, by name, as float32.
  using Contents = llvm::StringMap<std::vector<float>>;
  runtime::Result<Contents> inspect(mlir::ModuleOp plan, const Inputs &inputs,
                                    const std::string &entry);

private:
  runtime::Result<runtime::Session> open(mlir::ModuleOp plan);

  const VerifyOptions &options;
  std::string model;
  /// The kernels that were compiled last, as text, and what of a plan comes from them.
  std::string kernelText;
  std::shared_ptr<void> compiled;
};

/// Gives the buffers of a plan offsets, each its own memory.
runtime::Status separateBuffers(mlir::ModuleOp plan);

/// What a comparison found, by tensor.
struct Findings {
  std::string tensor; ///< the worst
  std::vector<std::string> wrong;
  std::vector<std::string> right; ///< those that are far from their budgets
};

/// The smallest range of operations behind a pass that shows why tensors differ, as lines. `before`
/// may be null.
std::vector<std::string> findRange(mlir::ModuleOp before, mlir::ModuleOp after,
                                   const Inputs &inputs, const Findings &findings);
/// The same for a plan. `tensors` is the module that it was made from.
std::vector<std::string> findPlanRange(mlir::ModuleOp tensors, mlir::ModuleOp plan,
                                       const Inputs &inputs, const Findings &findings,
                                       PlanRunner &runner);

/// An operation as one line: its text without regions, and where it comes from.
std::string describe(mlir::Operation *op);

} // namespace gptc::verification

#endif // GPTC_LIB_DRIVER_VERIFICATION_H
