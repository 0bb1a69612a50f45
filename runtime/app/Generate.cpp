// Generating tokens.
#include "runtime/app/Generate.h"

#include "runtime/data/HostArray.h"
#include "runtime/execute/StepScalars.h"

#include <algorithm>
#include <fmt/format.h>

namespace gptc::runtime {

Result<Generator> Generator::create(Session &session) {
  Generator generator(session);
  GPTC_ASSIGN(generator.tokens_, session.tensor("tokens"));
  GPTC_ASSIGN(generator.logits_, session.tensor("output:logits"));
  const std::vector<int64_t> &tokens = generator.tokens_->shape, &logits = generator.logits_->shape;
  generator.lastOnly_ = logits.size() == 2;
  if (tokens.size() != 2 || generator.tokens_->type != DataType::int32 ||
      generator.logits_->type != DataType::float32 || (logits.size() != 2 && logits.size() != 3) ||
      logits[0] != tokens[0] || (logits.size() == 3 && logits[1] != tokens[1]))
    return Status(
        Code::failedPrecondition,
        fmt::format(
            "{}: sampling needs tokens int [B, T] and logits [B, T, V] or [B, V]; found {} and {}",
            session.plan().name(), shapeText(tokens), shapeText(logits)));
  generator.batchSize_ = tokens[0];
  generator.sequenceLength_ = tokens[1];
  generator.vocabSize_ = logits.back();
  return generator;
}

void Generator::placeRow(std::span<const int32_t> sequence, std::span<int32_t> row) const {
  sequence = sequence.last(std::min(sequence.size(), row.size()));
  std::fill(row.begin(), row.end(), 0);
  std::copy(sequence.begin(), sequence.end(),
            lastOnly_ ? row.end() - static_cast<ptrdiff_t>(sequence.size()) : row.begin());
}

Status Generator::generateRows(std::span<std::vector<int32_t>> sequences, uint64_t firstSample,
                               size_t promptSize, int64_t newTokens, int64_t limit,
                               Sampler &sampler) {
  size_t length = static_cast<size_t>(sequenceLength_);
  std::vector<int32_t> tokens(static_cast<size_t>(batchSize_) * length);
  std::vector<float> logits(static_cast<size_t>(vocabSize_));
  for (int64_t i = 0; i < newTokens; ++i) {
    size_t used = std::min(promptSize + static_cast<size_t>(i), length);
    for (size_t row = 0; row < sequences.size(); ++row)
      placeRow(sequences[row], std::span(tokens).subspan(row * length, length));
    GPTC_RETURN_IF_ERROR(session_->setInput(*tokens_, std::span<const int32_t>(tokens)));
    GPTC_RETURN_IF_ERROR(session_->run(logitsEntry));
    for (size_t row = 0; row < sequences.size(); ++row) {
      size_t logitsRow = lastOnly_ ? row : row * length + used - 1;
      GPTC_RETURN_IF_ERROR(session_->readRow(*logits_, static_cast<int64_t>(logitsRow), logits));
      GPTC_ASSIGN(int32_t token, sampler.next(std::span(logits).first(static_cast<size_t>(limit)),
                                              firstSample + row, static_cast<uint64_t>(i)));
      sequences[row].push_back(token);
    }
  }
  return {};
}

Result<std::vector<std::vector<int32_t>>> Generator::generate(std::span<const int32_t> prompt,
                                                              int64_t count, int64_t newTokens,
                                                              int64_t limit, Sampler &sampler) {
  if (prompt.empty() && !lastOnly_)
    return Status(Code::invalidArgument, "an empty prompt cannot be continued by this model");
  GPTC_RETURN_IF_ERROR(setMicroBatch(*session_, 0, 0, 0, 1));
  std::vector<std::vector<int32_t>> sequences(static_cast<size_t>(count),
                                              {prompt.begin(), prompt.end()});
  for (size_t first = 0; first < sequences.size(); first += static_cast<size_t>(batchSize_)) {
    auto group = std::span(sequences).subspan(first);
    GPTC_RETURN_IF_ERROR(
        generateRows(group.first(std::min(group.size(), static_cast<size_t>(batchSize_))), first,
                     prompt.size(), newTokens, std::min(limit, vocabSize_), sampler));
  }
  for (std::vector<int32_t> &sequence : sequences)
    sequence.erase(sequence.begin(), sequence.begin() + static_cast<ptrdiff_t>(prompt.size()));
  return sequences;
}

Result<std::vector<int32_t>> promptTokens(const std::string &prompt, const Tokenizer *tokenizer,
                                          bool fromNothing) {
  if (!prompt.empty()) {
    if (!tokenizer)
      return Status(
          Code::invalidArgument,
          fmt::format("--prompt \"{}\": there is no tokenizer: give --tokenizer", prompt));
    return tokenizer->encode(prompt, "--prompt");
  }
  if (fromNothing)
    return std::vector<int32_t>();
  if (tokenizer)
    if (Result<std::vector<int32_t>> newline = tokenizer->encode("\n", "a newline");
        newline.ok() && !newline->empty())
      return newline;
  return std::vector<int32_t>{0};
}

std::string tokensText(std::span<const int32_t> tokens, const Tokenizer *tokenizer) {
  return tokenizer ? tokenizer->decode(tokens) : fmt::format("{}", fmt::join(tokens, " "));
}

} // namespace gptc::runtime
