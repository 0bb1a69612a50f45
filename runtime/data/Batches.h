// Batches of tokens from a token stream: deterministic, resumable, split over ranks.
#ifndef GPTC_RUNTIME_DATA_BATCHES_H
#define GPTC_RUNTIME_DATA_BATCHES_H

#include "runtime/data/Order.h"
#include "runtime/data/TokenData.h"

#include <nlohmann/json_fwd.hpp>
#include <optional>

namespace gptc::runtime {

/// The part of a batch that one rank takes at once: batchSize rows of sequenceLength tokens.
struct BatchShape {
  int64_t batchSize = 1;
  int64_t sequenceLength = 1;
  int64_t rank = 0;
  int64_t ranks = 1;
};

/// Draws batches from a TokenStream (which must outlive it).
///
/// - none: a batch is B·T + 1 consecutive tokens at a position, which then advances by B·T·ranks;
/// rank r reads r·B·T behind it.
///   When the next batch of all ranks would run over the end of a shard, the next shard follows
///   from its start; after the last, the first. Shards that are shorter than one batch of all ranks
///   (B·T·ranks + 1) are left out.
/// - windows: each row is T + 1 tokens from a start drawn uniformly from all T + 1-token windows of
/// the split.
/// - permutation: rows are the windows [kT, (k+1)T] of each shard, each once per epoch.
///
/// Rows of the last two modes are numbered (batch · ranks + rank) · B + row over the whole run, so
/// the same rows come, whether a batch is cut into micro-batches or ranks. The same seed gives the
/// same batches.
class TokenBatches {
public:
  /// Errors: invalidArgument (sizes below 1, rank outside of ranks), dataError (too few tokens:
  /// says how many are needed and were found).
  static Result<TokenBatches> create(const TokenStream &stream, BatchShape shape, Shuffle shuffle,
                                     uint64_t seed);

  /// Fills tokens[B·T] and targets[B·T] (the tokens that follow) and moves on.
  Status next(std::span<int32_t> tokens, std::span<int32_t> targets);

  /// Back to the first batch. An evaluation draws with `none` from the validation split and starts
  /// with this.
  void reset();

  /// How many batches one pass over the split has (at least 1): sequential ones for `none`, else
  /// the non-overlapping windows by batch and ranks.
  int64_t batchesPerEpoch() const { return batchesPerEpoch_; }

  /// How many shards `none` leaves out for being too short.
  int64_t skippedShards() const { return skippedShards_; }

  /// Where it stands: an object that restore() takes. It may be restored into a producer with
  /// another number of ranks or another batch size, which goes on behind the tokens already used.
  nlohmann::json state() const;
  /// Error dataError if `state` is not from the same mode, seed and data.
  Status restore(const nlohmann::json &state);

private:
  TokenBatches(const TokenStream &stream, BatchShape shape, Shuffle shuffle, uint64_t seed);
  void settle();

  const TokenStream *stream_;
  BatchShape shape_;
  Shuffle shuffle_;
  uint64_t seed_;
  int64_t batchesPerEpoch_ = 1;
  int64_t skippedShards_ = 0;

  // none: where rank 0 reads next.
  size_t shard_ = 0;
  int64_t position_ = 0;

  // windows, permutation: the number of the next sample of rank 0, and the first window number of
  // each shard.
  uint64_t sample_ = 0;
  std::vector<uint64_t> firstWindow_;
  std::optional<SampleOrder> order_;
  std::vector<int32_t> row_;
};

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_DATA_BATCHES_H
