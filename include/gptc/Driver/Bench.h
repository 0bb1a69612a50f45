// gptc bench: fused against unfused, kernel by kernel and step by step, and the ladder of
// optimisations.
#ifndef GPTC_DRIVER_BENCH_H
#define GPTC_DRIVER_BENCH_H

#include "gptc/Driver/Compile.h"
#include "gptc/Driver/Costs.h"
#include "gptc/Driver/Roofline.h"
#include "gptc/Driver/StepComparison.h"

#include <optional>

namespace gptc {

struct BenchmarkOptions {
  CompileOptions compile;
  runtime::DeviceOptions device;
  bool kernels = true, ladder = true; ///< what to measure
  ComparisonOptions comparison;
  /// Told what is being done, as the `done`th of `total`.
  std::function<void(std::string_view what, size_t done, size_t total)> progress;
};

/// The same step twice: as it is compiled, and with a kernel for each operation.
struct FusionReport {
  /// Commands that compute the same operations, in both plans, over all layers.
  struct Side {
    size_t launches = 0;
    Cost cost;
    double milliseconds = 0;
  };
  struct Group {
    std::vector<std::string> functions; ///< of the fused plan
    std::vector<std::string> parts;     ///< of the model
    size_t operations = 0;
    Side fused, unfused;
  };
  std::vector<Group> groups; ///< what takes longest unfused first
  Side fused, unfused;       ///< all commands
  StepComparison step;       ///< unfused over fused
};

/// A plan with one thing more than the rung before.
struct Rung {
  std::string name, adds;
  std::string skipped; ///< why it was not climbed; empty if it was
  size_t launches = 0;
  Cost cost;
  uint64_t peakMemory = 0;
  double milliseconds = 0;   ///< a step
  double unitsPerSecond = 0; ///< tokens, or examples
  double ratio = 1;          ///< the time of the rung before over this one's
  double low = 1, high = 1;  ///< a 90 % interval of it
};

struct BenchmarkReport {
  std::string model, target, configuration, unit;
  Roofline roof;
  std::optional<FusionReport> fusion;
  std::vector<Rung> ladder;
};

runtime::Result<BenchmarkReport> runBenchmark(const BenchmarkOptions &options);

/// "n_layer=12 … B=4 T=64".
std::string configurationOf(const ModelInfo &info);

} // namespace gptc

#endif // GPTC_DRIVER_BENCH_H
