// Batches of tokens.
#include "runtime/data/Batches.h"

#include <algorithm>
#include <fmt/format.h>
#include <limits>
#include <nlohmann/json.hpp>

namespace gptc::runtime {

namespace {

/// B · T · ranks, or none if a factor is below 1 or the product does not fit.
std::optional<int64_t> tokensPerStep(const BatchShape &shape) {
  int64_t product = shape.batchSize;
  if (shape.batchSize < 1 || shape.sequenceLength < 1 || shape.ranks < 1 ||
      __builtin_mul_overflow(product, shape.sequenceLength, &product) ||
      __builtin_mul_overflow(product, shape.ranks, &product) ||
      product > std::numeric_limits<int64_t>::max() / 8)
    return std::nullopt;
  return product;
}

std::string sourceOf(const TokenStream &stream) {
  return stream.shards().empty()
             ? stream.name()
             : fmt::format("{} ({})", stream.name(), stream.shards().front().source);
}

/// How many windows a shard has: windows may start anywhere, those of a permutation at multiples of
/// T.
int64_t windowsOf(int64_t tokens, int64_t sequenceLength, Shuffle shuffle) {
  int64_t starts = std::max<int64_t>(0, tokens - sequenceLength);
  return shuffle == Shuffle::windows ? starts : std::max<int64_t>(0, tokens - 1) / sequenceLength;
}

} // namespace

TokenBatches::TokenBatches(const TokenStream &stream, BatchShape shape, Shuffle shuffle,
                           uint64_t seed)
    : stream_(&stream), shape_(shape), shuffle_(shuffle), seed_(seed) {}

Result<TokenBatches> TokenBatches::create(const TokenStream &stream, BatchShape shape,
                                          Shuffle shuffle, uint64_t seed) {
  std::optional<int64_t> perStep = tokensPerStep(shape);
  if (!perStep || shape.rank < 0 || shape.rank >= shape.ranks)
    return Status(Code::invalidArgument,
                  fmt::format("batch size {}, sequence length {}, rank {} of {}: sizes must be at "
                              "least 1 and the rank below the number of ranks",
                              shape.batchSize, shape.sequenceLength, shape.rank, shape.ranks));
  TokenBatches batches(stream, shape, shuffle, seed);
  bool sequential = shuffle == Shuffle::none;
  int64_t required = (sequential ? *perStep : shape.sequenceLength) + 1;
  int64_t longest = 0, whole = 0, nonOverlapping = 0;
  uint64_t windows = 0;
  for (const TokenShard &shard : stream.shards()) {
    longest = std::max(longest, shard.count);
    whole += (shard.count - 1) / *perStep;
    batches.skippedShards_ += sequential && shard.count < required;
    nonOverlapping += windowsOf(shard.count, shape.sequenceLength, Shuffle::permutation);
    batches.firstWindow_.push_back(windows);
    windows += static_cast<uint64_t>(windowsOf(shard.count, shape.sequenceLength, shuffle));
  }
  if (longest < required) {
    std::string formula = !sequential ? fmt::format("sequence length {} + 1", shape.sequenceLength)
                          : shape.ranks == 1
                              ? fmt::format("batch size {} x sequence length {} + 1",
                                            shape.batchSize, shape.sequenceLength)
                              : fmt::format("batch size {} x sequence length {} x {} ranks + 1",
                                            shape.batchSize, shape.sequenceLength, shape.ranks);
    return Status(Code::dataError,
                  fmt::format("the {} split is too short: {} tokens are needed in one piece "
                              "({}), found {}",
                              sourceOf(stream), required, formula, longest));
  }
  batches.batchesPerEpoch_ =
      sequential ? whole : std::max<int64_t>(1, nonOverlapping / (shape.batchSize * shape.ranks));
  if (!sequential)
    batches.order_.emplace(shuffle, seed, windows);
  batches.row_.resize(static_cast<size_t>(
      (sequential ? shape.batchSize * shape.sequenceLength : shape.sequenceLength) + 1));
  batches.reset();
  return batches;
}

void TokenBatches::reset() {
  shard_ = 0;
  position_ = 0;
  sample_ = 0;
  settle();
}

/// Moves on to the first shard, from the present one, where the next batch of all ranks fits.
void TokenBatches::settle() {
  if (shuffle_ != Shuffle::none)
    return;
  int64_t perStep = *tokensPerStep(shape_);
  while (stream_->shards()[shard_].count - position_ < perStep + 1) {
    shard_ = (shard_ + 1) % stream_->shards().size();
    position_ = 0;
  }
}

Status TokenBatches::next(std::span<int32_t> tokens, std::span<int32_t> targets) {
  int64_t rowTokens = shape_.sequenceLength, batchTokens = shape_.batchSize * rowTokens;
  if (tokens.size() != static_cast<size_t>(batchTokens) || targets.size() != tokens.size())
    return {Code::internal, fmt::format("a batch of {} tokens does not fit buffers of {} and {}",
                                        batchTokens, tokens.size(), targets.size())};
  if (shuffle_ == Shuffle::none) {
    GPTC_RETURN_IF_ERROR(stream_->read(shard_, position_ + shape_.rank * batchTokens, row_));
    std::copy(row_.begin(), row_.end() - 1, tokens.begin());
    std::copy(row_.begin() + 1, row_.end(), targets.begin());
    position_ += batchTokens * shape_.ranks;
    settle();
    return {};
  }
  uint64_t first = sample_ + static_cast<uint64_t>(shape_.rank * shape_.batchSize);
  for (int64_t row = 0; row < shape_.batchSize; ++row) {
    uint64_t window = order_->at(first + static_cast<uint64_t>(row));
    // The shard that has it: the last one whose first window is not behind it. Shards without
    // windows are passed over, since the one after them has the same first window.
    auto after = std::upper_bound(firstWindow_.begin(), firstWindow_.end(), window);
    size_t shard = static_cast<size_t>(after - firstWindow_.begin()) - 1;
    int64_t start = static_cast<int64_t>(window - firstWindow_[shard]);
    if (shuffle_ == Shuffle::permutation)
      start *= rowTokens;
    GPTC_RETURN_IF_ERROR(stream_->read(shard, start, row_));
    std::copy(row_.begin(), row_.end() - 1, tokens.begin() + row * rowTokens);
    std::copy(row_.begin() + 1, row_.end(), targets.begin() + row * rowTokens);
  }
  sample_ += static_cast<uint64_t>(shape_.batchSize * shape_.ranks);
  return {};
}

nlohmann::json TokenBatches::state() const {
  nlohmann::json state = {{"shuffle", shuffleName(shuffle_)},
                          {"tokens", static_cast<uint64_t>(stream_->size())}};
  if (shuffle_ == Shuffle::none) {
    state["shard"] = uint64_t{shard_};
    state["position"] = static_cast<uint64_t>(position_);
  } else {
    state["seed"] = seed_;
    state["sample"] = sample_;
  }
  return state;
}

Status TokenBatches::restore(const nlohmann::json &state) {
  auto number = [&](const char *key) -> std::optional<uint64_t> {
    auto found = state.find(key);
    if (found == state.end() || !found->is_number_unsigned())
      return std::nullopt;
    return found->get<uint64_t>();
  };
  auto refuse = [&](std::string message) {
    return Status(Code::dataError,
                  fmt::format("the saved position in the {} split does not fit: {}",
                              sourceOf(*stream_), message));
  };
  if (!state.is_object() || !state.contains("shuffle") || state["shuffle"] != shuffleName(shuffle_))
    return refuse(fmt::format("it is not for --shuffle {}", shuffleName(shuffle_)));
  if (auto tokens = number("tokens"); tokens != static_cast<uint64_t>(stream_->size()))
    return refuse(
        fmt::format("it is for {} tokens, the data has {}", tokens.value_or(0), stream_->size()));
  if (shuffle_ == Shuffle::none) {
    auto shard = number("shard"), position = number("position");
    if (!shard || !position || *shard >= stream_->shards().size() ||
        *position > static_cast<uint64_t>(stream_->shards()[*shard].count))
      return refuse("its shard or position does not exist");
    shard_ = *shard;
    position_ = static_cast<int64_t>(*position);
    settle();
    return {};
  }
  auto seed = number("seed"), sample = number("sample");
  if (seed != seed_)
    return refuse(fmt::format("it is for --seed {}, this run has {}", seed.value_or(0), seed_));
  if (!sample)
    return refuse("it has no sample number");
  sample_ = *sample;
  return {};
}

} // namespace gptc::runtime
