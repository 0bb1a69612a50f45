// UTF-8 (RFC 3629): decoding with validation, one code point at a time.
#ifndef GPTC_RUNTIME_DATA_UTF8_H
#define GPTC_RUNTIME_DATA_UTF8_H

#include <cstddef>
#include <string>
#include <string_view>

namespace gptc::runtime {

/// What decodeUtf8 returns where the text is not UTF-8.
inline constexpr char32_t invalidCodePoint = 0xFFFFFFFF;

/// The code point at text[position], which must exist; moves `position` behind it. For anything RFC
/// 3629 does not allow (overlong forms, surrogates, values above U+10FFFF, cut sequences) it gives
/// invalidCodePoint and leaves `position`.
char32_t decodeUtf8(std::string_view text, size_t &position);

/// Appends the UTF-8 form of a valid code point.
void appendUtf8(std::string &text, char32_t codePoint);

/// The position of the first byte that is not UTF-8, or npos.
size_t findInvalidUtf8(std::string_view text);

/// A code point for a message: U+00E4 'ä', and U+000A alone for what does not print.
std::string codePointName(char32_t codePoint);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_DATA_UTF8_H
