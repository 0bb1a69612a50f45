// Random numbers for the orders of threads, blocks and streams: fast, and the same for the same
// seed.
#ifndef GPTC_TEST_EMULATOR_CUDA_RANDOM_H
#define GPTC_TEST_EMULATOR_CUDA_RANDOM_H

#include <cstdint>
#include <numeric>

namespace gptc::emulator {

class Random {
public:
  explicit Random(uint64_t seed) : state(seed) {}

  /// SplitMix64.
  uint64_t next() {
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  /// Less than `bound`, which is at most 2^32.
  uint32_t below(uint64_t bound) { return uint32_t(((next() >> 32) * bound) >> 32); }

private:
  uint64_t state;
};

/// A permutation of 0 … size - 1 that needs no memory: i → (i · stride + start) mod size.
class Permutation {
public:
  Permutation(uint64_t size, Random &random) : size(size) {
    do
      stride = random.next() % size | 1;
    while (std::gcd(stride, size) != 1);
    start = random.next() % size;
  }
  uint64_t operator[](uint64_t i) const {
    return (uint64_t)(((__uint128_t)i * stride + start) % size);
  }

private:
  uint64_t size, stride = 1, start = 0;
};

} // namespace gptc::emulator

#endif // GPTC_TEST_EMULATOR_CUDA_RANDOM_H
