// The token streams behind --data: text that is tokenised here, or shards of ready tokens.
#ifndef GPTC_RUNTIME_DATA_TOKENDATA_H
#define GPTC_RUNTIME_DATA_TOKENDATA_H

#include "runtime/base/Status.h"
#include "runtime/data/Tokenizer.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace gptc::runtime {

/// A run of consecutive tokens in memory, unaligned, little-endian. Windows and batches never cross
/// from one shard into another.
struct TokenShard {
  std::string source; ///< the file or directory, for messages
  std::shared_ptr<const void> owner;
  const std::byte *data = nullptr;
  int64_t count = 0;       ///< tokens
  int64_t first = 0;       ///< the place of data's first token in its file, in tokens
  int64_t fileOffset = -1; ///< the byte of its file where data begins; -1 for tokens of a text
  int bytesPerToken = 2;   ///< 2 (uint16) or 4 (int32)

  int32_t token(int64_t index) const;
};

/// One split of the data.
class TokenStream {
public:
  TokenStream() = default;
  /// `name` is "training" or "validation".
  TokenStream(std::string name, std::vector<TokenShard> shards);

  const std::string &name() const { return name_; }
  const std::vector<TokenShard> &shards() const { return shards_; }
  /// Tokens in all shards.
  int64_t size() const { return size_; }

  /// Copies tokens [offset, offset + out.size()) of a shard, which must have them. Error dataError
  /// (file and offset) for a token that is not below the vocabulary size.
  Status read(size_t shard, int64_t offset, std::span<int32_t> out) const;

  /// The entropy of the split's token frequencies in nats: the loss of the best model that ignores
  /// all context. 0 for an empty split.
  double unigramEntropy() const;

  /// From now on a token >= vocabSize is an error. The whole split is searched at once if it has at
  /// most 2^28 tokens, else each token is checked when it is read.
  Status setVocabulary(int64_t vocabSize);

private:
  Status refuse(const TokenShard &shard, int64_t index) const;

  std::string name_;
  std::vector<TokenShard> shards_;
  int64_t size_ = 0;
  int64_t vocabSize_ = std::numeric_limits<int64_t>::max();
};

/// What --data PATH holds.
///
/// - A text file, or a directory whose files are texts: all files below it, sorted by path, are
/// tokenised and joined; the last 10 % of the
///   tokens are for validation.
/// - A `.npy` file (uint16, one axis) or `.bin` file, or a directory with such files at any depth.
/// A file with "val" in its name is for validation, one with "train" for training; if no name
///   has either, the last 10 % of all tokens (in path order) are for validation.
///   A `.bin` file has llm.c's header (256 int32: 20240520, 1, the number of tokens) or, where the
///   first word is not that magic number, is nanoGPT's bare row of uint16, so its size must be
///   even.
class TokenData {
public:
  /// Loads `path`. `tokenizerSpec` is --tokenizer ("" = char for text, none for shards); a
  /// `tokenizer` that is there already (from a checkpoint) wins over it. Errors: notFound,
  /// dataError, ioError, invalidArgument; each names the file.
  static Result<TokenData> load(const std::string &path, const std::string &tokenizerSpec,
                                std::shared_ptr<const Tokenizer> tokenizer = nullptr);

  const TokenStream &training() const { return training_; }
  const TokenStream &validation() const { return validation_; }
  /// nullptr for shards without --tokenizer.
  const std::shared_ptr<const Tokenizer> &tokenizer() const { return tokenizer_; }
  /// Sentences for the user: how many files, bytes and tokens, and what was left out and why.
  const std::vector<std::string> &notes() const { return notes_; }

  /// TokenStream::setVocabulary for both splits.
  Status setVocabulary(int64_t vocabSize);

private:
  Status loadText(const std::string &path, const std::vector<std::string> &files,
                  const std::string &tokenizerSpec);
  Status loadShards(const std::vector<std::string> &files, const std::string &tokenizerSpec);
  void noteSizes(const std::string &what);

  TokenStream training_;
  TokenStream validation_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::vector<std::string> notes_;
};

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_DATA_TOKENDATA_H
