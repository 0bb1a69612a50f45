// Datasets and batches.
#include "runtime/app/Dataset.h"

#include "runtime/data/Batches.h"

#include <fmt/format.h>

namespace gptc::runtime {

namespace {

class TokenSource : public BatchSource {
public:
  TokenSource(std::shared_ptr<const TokenData> data, TokenBatches batches,
              const ModelInputs &inputs)
      : data_(std::move(data)), batches_(std::move(batches)), inputs_(inputs),
        tokens_(static_cast<size_t>(inputs.unitsPerBatch())), targets_(tokens_.size()) {}

  Status next(Session &session) override {
    GPTC_RETURN_IF_ERROR(batches_.next(tokens_, targets_));
    GPTC_RETURN_IF_ERROR(session.setInput(*inputs_.tokens, tokens_));
    return session.setInput(*inputs_.targets, targets_);
  }
  void reset() override { batches_.reset(); }
  int64_t batchesPerEpoch() const override { return batches_.batchesPerEpoch(); }
  nlohmann::json state() const override { return batches_.state(); }
  Status restore(const nlohmann::json &state) override { return batches_.restore(state); }

private:
  std::shared_ptr<const TokenData> data_; ///< the batches read it
  TokenBatches batches_;
  ModelInputs inputs_;
  std::vector<int32_t> tokens_, targets_;
};

/// Host buffers for a model's inputs: four bytes an element, of either type.
class InputBuffers {
public:
  explicit InputBuffers(const ModelInputs &inputs) : inputs_(inputs) {
    for (const TensorInfo *tensor : inputs.tensors) {
      if (tensor->type == DataType::int32)
        integers_[tensor].resize(count(*tensor));
      else
        reals_[tensor].resize(count(*tensor));
    }
  }

  std::span<int32_t> integers(const TensorInfo *tensor) { return integers_[tensor]; }
  std::span<float> reals(const TensorInfo *tensor) { return reals_[tensor]; }

  Status upload(Session &session) {
    for (const TensorInfo *tensor : inputs_.tensors)
      GPTC_RETURN_IF_ERROR(
          tensor->type == DataType::int32
              ? session.setInput(*tensor, std::span<const int32_t>(integers_[tensor]))
              : session.setInput(*tensor, std::span<const float>(reals_[tensor])));
    return {};
  }

private:
  static size_t count(const TensorInfo &tensor) { return static_cast<size_t>(tensor.count()); }

  ModelInputs inputs_;
  std::map<const TensorInfo *, std::vector<int32_t>> integers_;
  std::map<const TensorInfo *, std::vector<float>> reals_;
};

class ArraySource : public BatchSource {
public:
  ArraySource(ArrayBatches batches, const ModelInputs &inputs)
      : batches_(std::move(batches)), buffers_(inputs) {
    for (const TensorInfo *tensor : inputs.tensors)
      pointers_.push_back(tensor->type == DataType::int32
                              ? static_cast<void *>(buffers_.integers(tensor).data())
                              : static_cast<void *>(buffers_.reals(tensor).data()));
  }

  Status next(Session &session) override {
    GPTC_RETURN_IF_ERROR(batches_.next(pointers_));
    return buffers_.upload(session);
  }
  void reset() override { batches_.reset(); }
  int64_t batchesPerEpoch() const override { return batches_.batchesPerEpoch(); }
  nlohmann::json state() const override { return batches_.state(); }
  Status restore(const nlohmann::json &state) override { return batches_.restore(state); }

private:
  ArrayBatches batches_;
  InputBuffers buffers_;
  std::vector<void *> pointers_;
};

class RandomSource : public BatchSource {
public:
  RandomSource(const ModelInputs &inputs, uint64_t seed)
      : inputs_(inputs), seed_(seed), buffers_(inputs) {}

  Status next(Session &session) override {
    for (const TensorInfo *tensor : inputs_.tensors) {
      PhiloxStream stream(seed_, fnv1a64(tensor->name, fnv1a64("random batch ") + batch_));
      uint64_t limit = static_cast<uint64_t>(tensor->limit > 0 ? tensor->limit : 2);
      uint64_t i = 0;
      if (tensor->type == DataType::int32)
        for (int32_t &value : buffers_.integers(tensor)) {
          PhiloxCounter words = stream.block(i++);
          value = static_cast<int32_t>(uniformBelow(limit, words[0], words[1]));
        }
      else
        for (float &value : buffers_.reals(tensor)) {
          PhiloxCounter words = stream.block(i++);
          value = static_cast<float>(normalPair(words[0], words[1]).first);
        }
    }
    ++batch_;
    return buffers_.upload(session);
  }
  void reset() override { batch_ = 0; }
  int64_t batchesPerEpoch() const override { return 1; }

private:
  ModelInputs inputs_;
  uint64_t seed_;
  uint64_t batch_ = 0;
  InputBuffers buffers_;
};

} // namespace

Result<Dataset> Dataset::load(const std::string &path, const std::string &tokenizerSpec,
                              std::shared_ptr<const Tokenizer> tokenizer) {
  Dataset dataset;
  dataset.path_ = path;
  if (ArrayData::recognises(path)) {
    if (!tokenizerSpec.empty())
      return Status(
          Code::invalidArgument,
          fmt::format("--tokenizer {}: {} holds arrays, which need none", tokenizerSpec, path));
    GPTC_ASSIGN(ArrayData arrays, ArrayData::load(path));
    dataset.arrays_ = std::make_shared<const ArrayData>(std::move(arrays));
    return dataset;
  }
  GPTC_ASSIGN(TokenData tokens, TokenData::load(path, tokenizerSpec, std::move(tokenizer)));
  dataset.tokens_ = std::make_shared<TokenData>(std::move(tokens));
  return dataset;
}

std::shared_ptr<const Tokenizer> Dataset::tokenizer() const {
  return tokens_ ? tokens_->tokenizer() : nullptr;
}

int64_t Dataset::vocabSize() const {
  std::shared_ptr<const Tokenizer> used = tokenizer();
  return used ? used->vocabSize() : 0;
}

int64_t Dataset::size(Split split) const {
  if (tokens_)
    return (split == Split::training ? tokens_->training() : tokens_->validation()).size();
  return (split == Split::training ? arrays_->training : arrays_->validation).count;
}

std::optional<double> Dataset::unigramEntropy(Split split) const {
  if (!tokens_ || size(split) == 0)
    return std::nullopt;
  return (split == Split::training ? tokens_->training() : tokens_->validation()).unigramEntropy();
}

std::vector<std::string> Dataset::notes() const {
  return tokens_ ? tokens_->notes() : std::vector<std::string>();
}

Status Dataset::fit(ModelInputs &inputs) {
  if (!tokens_) { // each array is held against its input as batches are made
    inputs.fromTokens = false;
    inputs.sequenceLength = 1;
    return {};
  }
  if (!inputs.fromTokens) {
    std::string names;
    for (const TensorInfo *tensor : inputs.tensors)
      names +=
          fmt::format("{}{} {}", names.empty() ? "" : ", ", tensor->name, shapeText(tensor->shape));
    return {Code::failedPrecondition,
            fmt::format("{}: a token stream feeds tokens and targets only; the model's inputs are "
                        "{}: give their arrays "
                        "in a .npz or .safetensors file",
                        path_, names)};
  }
  int64_t limit = inputs.tokens->limit;
  if (limit == 0)
    return {};
  if (vocabSize() > limit)
    return {Code::failedPrecondition,
            fmt::format("{}: the tokenizer ({}) has {} tokens, the model's vocabulary only {}",
                        path_, tokenizer()->name(), vocabSize(), limit)};
  return tokens_->setVocabulary(limit);
}

Result<std::unique_ptr<BatchSource>> Dataset::batches(Split split, const ModelInputs &inputs,
                                                      Shuffle shuffle, uint64_t seed) const {
  if (tokens_) {
    const TokenStream &stream =
        split == Split::training ? tokens_->training() : tokens_->validation();
    Result<TokenBatches> batches =
        TokenBatches::create(stream, {inputs.batchSize, inputs.sequenceLength}, shuffle, seed);
    if (!batches.ok())
      return batches.status().within(path_);
    return std::unique_ptr<BatchSource>(
        std::make_unique<TokenSource>(tokens_, std::move(*batches), inputs));
  }
  const ArraySplit &arrays = split == Split::training ? arrays_->training : arrays_->validation;
  GPTC_ASSIGN(ArrayBatches batches, ArrayBatches::create(arrays, inputs.specs(), shuffle, seed));
  return std::unique_ptr<BatchSource>(std::make_unique<ArraySource>(std::move(batches), inputs));
}

std::unique_ptr<BatchSource> randomBatches(const ModelInputs &inputs, uint64_t seed) {
  return std::make_unique<RandomSource>(inputs, seed);
}

} // namespace gptc::runtime
