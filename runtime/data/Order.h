// In which order samples are drawn (--shuffle), as functions of a sample's number, so that an exact
// resume needs one number.
#ifndef GPTC_RUNTIME_DATA_ORDER_H
#define GPTC_RUNTIME_DATA_ORDER_H

#include "runtime/base/Philox.h"
#include "runtime/base/Status.h"

#include <cstdint>
#include <span>
#include <string_view>

namespace gptc::runtime {

enum class Shuffle {
  none,        ///< in order
  windows,     ///< drawn uniformly, with replacement
  permutation, ///< each once per epoch, in an order that differs from epoch to epoch
};

/// "none", "windows", "permutation"; else invalidArgument.
Result<Shuffle> parseShuffle(std::string_view name);
std::string_view shuffleName(Shuffle shuffle);

/// Sample number -> which of `count` things it is. The same on every machine.
class SampleOrder {
public:
  /// `count` > 0.
  SampleOrder(Shuffle shuffle, uint64_t seed, uint64_t count);

  /// For sample number `sample` (0, 1, 2 …), a number below count.
  uint64_t at(uint64_t sample) const;

private:
  uint64_t permuted(uint64_t value, uint64_t epoch) const;

  Shuffle shuffle_;
  uint64_t seed_;
  uint64_t count_;
  int halfBits_;
};

/// The stable permutation that sorts `tokens`: tokens[order[0]] <= tokens[order[1]] <= …, equal
/// ones by position. The loader uploads it so that the embedding's gradient is a sum over segments
/// in a fixed order. Both spans have the same length, below 2^31.
void embeddingOrder(std::span<const int32_t> tokens, std::span<int32_t> order);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_DATA_ORDER_H
