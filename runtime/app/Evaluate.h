// The loss on data that the model was not trained on.
#ifndef GPTC_RUNTIME_APP_EVALUATE_H
#define GPTC_RUNTIME_APP_EVALUATE_H

#include "runtime/app/Console.h"
#include "runtime/app/Dataset.h"
#include "runtime/app/Options.h"

namespace gptc::runtime {

/// The name of the plan's entry.
inline constexpr const char *evaluateEntry = "evaluate";

/// How many batches an evaluation takes: `wanted`, or the whole split if that is 0 or more than
/// there are.
int64_t evaluationBatches(const BatchSource &batches, int64_t wanted);

/// The mean loss of the first `count` batches; none if it was interrupted (InterruptGuard).
Result<std::optional<double>> meanLoss(Session &session, BatchSource &batches, int64_t count);

/// The command `eval`: prints the validation loss.
Status evaluate(const Plan &plan, const EvalOptions &options, const Console &console);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_APP_EVALUATE_H
