// Numbers of a kernel's operands on the host: float, or what rounding to 16 bits leaves of it.
#ifndef GPTC_TEST_EMULATOR_ELEMENT_H
#define GPTC_TEST_EMULATOR_ELEMENT_H

#include "runtime/base/Half.h"

#include <cstdint>
#include <cstring>
#include <vector>

namespace gptc::test {

enum class Element { f32, bf16, f16 };

inline size_t bytesOf(Element element) { return element == Element::f32 ? 4 : 2; }

/// Its name in a kernel's source.
inline const char *nameOf(Element element) {
  return element == Element::f32 ? "float" : element == Element::bf16 ? "gptc_bf16" : "gptc_f16";
}

/// Half of the distance from 1 to the next number: what rounding may be off by, relatively.
inline double roundoff(Element element) {
  return element == Element::f32 ? 0x1p-24 : element == Element::bf16 ? 0x1p-8 : 0x1p-11;
}
/// The same absolutely, which matters for float16 alone: half of its smallest number.
inline double underflow(Element element) { return element == Element::f16 ? 0x1p-25 : 0; }

inline uint16_t bitsOf(Element element, float value) {
  return element == Element::f16 ? runtime::toFloat16(value) : runtime::toBfloat16(value);
}
inline float valueOf(Element element, uint16_t bits) {
  return element == Element::f16 ? runtime::fromFloat16(bits) : runtime::fromBfloat16(bits);
}

/// The nearest number of the type.
inline float rounded(Element element, float value) {
  return element == Element::f32 ? value : valueOf(element, bitsOf(element, value));
}

/// As they lie in a device's memory.
inline std::vector<char> encode(Element element, const std::vector<float> &values) {
  std::vector<char> data(values.size() * bytesOf(element));
  for (size_t i = 0; i < values.size(); ++i)
    if (element == Element::f32) {
      std::memcpy(&data[4 * i], &values[i], 4);
    } else {
      uint16_t bits = bitsOf(element, values[i]);
      std::memcpy(&data[2 * i], &bits, 2);
    }
  return data;
}
inline void decode(Element element, const std::vector<char> &data, std::vector<float> &values) {
  for (size_t i = 0; i < values.size(); ++i)
    if (element == Element::f32) {
      std::memcpy(&values[i], &data[4 * i], 4);
    } else {
      uint16_t bits;
      std::memcpy(&bits, &data[2 * i], 2);
      values[i] = valueOf(element, bits);
    }
}

} // namespace gptc::test

#endif // GPTC_TEST_EMULATOR_ELEMENT_H
