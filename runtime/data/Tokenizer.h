// Tokenizers: text to token ids and back. Character and byte level.
//
// A tokenizer serialises to a short JSON text, which a checkpoint or a plan carries, so that ids
// keep their meaning.
#ifndef GPTC_RUNTIME_DATA_TOKENIZER_H
#define GPTC_RUNTIME_DATA_TOKENIZER_H

#include "runtime/base/FunctionRef.h"
#include "runtime/base/Status.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gptc::runtime {

class Tokenizer {
public:
  virtual ~Tokenizer() = default;

  /// What --tokenizer calls it: "char", "bytes".
  virtual std::string name() const = 0;
  /// Ids are 0 … vocabSize() - 1.
  virtual int64_t vocabSize() const = 0;
  /// Hands the ids of `text` to `sink`, some thousands at a time, in order. `source` is what
  /// messages name (a file, "--prompt"). Errors (dataError): with the byte offset, text that is not
  /// UTF-8, or a character that has no id.
  virtual Status encode(std::string_view text, const std::string &source,
                        FunctionRef<void(std::span<const int32_t>)> sink) const = 0;
  /// The text of `tokens`. An id without a text (a model may have more ids than its tokenizer)
  /// becomes U+FFFD.
  virtual std::string decode(std::span<const int32_t> tokens) const = 0;
  /// One JSON object; tokenizerFromJson reads it back.
  virtual std::string toJson() const = 0;

  /// All ids at once.
  Result<std::vector<int32_t>> encode(std::string_view text, const std::string &source) const;
};

/// Each Unicode code point that occurs in a text is a token; ids follow the order of code points.
class CharTokenizer : public Tokenizer {
public:
  /// From code points in the order of their ids: distinct and valid (else dataError).
  static Result<std::shared_ptr<const Tokenizer>> create(std::vector<char32_t> codePoints);

  std::string name() const override { return "char"; }
  int64_t vocabSize() const override { return static_cast<int64_t>(codePoints_.size()); }
  Status encode(std::string_view text, const std::string &source,
                FunctionRef<void(std::span<const int32_t>)> sink) const override;
  std::string decode(std::span<const int32_t> tokens) const override;
  std::string toJson() const override;
  using Tokenizer::encode;

private:
  explicit CharTokenizer(std::vector<char32_t> codePoints);

  std::vector<char32_t> codePoints_;
  std::vector<int32_t> idOf_; ///< by code point, -1 for none
};

/// Each byte is a token: 256 ids, any input.
class ByteTokenizer : public Tokenizer {
public:
  std::string name() const override { return "bytes"; }
  int64_t vocabSize() const override { return 256; }
  Status encode(std::string_view text, const std::string &source,
                FunctionRef<void(std::span<const int32_t>)> sink) const override;
  std::string decode(std::span<const int32_t> tokens) const override;
  std::string toJson() const override;
  using Tokenizer::encode;
};

/// A text and the name that messages give it.
struct TextSource {
  std::string name;
  std::string_view text;
};

/// The tokenizer that --tokenizer asks for: "char" (the code points of `texts`, which must be UTF-8
/// and not all empty), "bytes", or a FILE that toJson wrote. Errors: invalidArgument (lists what is
/// accepted), notFound, dataError.
Result<std::shared_ptr<const Tokenizer>> makeTokenizer(const std::string &spec,
                                                       std::span<const TextSource> texts);

/// Reads what Tokenizer::toJson wrote. Error: dataError.
Result<std::shared_ptr<const Tokenizer>> tokenizerFromJson(std::string_view json);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_DATA_TOKENIZER_H
