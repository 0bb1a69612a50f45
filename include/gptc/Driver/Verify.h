// gptc verify: every pass of a compilation, proved numerically.
//
// One compilation is watched, and the module kept behind each pass that changed it. All of them run
// on the same inputs, and every output, gradient, state, parameter and moment is compared:
//
// - Tensor programs run by the interpreter in float64. A tensor may differ from the first module
//   that computes it by 10⁻⁹ of its largest element; plus 64 times the change that relative changes
//   of all inputs by 2⁻⁵² make, plus 10⁻¹³ of the largest element of all tensors of the kind, so
//   that a tensor which is 0 but for rounding (the gradient of a key's bias) does not confuse it.
// - What the graph does not compute yet is checked where it appears: gradients by central
//   differences of the graph's loss, one random direction for each parameter, to 2⁻²¹ (their
//   constants are rounded to float32); the update by the optimizer's formula; the further
//   accumulations by adding up the first one's results.
// - The plan runs on the device. Lowered alone, each launch and buffer by itself, a tensor may
//   differ from float64 by 64 times the largest of: the error of the interpreter in float32 on the
//   module before any optimisation; the change that relative changes of all inputs by 2⁻²³ make;
//   4 ulp of the largest element. With launches merged, and again with memory shared, the bits must
//   be the same.
// - From where numbers of 16 bits are assigned on, each module also runs with its roundings, and so
//   does the plan: to what float32 is allowed comes 8 times the largest error that the roundings
//   make at four points near the inputs (VerifyRounding.cpp says why). Gradients, parameters and
//   moments must not have been rounded at all. With loss scaling the update also runs with a
//   gradient that is not finite, and as the step that makes the scale grow.
#ifndef GPTC_DRIVER_VERIFY_H
#define GPTC_DRIVER_VERIFY_H

#include "gptc/Driver/Compile.h"

#include <optional>

namespace gptc {

struct VerifyOptions {
  CompileOptions compile;
  bool full = false; ///< the configuration as it is; else a small one is found
  uint64_t seed = 1; ///< of the inputs
  std::string device = "cpu";
  int threads = 0; ///< of the CPU, 0 for the default
  /// Told what is being looked at, as the `done`th of `total`.
  std::function<void(std::string_view what, size_t done, size_t total)> progress;
  /// Called behind each pass, with the module that it left and the pass's label as in the report.
  /// What it does to the module counts as done by the pass: tests plant miscompiles here.
  std::function<void(llvm::StringRef pass, mlir::Operation *module)> afterPass;
};

struct VerifyReport {
  /// What a pass did to the numbers.
  struct Row {
    std::string pass;     ///< its argument name; where it ran before, with the stage's name
    bool changed = false; ///< whether it changed the module: otherwise nothing was compared
    size_t tensors = 0;   ///< how many were compared
    std::string worst;    ///< the one with the largest error over its budget, as entry/variable
    double error = 0, budget = 0;
    bool bits = false; ///< whether all bits had to be the same
    bool ok() const { return error <= budget; }
    /// 0 where both are 0.
    double ratio() const { return error == 0 ? 0 : error / budget; }
  };
  struct Failure {
    std::string pass, tensor;
    double error = 0, budget = 0;
    std::string reason;             ///< where there are no numbers: what the runtime said
    std::vector<std::string> range; ///< the smallest range of operations that shows it, as lines
  };

  std::string model;
  std::string configuration; ///< "n_layer=2 … B=2 T=16"
  int64_t parameters = 0;
  std::vector<Row> rows; ///< in order, up to the first failure
  std::optional<Failure> failure;
  double seconds = 0;
};

/// Compiles and compares. A failure of the comparison is in the report; the status tells of models
/// and devices that do not work at all.
runtime::Result<VerifyReport> verify(const VerifyOptions &options);

/// A smaller configuration of the same model: integers of the description's config are halved so
/// long as it has many parameters and the description still holds; B is 2 and T at most 16.
runtime::Result<CompileOptions> shrinkConfiguration(const CompileOptions &options);

} // namespace gptc

#endif // GPTC_DRIVER_VERIFY_H
