// Random numbers by counter: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers:
// as easy as 1, 2, 3", 2011).
//
// A counter-based generator has no state: number i of a stream is a function of (seed, stream, i).
// So values do not depend on the number of threads, on the order of evaluation or on the device,
// and a run resumes by knowing its position.
#ifndef GPTC_RUNTIME_BASE_PHILOX_H
#define GPTC_RUNTIME_BASE_PHILOX_H

#include "runtime/base/Hash.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <utility>

namespace gptc::runtime {

using PhiloxCounter = std::array<uint32_t, 4>;
using PhiloxKey = std::array<uint32_t, 2>;

/// Four random words: Philox4x32 with 10 rounds.
constexpr PhiloxCounter philox4x32(PhiloxCounter counter, PhiloxKey key) {
  for (int round = 0; round < 10; ++round) {
    uint64_t product0 = uint64_t{0xD2511F53u} * counter[0];
    uint64_t product1 = uint64_t{0xCD9E8D57u} * counter[2];
    counter = {static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key[0],
               static_cast<uint32_t>(product1),
               static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
               static_cast<uint32_t>(product0)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

/// A named stream of blocks of four words: key = seed, counter = (block index, hash of the name).
class PhiloxStream {
public:
  constexpr PhiloxStream(uint64_t seed, uint64_t stream) : seed_(seed), stream_(stream) {}
  constexpr PhiloxStream(uint64_t seed, std::string_view name)
      : PhiloxStream(seed, fnv1a64(name)) {}

  constexpr PhiloxCounter block(uint64_t index) const {
    return philox4x32({static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32),
                       static_cast<uint32_t>(stream_), static_cast<uint32_t>(stream_ >> 32)},
                      {static_cast<uint32_t>(seed_), static_cast<uint32_t>(seed_ >> 32)});
  }

private:
  uint64_t seed_;
  uint64_t stream_;
};

/// A float in [0, 1): the upper 24 bits, so every value is exact.
constexpr float uniform01(uint32_t bits) { return static_cast<float>(bits >> 8) * 0x1p-24f; }

/// A double in [0, 1) with 53 random bits.
constexpr double uniform01(uint32_t high, uint32_t low) {
  return static_cast<double>((uint64_t{high} << 32 | low) >> 11) * 0x1p-53;
}

/// A whole number in [0, count), count > 0, by the upper half of a 128-bit product; its bias is
/// below count / 2^64.
inline uint64_t uniformBelow(uint64_t count, uint32_t high, uint32_t low) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<uint64_t>((static_cast<Wide>(uint64_t{high} << 32 | low) * count) >> 64);
}

/// Two independent standard normal values by Box and Muller (1958), in double precision. The first
/// uniform value lies in (0, 1), so that its logarithm is finite; the largest possible magnitude is
/// sqrt(2 · 33 · ln 2) = 6.76.
inline std::pair<double, double> normalPair(uint32_t first, uint32_t second) {
  double radius = std::sqrt(-2.0 * std::log((first + 0.5) * 0x1p-32));
  double angle = 6.283185307179586476925 * (second * 0x1p-32);
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_BASE_PHILOX_H
