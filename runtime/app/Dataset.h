// The data of a run: loaded, held against a plan, and handed out as batches.
#ifndef GPTC_RUNTIME_APP_DATASET_H
#define GPTC_RUNTIME_APP_DATASET_H

#include "runtime/app/ModelInputs.h"
#include "runtime/data/TokenData.h"
#include "runtime/execute/Session.h"

#include <nlohmann/json.hpp>

namespace gptc::runtime {

/// Where batches come from.
class BatchSource {
public:
  virtual ~BatchSource() = default;
  /// Writes the next batch to the session's inputs.
  virtual Status next(Session &session) = 0;
  /// Back to the first batch.
  virtual void reset() = 0;
  /// How many batches cover the split once.
  virtual int64_t batchesPerEpoch() const = 0;
  /// Where it stands, for a checkpoint, and back to there. Random batches have no such place.
  virtual nlohmann::json state() const { return nullptr; }
  virtual Status restore(const nlohmann::json &) {
    return {Code::internal, "random batches cannot be resumed"};
  }
};

enum class Split { training, validation };

class Dataset {
public:
  /// Loads --data. A `tokenizer` that is there already (from a checkpoint) wins over the
  /// specification. Errors name the file.
  static Result<Dataset> load(const std::string &path, const std::string &tokenizerSpec,
                              std::shared_ptr<const Tokenizer> tokenizer = nullptr);

  /// Whether it is a token stream; else arrays.
  bool isTokens() const { return tokens_ != nullptr; }
  /// nullptr if there is none.
  std::shared_ptr<const Tokenizer> tokenizer() const;
  /// The vocabulary that the model needs to have at least; 0 if the data does not say.
  int64_t vocabSize() const;
  /// Tokens, or examples.
  int64_t size(Split split) const;
  /// The entropy of the tokens' frequencies in nats; none for arrays or an empty split.
  std::optional<double> unigramEntropy(Split split) const;
  /// Sentences about what was read and left out.
  std::vector<std::string> notes() const;

  /// Checks that the data suits the plan's inputs; tokens that are not in the model's vocabulary
  /// are errors from now on. Inputs that arrays feed are counted in examples afterwards, also if
  /// tokens could feed them.
  Status fit(ModelInputs &inputs);
  /// After fit(). Errors: dataError if the split has too little data.
  Result<std::unique_ptr<BatchSource>> batches(Split split, const ModelInputs &inputs,
                                               Shuffle shuffle, uint64_t seed) const;

private:
  std::string path_;
  std::shared_ptr<TokenData> tokens_; // one of the two
  std::shared_ptr<const ArrayData> arrays_;
};

/// Batches of random values: tokens below the limit, real numbers from a normal distribution.
std::unique_ptr<BatchSource> randomBatches(const ModelInputs &inputs, uint64_t seed);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_APP_DATASET_H
