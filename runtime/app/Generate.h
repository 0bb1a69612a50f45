// Text from a model: the entry `logits` is run for each new token on the last tokens of the
// sequence.
#ifndef GPTC_RUNTIME_APP_GENERATE_H
#define GPTC_RUNTIME_APP_GENERATE_H

#include "runtime/data/Tokenizer.h"
#include "runtime/execute/Session.h"
#include "runtime/sample/Sampler.h"

namespace gptc::runtime {

/// The name of the plan's entry.
inline constexpr const char *logitsEntry = "logits";

/// Continues sequences with a session that has the entry `logits`. As many sequences as the plan's
/// batch has rows are continued at once.
///
/// Logits of shape [B, T, V] belong to each position: a sequence stands at the front of its row,
/// what follows it is 0 and (in a causal model) without influence, and beyond T tokens the last T
/// are taken. Logits of shape [B, V] are those of the token after the row: the sequence stands at
/// the row's end, and what is missing in front of it is 0.
class Generator {
public:
  /// Error failedPrecondition if the plan's tokens or logits are not of these shapes.
  static Result<Generator> create(Session &session);

  /// Whether an empty prompt can be continued.
  bool startsFromNothing() const { return lastOnly_; }
  /// V.
  int64_t vocabSize() const { return vocabSize_; }

  /// `count` continuations of `prompt` (at least one token, or startsFromNothing), each of
  /// `newTokens` tokens below `limit` and V. For the sampler they are samples 0, 1, 2 …
  /// Error dataError if the logits are not numbers.
  Result<std::vector<std::vector<int32_t>>> generate(std::span<const int32_t> prompt, int64_t count,
                                                     int64_t newTokens, int64_t limit,
                                                     Sampler &sampler);

private:
  explicit Generator(Session &session) : session_(&session) {}

  Status generateRows(std::span<std::vector<int32_t>> sequences, uint64_t firstSample,
                      size_t promptSize, int64_t newTokens, int64_t limit, Sampler &sampler);
  void placeRow(std::span<const int32_t> sequence, std::span<int32_t> row) const;

  Session *session_;
  const TensorInfo *tokens_ = nullptr;
  const TensorInfo *logits_ = nullptr;
  int64_t batchSize_ = 0, sequenceLength_ = 0, vocabSize_ = 0;
  bool lastOnly_ = false;
};

/// The tokens that a prompt stands for: its encoding; without a prompt a newline if the tokenizer
/// has one, else token 0, and with `fromNothing` no token at all. A prompt needs a tokenizer.
Result<std::vector<int32_t>> promptTokens(const std::string &prompt, const Tokenizer *tokenizer,
                                          bool fromNothing);

/// Text of tokens; without a tokenizer their numbers, with spaces between.
std::string tokensText(std::span<const int32_t> tokens, const Tokenizer *tokenizer);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_APP_GENERATE_H
