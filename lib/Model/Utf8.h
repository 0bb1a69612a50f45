// UTF-8 as the syntax files need it: validity, stepping and counting by code point.
#ifndef GPTC_LIB_MODEL_UTF8_H
#define GPTC_LIB_MODEL_UTF8_H

#include <cstddef>
#include <string_view>

namespace gptc::utf8 {

/// The length in bytes of the well-formed sequence at `offset`, or 0 when there is none (stray or
/// missing continuation byte, overlong form, surrogate, past U+10FFFF).
inline size_t sequenceLength(std::string_view text, size_t offset) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[offset + i]); };
  size_t left = text.size() - offset;
  unsigned char lead = byte(0);
  if (lead < 0x80)
    return 1;
  size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || left < length)
    return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80)
      return 0;
  bool overlong = (lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xf0 && byte(1) < 0x90);
  bool surrogate = lead == 0xed && byte(1) >= 0xa0;
  bool tooLarge = lead == 0xf4 && byte(1) >= 0x90;
  return overlong || surrogate || tooLarge ? 0 : length;
}

/// Bytes to step over from `offset` to the next code point; an invalid byte counts as one.
inline size_t stepLength(std::string_view text, size_t offset) {
  size_t length = sequenceLength(text, offset);
  return length ? length : 1;
}

/// Number of code points; an invalid byte counts as one.
inline size_t countCodePoints(std::string_view text) {
  size_t count = 0;
  for (size_t i = 0; i < text.size(); i += stepLength(text, i))
    ++count;
  return count;
}

} // namespace gptc::utf8

#endif // GPTC_LIB_MODEL_UTF8_H
