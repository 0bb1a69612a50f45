// Sampling from logits.
#include "runtime/sample/Sampler.h"

#include "runtime/base/Philox.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <numeric>

namespace gptc::runtime {

Result<Sampler> Sampler::create(SamplerOptions options) {
  if (!std::isfinite(options.temperature) || options.temperature < 0)
    return Status(
        Code::invalidArgument,
        fmt::format("--temperature must be a number from 0 on, found {}", options.temperature));
  if (options.topK < 0)
    return Status(Code::invalidArgument,
                  fmt::format("--top-k must be 0 (all) or more, found {}", options.topK));
  return Sampler(options);
}

Result<int32_t> Sampler::next(std::span<const float> logits, uint64_t sample, uint64_t position) {
  size_t largest = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (std::isnan(logits[i]) || logits[i] == std::numeric_limits<float>::infinity())
      return Status(Code::dataError, fmt::format("the logit of token {} is {}: the model's output "
                                                 "is not a number to sample from",
                                                 i, logits[i]));
    if (logits[i] > logits[largest])
      largest = i;
  }
  if (logits.empty() || logits[largest] == -std::numeric_limits<float>::infinity())
    return Status(Code::dataError, "there is no token that can be sampled");
  if (options_.temperature == 0)
    return static_cast<int32_t>(largest);

  candidates_.resize(logits.size());
  std::iota(candidates_.begin(), candidates_.end(), 0);
  size_t count = logits.size();
  if (options_.topK > 0 && static_cast<uint64_t>(options_.topK) < count) {
    count = static_cast<size_t>(options_.topK);
    auto larger = [&](int32_t a, int32_t b) {
      float logitA = logits[static_cast<size_t>(a)], logitB = logits[static_cast<size_t>(b)];
      return logitA != logitB ? logitA > logitB : a < b;
    };
    std::nth_element(candidates_.begin(), candidates_.begin() + static_cast<ptrdiff_t>(count) - 1,
                     candidates_.end(), larger);
    candidates_.resize(count);
    // nth_element leaves them in an order of its library's choosing; the draw below must not depend
    // on it.
    std::sort(candidates_.begin(), candidates_.end());
  }

  // Softmax in double precision, as running sums; the largest logit subtracted, so nothing
  // overflows.
  weights_.resize(count);
  double sum = 0;
  for (size_t i = 0; i < count; ++i) {
    double logit = logits[static_cast<size_t>(candidates_[i])];
    sum += std::exp((logit - double{logits[largest]}) / options_.temperature);
    weights_[i] = sum;
  }
  PhiloxCounter words =
      PhiloxStream(options_.seed, fnv1a64("sample") + sample * 0x9E3779B97F4A7C15u).block(position);
  double target = uniform01(words[0], words[1]) * sum;
  auto chosen = std::upper_bound(weights_.begin(), weights_.end(), target);
  // target < sum, but for rounding: then the last token that has any weight.
  if (chosen == weights_.end())
    chosen = std::lower_bound(weights_.begin(), weights_.end(), sum);
  return candidates_[static_cast<size_t>(chosen - weights_.begin())];
}

} // namespace gptc::runtime
