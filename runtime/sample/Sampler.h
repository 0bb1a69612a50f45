// Choosing the next token from a row of logits: temperature, top-k, and a generator of its own.
#ifndef GPTC_RUNTIME_SAMPLE_SAMPLER_H
#define GPTC_RUNTIME_SAMPLE_SAMPLER_H

#include "runtime/base/Status.h"

#include <cstdint>
#include <span>
#include <vector>

namespace gptc::runtime {

struct SamplerOptions {
  double temperature = 1; ///< logits are divided by it; 0 takes the largest logit
  int64_t topK = 50;      ///< only the k largest logits can be drawn; 0 = all
  uint64_t seed = 42;
};

/// The draw is a function of the seed, the sample's number and the position only: the same text
/// comes out whatever else runs, and each sample of a set is independent of how many there are.
class Sampler {
public:
  /// invalidArgument, naming the flag, for a temperature that is negative or not finite, or a
  /// negative top-k.
  static Result<Sampler> create(SamplerOptions options);

  /// A token for `position` of sample number `sample` from logits[vocabulary] (pass a part of the
  /// row to leave ids out). Of equal logits, the lower id counts as larger. -inf is never drawn.
  /// Error dataError for a row that is empty, has NaN or +inf, or only -inf.
  Result<int32_t> next(std::span<const float> logits, uint64_t sample, uint64_t position);

private:
  explicit Sampler(SamplerOptions options) : options_(options) {}

  SamplerOptions options_;
  std::vector<int32_t> candidates_;
  std::vector<double> weights_;
};

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_SAMPLE_SAMPLER_H
