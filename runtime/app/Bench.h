// The command `bench`: how long training steps take.
#ifndef GPTC_RUNTIME_APP_BENCH_H
#define GPTC_RUNTIME_APP_BENCH_H

#include "runtime/app/Console.h"
#include "runtime/app/Options.h"
#include "runtime/plan/Plan.h"

#include <functional>
#include <optional>
#include <string>

namespace gptc::runtime {

/// The next line of a peer's requests, without its newline; none at the end.
using LineReader = std::function<std::optional<std::string>()>;
/// Lines of standard input.
LineReader standardInputLines();
/// Prints what `step` says for each line "step" from `requests`, until there are no more lines or
/// one is "quit". Error invalidArgument for any other line.
Status serveSteps(const LineReader &requests, const Console &console,
                  const std::function<Result<std::string>()> &step);

/// Runs steps on random or given inputs, from seeded weights, and prints the fastest and the median
/// time. With `serve` it answers each line "step" from `requests` with one line, the JSON object
/// {"ms": …, "loss": …} of one step, until there are no more lines or one is "quit".
Status bench(const Plan &plan, const BenchOptions &options, const Console &console,
             const LineReader &requests = standardInputLines());

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_APP_BENCH_H
