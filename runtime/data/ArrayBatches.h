// Batches for models whose inputs are not a token stream: arrays by input name from .npz or
// safetensors files, first axis = examples.
#ifndef GPTC_RUNTIME_DATA_ARRAYBATCHES_H
#define GPTC_RUNTIME_DATA_ARRAYBATCHES_H

#include "runtime/data/HostArray.h"
#include "runtime/data/Order.h"

#include <limits>
#include <map>
#include <nlohmann/json_fwd.hpp>

namespace gptc::runtime {

/// An input of the model's loss, as the plan has it.
struct InputSpec {
  std::string name;
  bool integer = false;       ///< int32, else float32
  std::vector<int64_t> shape; ///< with the batch size first
  /// What an int32 may be (token ids: 0 … vocabulary - 1), so that no kernel reads outside a table.
  int32_t minimum = std::numeric_limits<int32_t>::min();
  int32_t maximum = std::numeric_limits<int32_t>::max();
};

/// The arrays of one split, and which of their examples belong to it.
struct ArraySplit {
  std::string name;   ///< "training" or "validation"
  std::string source; ///< the file
  std::map<std::string, HostArray> arrays;
  int64_t first = 0; ///< the first example of the split
  int64_t count = 0; ///< how many it has; 0: there is no such split
};

/// What --data PATH holds for such a model: a .npz or .safetensors file, or a directory with at
/// most one such file for each split. "val" in a file's name makes it the validation split, "train"
/// the training split; of any other file the last 10 % of the examples (rounded down) are for
/// validation.
struct ArrayData {
  ArraySplit training;
  ArraySplit validation;

  /// Whether `path` is for ArrayData rather than for TokenData: by its ending, or a directory with
  /// such a file and no token shard.
  static bool recognises(const std::string &path);
  /// Errors: notFound, dataError (arrays whose first axes differ, two files for one split, …), each
  /// naming file and array.
  static Result<ArrayData> load(const std::string &path);
};

/// Draws batches of examples. Rows are numbered as in TokenBatches, (batch · ranks + rank) · B +
/// row, and go through SampleOrder. `none` starts again at the first example when fewer than B ·
/// ranks are left, as a token stream does; if the split has fewer than that at all, its examples
/// repeat within the batch.
class ArrayBatches {
public:
  /// Errors: dataError for a split without examples, an input that has no array (names those that
  /// are there), another shape, or a type that does not fit (a whole-number input needs an array of
  /// whole numbers); invalidArgument for nonsense in the arguments.
  static Result<ArrayBatches> create(const ArraySplit &split, std::vector<InputSpec> inputs,
                                     Shuffle shuffle, uint64_t seed, int64_t rank = 0,
                                     int64_t ranks = 1);

  /// Fills one buffer per input, in the order of `inputs`: float or int32_t, dense, of the input's
  /// shape; and moves on. Error dataError for a whole number out of the input's bounds.
  Status next(std::span<void *const> buffers);
  /// Back to the first batch.
  void reset() { sample_ = 0; }
  /// How many whole batches the split has, at least 1.
  int64_t batchesPerEpoch() const;

  /// As in TokenBatches.
  nlohmann::json state() const;
  Status restore(const nlohmann::json &state);

private:
  ArrayBatches(const ArraySplit &split, std::vector<InputSpec> inputs, Shuffle shuffle,
               uint64_t seed, int64_t rank, int64_t ranks);
  Status bind(const ArraySplit &split);
  Status copyExample(size_t input, int64_t example, int64_t row, void *buffer) const;

  std::string name_;   ///< of the split
  std::string source_; ///< its file
  int64_t first_;
  int64_t count_;
  std::vector<InputSpec> inputs_;
  std::vector<HostArray> arrays_; ///< one per input
  int64_t batchSize_ = 1;
  Shuffle shuffle_;
  uint64_t seed_;
  int64_t rank_;
  int64_t ranks_;
  uint64_t sample_ = 0; ///< the number of rank 0's next row
};

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_DATA_ARRAYBATCHES_H
