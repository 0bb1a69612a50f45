// The command `replay`: a floor for the time of a training step on the CPU.
#ifndef GPTC_RUNTIME_APP_REPLAY_H
#define GPTC_RUNTIME_APP_REPLAY_H

#include "runtime/app/Bench.h"
#include "runtime/app/Console.h"
#include "runtime/app/Options.h"
#include "runtime/plan/Plan.h"

namespace gptc::runtime {

/// Computes a step's matrix products, and nothing between them, as fast as oneDNN can, then moves
/// what the optimizer moves; prints both times, their sum, and the time of a step of which they
/// would be 85 %. With `serve` it answers each line "step" from `requests` with one line, the JSON
/// object
/// {"ms": …, "products_ms": …, "memory_ms": …, "flops": …, "bytes": …}, until there are no more
/// lines or one is "quit". Errors: of stepProducts, UpdatePass::create and ProductReplay::create.
Status replay(const Plan &plan, const ReplayOptions &options, const Console &console,
              const LineReader &requests = standardInputLines());

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_APP_REPLAY_H
