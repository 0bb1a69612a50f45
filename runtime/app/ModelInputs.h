// What a plan's model wants to be fed with.
#ifndef GPTC_RUNTIME_APP_MODELINPUTS_H
#define GPTC_RUNTIME_APP_MODELINPUTS_H

#include "runtime/data/ArrayBatches.h"
#include "runtime/plan/Plan.h"

namespace gptc::runtime {

struct ModelInputs {
  /// All inputs that come from data (not those that are derived), as the plan orders them; the
  /// plan owns them.
  std::vector<const TensorInfo *> tensors;
  /// Their first axis.
  int64_t batchSize = 0;
  /// The inputs are `tokens` and `targets`, whole numbers [B, T]: a token stream can feed them.
  bool fromTokens = false;
  const TensorInfo *tokens = nullptr; ///< the inputs of these names, if there are such
  const TensorInfo *targets = nullptr;
  int64_t sequenceLength = 1; ///< T if fromTokens, else 1

  /// What a micro-batch consumes: tokens, or examples.
  int64_t unitsPerBatch() const { return batchSize * sequenceLength; }
  const char *unit() const { return fromTokens ? "tokens" : "examples"; }
  std::vector<InputSpec> specs() const;

  /// Error failedPrecondition if the plan has no inputs or their batch sizes differ.
  static Result<ModelInputs> of(const Plan &plan);
};

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_APP_MODELINPUTS_H
