// UTF-8: every code point there and back, and everything RFC 3629 forbids.
#include "runtime/data/Utf8.h"

#include <gtest/gtest.h>

using namespace gptc::runtime;

TEST(Utf8, EveryCodePointIsReadBack) {
  for (char32_t codePoint = 0; codePoint <= 0x10FFFF; ++codePoint) {
    if (codePoint >= 0xD800 && codePoint <= 0xDFFF)
      continue;
    std::string text;
    appendUtf8(text, codePoint);
    size_t position = 0;
    ASSERT_EQ(decodeUtf8(text, position), codePoint);
    ASSERT_EQ(position, text.size());
    ASSERT_EQ(text.size(), codePoint < 0x80      ? 1u
                           : codePoint < 0x800   ? 2u
                           : codePoint < 0x10000 ? 3u
                                                 : 4u);
    // Each cut of it is invalid, and so is what remains.
    for (size_t cut = 1; cut < text.size(); ++cut) {
      ASSERT_EQ(findInvalidUtf8(text.substr(0, cut)), 0u);
      ASSERT_EQ(findInvalidUtf8(text.substr(cut)), 0u);
    }
  }
}

TEST(Utf8, ForbiddenSequences) {
  for (const char *text :
       {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xed\xa0\x80",
        "\xed\xbf\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xff", "\xfe", "\xc3(", "\xe2(\xa1", "\xf0\x9f\x98("}) {
    size_t position = 0;
    EXPECT_EQ(decodeUtf8(text, position), invalidCodePoint) << text;
    EXPECT_EQ(position, 0u);
  }
  EXPECT_EQ(findInvalidUtf8("abc\xff"), 3u);
  EXPECT_EQ(findInvalidUtf8("äöü€😀"), std::string_view::npos);
}

TEST(Utf8, NamesForMessages) {
  EXPECT_EQ(codePointName(U'ä'), "U+00E4 'ä'");
  EXPECT_EQ(codePointName(U'\n'), "U+000A");
  EXPECT_EQ(codePointName(U'\x9b'), "U+009B");
  EXPECT_EQ(codePointName(U'😀'), "U+1F600 '😀'");
}
