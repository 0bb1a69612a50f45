// Tokenizers: there and back, their JSON, and their messages.
#include "runtime/data/Tokenizer.h"

#include "runtime/data/Utf8.h"
#include "test/Runtime/TestFiles.h"

#include <random>

using namespace gptc::runtime;
using namespace gptc::runtime::test;
using ::testing::ElementsAre;

namespace {

std::shared_ptr<const Tokenizer> charTokenizer(std::string_view text) {
  std::vector<TextSource> texts = {{"text", text}};
  auto tokenizer = makeTokenizer("char", texts);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  return *tokenizer;
}

} // namespace

TEST(Tokenizer, CharactersAreSortedCodePoints) {
  auto tokenizer = charTokenizer("héllo wörld\n😀");
  EXPECT_EQ(tokenizer->name(), "char");
  EXPECT_EQ(tokenizer->vocabSize(), 11); // \n, space, d, h, l, o, r, w, é, ö, 😀
  auto tokens = tokenizer->encode("\n dhlorwéö😀", "test");
  ASSERT_SUCCESS(tokens);
  EXPECT_THAT(*tokens, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
  EXPECT_EQ(tokenizer->decode(*tokens), "\n dhlorwéö😀");
}

TEST(Tokenizer, TakesCharactersOfAllTexts) {
  std::vector<TextSource> texts = {{"1", "ba"}, {"2", ""}, {"3", "ca"}};
  auto tokenizer = makeTokenizer("char", texts);
  ASSERT_SUCCESS(tokenizer);
  EXPECT_EQ((*tokenizer)->vocabSize(), 3);
}

TEST(Tokenizer, BytesTakeEverything) {
  auto tokenizer = makeTokenizer("bytes", {});
  ASSERT_SUCCESS(tokenizer);
  EXPECT_EQ((*tokenizer)->vocabSize(), 256);
  std::string text;
  for (int round = 0; round < 50; ++round)
    for (int i = 0; i < 256; ++i)
      text += static_cast<char>(i);
  auto tokens = (*tokenizer)->encode(text, "test");
  ASSERT_SUCCESS(tokens);
  ASSERT_EQ(tokens->size(), text.size());
  EXPECT_EQ((*tokens)[255], 255);
  EXPECT_EQ((*tokenizer)->decode(*tokens), text);
}

TEST(Tokenizer, UnknownIdsBecomeTheReplacementCharacter) {
  EXPECT_EQ(charTokenizer("ab")->decode(std::vector<int32_t>{0, 7, -1, 1}), "a\uFFFD\uFFFDb");
  EXPECT_EQ((*makeTokenizer("bytes", {}))->decode(std::vector<int32_t>{65, 256, -1}),
            "A\uFFFD\uFFFD");
}

TEST(Tokenizer, MessagesNameSourceOffsetAndCharacter) {
  std::vector<TextSource> texts = {{"good.txt", "abc"}, {"bad.txt", "ab\xff"}};
  expectFailure(makeTokenizer("char", texts), Code::dataError,
                {"bad.txt", "byte 2 (0xFF)", "not UTF-8", "--tokenizer bytes"});
  auto tokenizer = charTokenizer("abc");
  expectFailure(tokenizer->encode("ab€", "--prompt"), Code::dataError,
                {"--prompt", "byte 2", "U+20AC '€'"});
  expectFailure(tokenizer->encode("ab\xe2\x82", "--prompt"), Code::dataError,
                {"--prompt", "byte 2", "not UTF-8"});
}

TEST(Tokenizer, SpecsThatDoNotExist) {
  expectFailure(makeTokenizer("gpt2", {}), Code::notFound,
                {"--tokenizer gpt2", "char", "bytes", "file"});
  expectFailure(makeTokenizer("char", {}), Code::invalidArgument, {"--tokenizer char", "no text"});
  TemporaryFolder folder;
  expectFailure(makeTokenizer(folder.path(), {}), Code::ioError, {folder.path()});
  std::string path = folder.write("t.json", "[]");
  expectFailure(makeTokenizer(path, {}), Code::dataError, {path, "not a tokenizer"});
}

TEST(Tokenizer, JsonIsReadBack) {
  TemporaryFolder folder;
  std::string text = "to be\n\"or\" \\not\u2028 😀\x01";
  for (auto &tokenizer : {charTokenizer(text), *makeTokenizer("bytes", {})}) {
    auto again = makeTokenizer(folder.write("tokenizer.json", tokenizer->toJson()), {});
    ASSERT_SUCCESS(again);
    EXPECT_EQ((*again)->name(), tokenizer->name());
    EXPECT_EQ((*again)->toJson(), tokenizer->toJson());
    EXPECT_EQ(*(*again)->encode(text, "x"), *tokenizer->encode(text, "x"));
  }
  EXPECT_EQ(charTokenizer("ba")->toJson(), R"({"type":"char","characters":"ab"})");
}

TEST(Tokenizer, BadJsonIsAnError) {
  for (const char *json :
       {"", "{", "[]", "{}", R"({"type":3})", R"({"type":"gpt2"})", R"({"type":"char"})",
        R"({"type":"char","characters":[]})", R"({"type":"char","characters":""})"})
    EXPECT_FALSE(tokenizerFromJson(json).ok()) << json;
  expectFailure(tokenizerFromJson(R"({"type":"char","characters":"aba"})"), Code::dataError,
                {"U+0061 'a' twice"});
}

TEST(Tokenizer, RandomTextsComeBack) {
  std::mt19937 random(5);
  for (int round = 0; round < 50; ++round) {
    std::string text;
    size_t length = random() % 20000;
    for (size_t i = 0; i < length; ++i)
      appendUtf8(text, random() % (round % 2 ? 0x300 : 0xD800));
    if (text.empty())
      continue;
    auto tokenizer = charTokenizer(text);
    auto tokens = tokenizer->encode(text, "text");
    ASSERT_SUCCESS(tokens);
    ASSERT_EQ(tokens->size(), length);
    ASSERT_TRUE(tokenizer->decode(*tokens) == text);
  }
}
