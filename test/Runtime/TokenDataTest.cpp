// --data for token models: texts, directories, shards, and what is wrong with them.
#include "runtime/data/TokenData.h"

#include "runtime/data/Npy.h"
#include "test/Runtime/TestFiles.h"

#include <cmath>
#include <numeric>
#include <unistd.h>

using namespace gptc::runtime;
using namespace gptc::runtime::test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

namespace {

std::vector<uint16_t> range(int begin, int end) {
  std::vector<uint16_t> values(static_cast<size_t>(end - begin));
  std::iota(values.begin(), values.end(), static_cast<uint16_t>(begin));
  return values;
}

std::string headered(const std::vector<uint16_t> &tokens, int32_t version = 1, int claim = -1) {
  std::vector<int32_t> header(256);
  header[0] = 20240520;
  header[1] = version;
  header[2] = claim < 0 ? static_cast<int32_t>(tokens.size()) : claim;
  return rawAll(header) + rawAll(tokens);
}

std::string npy(const std::vector<uint16_t> &tokens) {
  return *npyHeader(HostType::uint16, std::vector<int64_t>{static_cast<int64_t>(tokens.size())}) +
         rawAll(tokens);
}

std::vector<int32_t> all(const TokenStream &stream) {
  std::vector<int32_t> tokens;
  for (const TokenShard &shard : stream.shards())
    for (int64_t i = 0; i < shard.count; ++i)
      tokens.push_back(shard.token(i));
  return tokens;
}

std::vector<int32_t> widened(const std::vector<uint16_t> &tokens) {
  return {tokens.begin(), tokens.end()};
}

} // namespace

TEST(TokenData, TextIsSplitAtTheLastTenth) {
  TemporaryFolder folder;
  std::string path = folder.write("text.txt", "abcdefghijklmnopqrs"); // 19 characters
  auto data = TokenData::load(path, "");
  ASSERT_SUCCESS(data);
  EXPECT_EQ(data->tokenizer()->name(), "char");
  EXPECT_EQ(data->training().size(), 17); // floor(0.9 * 19)
  EXPECT_EQ(all(data->training()), widened(range(0, 17)));
  EXPECT_EQ(all(data->validation()), widened(range(17, 19)));
  EXPECT_THAT(data->notes().back(), HasSubstr("17 tokens for training, 2 for validation"));
}

TEST(TokenData, DirectoryOfTextsIsJoinedInOrder) {
  TemporaryFolder folder;
  folder.write("b.txt", "bb");
  folder.write("a/z.h", "zz");
  folder.write("a/a.h", "aa");
  folder.write("c", "");
  ASSERT_EQ(::symlink("/nowhere", (folder / "broken").c_str()), 0);
  auto data = TokenData::load(folder.path(), "bytes");
  ASSERT_SUCCESS(data);
  std::vector<int32_t> tokens = all(data->training());
  std::vector<int32_t> rest = all(data->validation());
  tokens.insert(tokens.end(), rest.begin(), rest.end());
  EXPECT_EQ(data->tokenizer()->decode(tokens), "aazzbb");
  std::string notes;
  for (const std::string &note : data->notes())
    notes += note + "\n";
  EXPECT_THAT(notes, HasSubstr("left out 1 entries"));
  EXPECT_THAT(notes, HasSubstr("1 of 4 files are empty"));
  EXPECT_THAT(notes, HasSubstr("4 text files, 6 bytes"));
}

TEST(TokenData, GivenTokenizerWins) {
  TemporaryFolder folder;
  auto tokenizer = makeTokenizer("bytes", {});
  ASSERT_SUCCESS(tokenizer);
  auto data = TokenData::load(folder.write("t", "\xff text that is no UTF-8"), "char", *tokenizer);
  ASSERT_SUCCESS(data);
  EXPECT_EQ(data->tokenizer(), *tokenizer);
}

TEST(TokenData, BadTextsAreErrors) {
  TemporaryFolder folder;
  expectFailure(TokenData::load(folder / "none", ""), Code::notFound, {folder / "none"});
  expectFailure(TokenData::load(folder.path(), ""), Code::dataError, {folder.path(), "no files"});
  std::string empty = folder.write("empty/empty.txt", "");
  expectFailure(TokenData::load(empty, ""), Code::dataError, {empty, "the file is empty"});
  folder.write("empty/also.txt", "");
  expectFailure(TokenData::load(folder / "empty", "char"), Code::dataError,
                {"all 2 files are empty"});
  folder.write("mixed/a.txt", "fine");
  std::string bad = folder.write("mixed/b.txt", "not \xc3( fine");
  expectFailure(TokenData::load(folder / "mixed", "char"), Code::dataError, {bad, "byte 4"});
  expectFailure(TokenData::load(bad, "gpt3"), Code::notFound, {"--tokenizer gpt3", "accepted"});
  std::string arrays = folder.write("arrays/x.npz", "");
  expectFailure(TokenData::load(folder / "arrays", ""), Code::dataError, {arrays, "arrays"});
}

TEST(TokenData, ShardFormats) {
  TemporaryFolder folder;
  for (auto [name, content] :
       {std::pair("a.bin", headered(range(0, 100))), std::pair("b.bin", rawAll(range(0, 100))),
        std::pair("c.npy", npy(range(0, 100)))}) {
    auto data = TokenData::load(folder.write(name, content), "");
    ASSERT_SUCCESS(data);
    EXPECT_EQ(all(data->training()), widened(range(0, 90))) << name;
    EXPECT_EQ(all(data->validation()), widened(range(90, 100))) << name;
    EXPECT_EQ(data->tokenizer(), nullptr);
  }
  // One token, without a header: two bytes.
  auto one = TokenData::load(folder.write("one.bin", raw(uint16_t{7})), "bytes");
  ASSERT_SUCCESS(one);
  EXPECT_EQ(all(one->validation()), std::vector<int32_t>{7});
  EXPECT_EQ(one->tokenizer()->name(), "bytes");
}

TEST(TokenData, LastTenthMayLieInSeveralShards) {
  TemporaryFolder folder;
  folder.write("1.bin", rawAll(range(0, 95)));
  folder.write("2.bin", rawAll(range(95, 97)));
  folder.write("3.bin", rawAll(range(97, 100)));
  auto data = TokenData::load(folder.path(), "");
  ASSERT_SUCCESS(data);
  EXPECT_EQ(all(data->training()), widened(range(0, 90)));
  EXPECT_EQ(all(data->validation()), widened(range(90, 100)));
  EXPECT_EQ(data->validation().shards().size(), 3u);
}

TEST(TokenData, NamesPickTheSplit) {
  TemporaryFolder folder;
  folder.write("edu_val_000000.bin", headered(range(0, 10)));
  folder.write("edu_train_000001.bin", headered(range(10, 30)));
  folder.write("edu_train_000002.npy", npy(range(30, 40)));
  folder.write("README", "text");
  auto data = TokenData::load(folder.path(), "");
  ASSERT_SUCCESS(data);
  EXPECT_EQ(all(data->training()), widened(range(10, 40)));
  EXPECT_EQ(all(data->validation()), widened(range(0, 10)));
  EXPECT_THAT(data->notes()[0], HasSubstr("left out 1 files that are neither .npy nor .bin"));

  folder.write("edu_other.bin", headered(range(40, 50)));
  auto mixed = TokenData::load(folder.path(), "");
  ASSERT_SUCCESS(mixed);
  EXPECT_EQ(all(mixed->training()).size(), 40u);
  EXPECT_EQ(all(mixed->training())[0], 40); // "edu_other" sorts before "edu_train"
  EXPECT_THAT(mixed->notes()[1], HasSubstr("1 shards with neither"));

  // A split without a file is empty: the name decides, nothing is cut off.
  auto single = TokenData::load(folder / "edu_train_000001.bin", "");
  ASSERT_SUCCESS(single);
  EXPECT_EQ(single->training().size(), 20);
  EXPECT_EQ(single->validation().size(), 0);
  EXPECT_EQ(single->validation().unigramEntropy(), 0);

  folder.write("VAL_train.bin", headered(range(0, 10)));
  expectFailure(TokenData::load(folder.path(), ""), Code::dataError,
                {"VAL_train.bin", "both \"train\" and \"val\""});
}

TEST(TokenData, BadShardsAreErrors) {
  TemporaryFolder folder;
  auto expectBad = [&](const std::string &name, const std::string &content,
                       const std::vector<std::string> &parts) {
    std::string path = folder.write(name, content);
    auto data = TokenData::load(path, "");
    expectFailure(data, Code::dataError, {path});
    expectFailure(data, Code::dataError, parts);
  };
  expectBad("empty.bin", "", {"no tokens"});
  expectBad("odd.bin", "abc", {"odd size", "3 bytes"});
  expectBad("nothing.bin", headered({}), {"no tokens"});
  expectBad("version.bin", headered(range(0, 10), 7), {"version 1 is required, found 7"});
  expectBad("cut.bin", headered(range(0, 10)).substr(0, 1000), {"1024 bytes", "1000"});
  expectBad("short.bin", headered(range(0, 10), 1, 11), {"11 tokens", "1046 bytes", "1044"});
  expectBad("long.bin", headered(range(0, 10), 1, 9), {"9 tokens", "1042 bytes", "1044"});
  expectBad("negative.bin", headered(range(0, 10), 1).replace(8, 4, raw(int32_t{-1})),
            {"4294967295 tokens"});
  expectBad("empty.npy", npy({}), {"no tokens"});
  expectBad("text.npy", "hello", {"not a valid .npy file"});
  expectBad("float.npy", *npyHeader(HostType::float32, std::vector<int64_t>{1}) + raw(1.0f),
            {"uint16 with one axis", "float32 [1]"});
  expectBad("matrix.npy",
            *npyHeader(HostType::uint16, std::vector<int64_t>{1, 2}) + raw(uint32_t{0}),
            {"uint16 [1, 2]"});
  expectFailure(TokenData::load(folder / "float.npy", "char"), Code::invalidArgument,
                {"--tokenizer char"});
}

TEST(TokenData, TokensOutsideTheVocabularyAreFound) {
  TemporaryFolder folder;
  std::vector<uint16_t> tokens(200000, 5);
  std::string fine = folder.write("fine_train.bin", headered(tokens));
  tokens[123456] = 50257;
  tokens[123999] = 60000;
  std::string bad = folder.write("more_train.bin", headered(tokens));
  auto data = TokenData::load(folder.path(), "");
  ASSERT_SUCCESS(data);
  EXPECT_TRUE(data->setVocabulary(60001).ok());
  expectFailure(data->setVocabulary(50257), Code::dataError,
                {bad, "token number 123456 (byte 247936) is 50257", "50257 ids"});
  std::vector<int32_t> out(10);
  EXPECT_TRUE(data->training().read(1, 123446, out).ok());
  expectFailure(data->training().read(1, 123447, out), Code::dataError, {"token number 123456"});
  expectFailure(data->training().read(1, 199991, out), Code::internal, {bad});
  expectFailure(data->training().read(1, -1, out), Code::internal, {bad});

  // In the part that was cut off for validation, numbers still count from the start of the file.
  std::string tail =
      folder.write("tail/x.bin", rawAll(std::vector<uint16_t>{1, 1, 1, 1, 1, 1, 1, 1, 1, 9}));
  auto cut = TokenData::load(tail, "");
  ASSERT_SUCCESS(cut);
  expectFailure(cut->setVocabulary(9), Code::dataError, {"token number 9 (byte 18) is 9"});
  auto text = TokenData::load(folder.write("tail/t.txt", "aaaaaaaaab"), "bytes");
  ASSERT_SUCCESS(text);
  expectFailure(text->setVocabulary(98), Code::dataError, {"token number 9 is 98"});
}

TEST(TokenData, UnigramEntropy) {
  TemporaryFolder folder;
  auto entropyOf = [&](const std::string &text) {
    std::vector<uint16_t> tokens(text.begin(), text.end());
    auto data = TokenData::load(folder.write("train.bin", headered(tokens)), "");
    EXPECT_TRUE(data.ok());
    return data->training().unigramEntropy();
  };
  EXPECT_NEAR(entropyOf("aaaa"), 0, 1e-15);
  EXPECT_NEAR(entropyOf("abab"), std::log(2.0), 1e-15);
  double expected = -(0.5 * std::log(0.5) + 0.3 * std::log(0.3) + 0.2 * std::log(0.2));
  std::string text;
  for (int i = 0; i < 50000; ++i) // long enough for several threads
    text += "aaaaabbbcc";
  // A sum of a few terms, each rounded to double: well within 1e-12.
  EXPECT_NEAR(entropyOf(text), expected, 1e-12);
}

TEST(TokenData, TinyShakespeare) {
  const char *folder = std::getenv("GPTC_TEST_DATA");
  if (!folder)
    GTEST_SKIP() << "GPTC_TEST_DATA is not set: tinyshakespeare.txt is not there";
  auto data = TokenData::load(std::string(folder) + "/tinyshakespeare.txt", "char");
  ASSERT_SUCCESS(data);
  // The figures that nanoGPT's own preparation of this text prints.
  EXPECT_EQ(data->tokenizer()->vocabSize(), 65);
  EXPECT_EQ(data->training().size(), 1003854);
  EXPECT_EQ(data->validation().size(), 111540);
  std::vector<int32_t> head(14);
  ASSERT_SUCCESS(data->training().read(0, 0, head));
  EXPECT_EQ(data->tokenizer()->decode(head), "First Citizen:");
  EXPECT_EQ(head[0], 18);
}
