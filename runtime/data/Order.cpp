// Orders of samples, and the order of tokens for the embedding's gradient.
#include "runtime/data/Order.h"

#include <algorithm>
#include <array>
#include <bit>
#include <fmt/format.h>
#include <numeric>
#include <vector>

namespace gptc::runtime {

Result<Shuffle> parseShuffle(std::string_view name) {
  for (Shuffle shuffle : {Shuffle::none, Shuffle::windows, Shuffle::permutation})
    if (name == shuffleName(shuffle))
      return shuffle;
  return Status(Code::invalidArgument,
                fmt::format("--shuffle {}: accepted are none, windows and permutation", name));
}

std::string_view shuffleName(Shuffle shuffle) {
  switch (shuffle) {
  case Shuffle::none:
    return "none";
  case Shuffle::windows:
    return "windows";
  case Shuffle::permutation:
    return "permutation";
  }
  return "";
}

SampleOrder::SampleOrder(Shuffle shuffle, uint64_t seed, uint64_t count)
    : shuffle_(shuffle), seed_(seed), count_(count),
      halfBits_(std::max(1, (static_cast<int>(std::bit_width(count - 1)) + 1) / 2)) {}

uint64_t SampleOrder::at(uint64_t sample) const {
  switch (shuffle_) {
  case Shuffle::none:
    break;
  case Shuffle::windows: {
    PhiloxCounter words = PhiloxStream(seed_, "windows").block(sample);
    return uniformBelow(count_, words[0], words[1]);
  }
  case Shuffle::permutation: {
    uint64_t value = sample % count_;
    // The network below permutes [0, 4^halfBits), at most 4 · count numbers. Following a number
    // until it comes back into [0, count) permutes these (cycle walking: Black and Rogaway,
    // "Ciphers with arbitrary finite domains", 2002).
    do {
      value = permuted(value, sample / count_);
    } while (value >= count_);
    return value;
  }
  }
  return sample % count_;
}

/// A Feistel network with Philox as its round function: a permutation of 2 · halfBits-bit numbers
/// that needs no memory.
uint64_t SampleOrder::permuted(uint64_t value, uint64_t epoch) const {
  constexpr uint64_t rounds = 8;
  PhiloxStream stream(seed_, fnv1a64("permutation") + epoch * 0x9E3779B97F4A7C15u);
  uint64_t mask = (uint64_t{1} << halfBits_) - 1;
  uint64_t left = value >> halfBits_, right = value & mask;
  for (uint64_t round = 0; round < rounds; ++round) {
    uint64_t mixed = left ^ (stream.block(round << 32 | right)[0] & mask);
    left = right;
    right = mixed;
  }
  return left << halfBits_ | right;
}

void embeddingOrder(std::span<const int32_t> tokens, std::span<int32_t> order) {
  // Radix sort from the lowest digit up; each pass is stable. Two passes serve 4 million ids.
  constexpr int digitBits = 11;
  constexpr uint32_t mask = (1u << digitBits) - 1;
  if (tokens.empty())
    return;
  auto [lowest, highest] = std::minmax_element(tokens.begin(), tokens.end());
  auto first = static_cast<uint32_t>(*lowest);
  uint32_t largest = static_cast<uint32_t>(*highest) - first;
  std::iota(order.begin(), order.begin() + static_cast<ptrdiff_t>(tokens.size()), 0);
  std::vector<int32_t> previous(tokens.size());
  for (int shift = 0; shift < 32 && largest >> shift != 0; shift += digitBits) {
    auto digit = [&](int32_t index) {
      return (static_cast<uint32_t>(tokens[static_cast<size_t>(index)]) - first) >> shift & mask;
    };
    std::array<uint32_t, mask + 2> begin = {};
    std::copy(order.begin(), order.begin() + static_cast<ptrdiff_t>(tokens.size()),
              previous.begin());
    for (int32_t index : previous)
      ++begin[digit(index) + 1];
    for (size_t d = 1; d < begin.size(); ++d)
      begin[d] += begin[d - 1];
    for (int32_t index : previous)
      order[begin[digit(index)]++] = index;
  }
}

} // namespace gptc::runtime
