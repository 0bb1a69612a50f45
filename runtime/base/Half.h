// The numbers of 16 bits, bfloat16 and IEEE's binary16, as bits, to and from float32.
//
// Rounding is to nearest, ties to even; subnormal numbers are kept; what is too large becomes
// infinite; a NaN stays one.
#ifndef GPTC_RUNTIME_BASE_HALF_H
#define GPTC_RUNTIME_BASE_HALF_H

#include <bit>
#include <cmath>
#include <cstdint>

namespace gptc::runtime {

/// The upper half of the float32, rounded.
inline uint16_t toBfloat16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  if (std::isnan(value))
    return static_cast<uint16_t>((bits >> 16) | 0x40); // quiet: no NaN becomes infinite
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

inline float fromBfloat16(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

/// 5 bits of exponent, 10 of fraction.
inline uint16_t toFloat16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint32_t sign = (bits >> 16) & 0x8000, magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000)
    return static_cast<uint16_t>(sign | 0x7e00 | ((magnitude >> 13) & 0x1ff));
  if (magnitude >= 0x47800000) // 2^16
    return static_cast<uint16_t>(sign | 0x7c00);
  if (magnitude < 0x38800000) { // 2^-14: below, all numbers are multiples of 2^-24
    // The sum's last bit is worth 2^-24: adding rounds, ties to even.
    float scaled = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(scaled) - 0x3f000000));
  }
  // The exponent's bias goes from 127 to 15. Rounding may carry into it, and to infinity.
  uint32_t rebiased = magnitude - (uint32_t{127 - 15} << 23);
  return static_cast<uint16_t>(sign | ((rebiased + 0xfff + ((rebiased >> 13) & 1)) >> 13));
}

inline float fromFloat16(uint16_t bits) {
  uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16, magnitude = bits & 0x7fffu;
  if (magnitude < 0x400) // a multiple of 2^-24
    return std::copysign(static_cast<float>(magnitude) * 0x1p-24f, sign ? -1.0f : 1.0f);
  if (magnitude >= 0x7c00)
    return std::bit_cast<float>(sign | 0x7f800000 | ((magnitude & 0x3ff) << 13));
  return std::bit_cast<float>(sign | ((magnitude << 13) + (uint32_t{127 - 15} << 23)));
}

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_BASE_HALF_H
