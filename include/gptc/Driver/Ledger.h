// gptc ledger: what each optimisation buys, and what it declined to do.
//
// The plan is compiled once with all passes that are on for the target, and once for each pass
// without it (of one that is off, with it). Figures of costs come from the plans. Steps of both are
// timed one after the other in turn, so that the machine's changing mood strikes both.
#ifndef GPTC_DRIVER_LEDGER_H
#define GPTC_DRIVER_LEDGER_H

#include "gptc/Driver/Compile.h"
#include "gptc/Driver/Costs.h"
#include "gptc/Driver/Roofline.h"
#include "gptc/Driver/StepComparison.h"

#include <optional>

namespace gptc {

struct LedgerOptions {
  CompileOptions compile;
  runtime::DeviceOptions device;
  std::vector<std::string> passes; ///< those to look at; empty: all that the target has
  bool run = true;                 ///< measure times
  ComparisonOptions comparison;
  /// Told what is being done, as the `done`th of `total`.
  std::function<void(std::string_view what, size_t done, size_t total)> progress;
};

/// What a plan takes.
struct PlanFigures {
  size_t kernels = 0, launches = 0;
  Cost cost;
  uint64_t peakMemory = 0;

  static PlanFigures of(const StepCost &step);
};

struct LedgerReport {
  /// Something that a pass told it would not do, as often as it was told for this reason.
  struct Declined {
    std::string what, reason;
    size_t times = 0;
    uint64_t bytes = 0;                 ///< that this costs a step, 0 if the pass does not say
    std::optional<double> milliseconds; ///< in which memory moves them
  };
  struct Row {
    std::string pass, buys;
    bool on = true;
    std::string why;     ///< it is off
    std::string problem; ///< the plan cannot be made that way: what the compiler said
    bool changes = false;
    PlanFigures other; ///< of the plan without the pass; of one that is off, with it
    /// Its time over that of the plan as it is.
    std::optional<StepComparison> time;
    std::vector<Declined> declined;
  };
  std::string model, target, configuration;
  PlanFigures plan; ///< as it is
  std::optional<double> milliseconds;
  Roofline roof;
  std::vector<Row> rows;
};

/// Error invalidArgument: a pass is no optimisation, or none that the target has.
runtime::Result<LedgerReport> makeLedger(const LedgerOptions &options);

} // namespace gptc

#endif // GPTC_DRIVER_LEDGER_H
