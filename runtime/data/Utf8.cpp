// UTF-8 decoding and encoding, after the table of well-formed sequences in the Unicode standard
// (3.9, table 3-7).
#include "runtime/data/Utf8.h"

#include <fmt/format.h>

namespace gptc::runtime {

char32_t decodeUtf8(std::string_view text, size_t &position) {
  auto byteAt = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char lead = byteAt(position);
  if (lead < 0x80) {
    ++position;
    return lead;
  }
  size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() - position < length)
    return invalidCodePoint;
  char32_t value = lead & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) {
    unsigned char next = byteAt(position + i);
    if ((next & 0xC0) != 0x80)
      return invalidCodePoint;
    value = value << 6 | (next & 0x3Fu);
  }
  bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (overlong || surrogate || value > 0x10FFFF)
    return invalidCodePoint;
  position += length;
  return value;
}

void appendUtf8(std::string &text, char32_t codePoint) {
  auto append = [&](char32_t bits) { text += static_cast<char>(bits); };
  if (codePoint < 0x80)
    return append(codePoint);
  if (codePoint < 0x800) {
    append(0xC0 | codePoint >> 6);
  } else if (codePoint < 0x10000) {
    append(0xE0 | codePoint >> 12);
    append(0x80 | (codePoint >> 6 & 0x3F));
  } else {
    append(0xF0 | codePoint >> 18);
    append(0x80 | (codePoint >> 12 & 0x3F));
    append(0x80 | (codePoint >> 6 & 0x3F));
  }
  append(0x80 | (codePoint & 0x3F));
}

size_t findInvalidUtf8(std::string_view text) {
  for (size_t position = 0; position < text.size();)
    if (decodeUtf8(text, position) == invalidCodePoint)
      return position;
  return std::string_view::npos;
}

std::string codePointName(char32_t codePoint) {
  std::string name = fmt::format("U+{:04X}", static_cast<uint32_t>(codePoint));
  bool control = codePoint < 0x20 || (codePoint >= 0x7F && codePoint < 0xA0);
  if (control)
    return name;
  name += " '";
  appendUtf8(name, codePoint);
  return name + '\'';
}

} // namespace gptc::runtime
