// The command `info`: what a plan holds, without running any of it.
#ifndef GPTC_RUNTIME_APP_INFO_H
#define GPTC_RUNTIME_APP_INFO_H

#include "runtime/app/Console.h"
#include "runtime/app/Options.h"
#include "runtime/execute/Memory.h"

namespace gptc::runtime {

/// What a plan can be used for.
enum class Purpose {
  train,            ///< steps of one micro-batch
  trainAccumulate,  ///< steps of several
  trainAndEvaluate, ///< several micro-batches, evaluations and samples between: everything
  evaluate,
  sample,
};

/// What a session for that purpose allocates; none if the plan has not all of its entries.
std::optional<MemoryUse> memoryFor(const Plan &plan, Purpose purpose);

Status info(const Plan &plan, const InfoOptions &options, const Console &console);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_APP_INFO_H
