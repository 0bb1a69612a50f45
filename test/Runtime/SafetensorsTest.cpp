// safetensors: the library's own file, ours read back, and headers that lie.
#include "runtime/data/Safetensors.h"

#include "test/Runtime/TestFiles.h"

using namespace gptc::runtime;
using namespace gptc::runtime::test;
using ::testing::ElementsAre;
using ::testing::Pair;

namespace {

std::string file(const std::string &header, size_t dataBytes) {
  return raw(uint64_t{header.size()}) + header + std::string(dataBytes, '\0');
}

Result<SafetensorsFile> parse(const std::string &bytes) {
  return SafetensorsFile::parse(asBytes(bytes), nullptr);
}

std::string entry(const std::string &name, const std::string &dtype, const std::string &shape,
                  const std::string &offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape +
         ",\"data_offsets\":" + offsets + "}";
}

std::vector<std::string> namesOf(const SafetensorsFile &file) {
  std::vector<std::string> names;
  for (const auto &tensor : file.tensors())
    names.push_back(tensor.name);
  return names;
}

} // namespace

TEST(Safetensors, ReadsTheLibrarysFile) {
  auto opened = SafetensorsFile::open(fixture("library.safetensors"));
  ASSERT_SUCCESS(opened);
  EXPECT_EQ(opened->tensors().size(), 3u);
  EXPECT_THAT(opened->metadata(),
              ElementsAre(Pair("format", "pt"), Pair("made by", "safetensors")));
  const HostArray *weight = opened->find("h.0.weight");
  ASSERT_NE(weight, nullptr);
  EXPECT_EQ(weight->type, HostType::float32);
  EXPECT_EQ(weight->shape, (std::vector<int64_t>{3, 4}));
  std::vector<float> floats(12);
  copyAsFloat32(*weight, 0, floats);
  EXPECT_EQ(floats[11], 1.375f);
  std::vector<float> halves(3);
  copyAsFloat32(*opened->find("wpe"), 0, halves);
  EXPECT_THAT(halves, ElementsAre(0, 1, 2));
  std::vector<int32_t> ids(3);
  ASSERT_SUCCESS(copyAsInt32(*opened->find("ids"), 0, ids));
  EXPECT_THAT(ids, ElementsAre(-3, 0, 2147483647));
  EXPECT_EQ(opened->find("nothing"), nullptr);
}

TEST(Safetensors, WritesWhatItReads) {
  TemporaryFolder folder;
  std::string path = folder / "out.safetensors";
  std::vector<SafetensorsEntry> entries = {{"small", HostType::uint8, {3}},
                                           {"größe", HostType::float32, {2, 2}},
                                           {"none", HostType::float32, {0, 4}},
                                           {"one", HostType::float64, {}},
                                           {"half", HostType::bfloat16, {5}}};
  SafetensorsMetadata metadata = {{"step", "17"}, {"quote", "\"\n"}};
  ASSERT_SUCCESS(writeSafetensors(path, entries, metadata, [&](size_t i, FileWriter &writer) {
    size_t bytes = static_cast<size_t>(*elementCount(entries[i].shape, entries[i].type) *
                                       elementSize(entries[i].type));
    return writer.write(std::string(bytes, static_cast<char>('a' + i)));
  }));
  auto opened = SafetensorsFile::open(path);
  ASSERT_SUCCESS(opened);
  EXPECT_EQ(opened->metadata(), metadata);
  EXPECT_THAT(namesOf(*opened), ElementsAre("one", "größe", "none", "half", "small"));
  for (size_t i = 0; i < entries.size(); ++i) {
    const HostArray *array = opened->find(entries[i].name);
    ASSERT_NE(array, nullptr) << entries[i].name;
    EXPECT_EQ(array->type, entries[i].type);
    EXPECT_EQ(array->shape, entries[i].shape);
    for (std::byte byte : array->bytes)
      EXPECT_EQ(static_cast<char>(byte), static_cast<char>('a' + i));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(array->bytes.data()) %
                  static_cast<uintptr_t>(elementSize(array->type)),
              0u);
  }
}

TEST(Safetensors, WriterRefusesNonsenseAndLeavesNothing) {
  TemporaryFolder folder;
  std::string path = folder / "out.safetensors";
  auto write = [&](std::vector<SafetensorsEntry> entries, SafetensorsMetadata metadata = {}) {
    return writeSafetensors(path, entries, metadata,
                            [](size_t, FileWriter &writer) { return writer.write("1234"); });
  };
  SafetensorsEntry good{"a", HostType::float32, {1}};
  ASSERT_SUCCESS(write({good}));
  std::filesystem::remove(path);
  expectFailure(write({good, good}), Code::invalidArgument, {path, "\"a\" twice"});
  expectFailure(write({{"__metadata__", HostType::float32, {1}}}), Code::invalidArgument,
                {"__metadata__"});
  expectFailure(write({{"\xff", HostType::float32, {1}}}), Code::invalidArgument, {"UTF-8"});
  expectFailure(write({good}, {{"k", "\xff"}}), Code::invalidArgument, {"UTF-8"});
  expectFailure(write({{"a", HostType::float32, {-1}}}), Code::invalidArgument, {"[-1]"});
  expectFailure(write({{"a", HostType::float32, {2}}}), Code::internal,
                {path, "4 bytes written instead of 8"});
  EXPECT_TRUE(folder.names().empty());
}

TEST(Safetensors, AcceptsWhatTheFormatAllows) {
  ASSERT_SUCCESS(parse(file("{}", 0)));
  ASSERT_SUCCESS(parse(file("{}   ", 0)));
  ASSERT_SUCCESS(parse(file("{\"__metadata__\":{}}", 0)));
  auto opened =
      parse(file("{" + entry("b", "F32", "[1]", "[4,8]") + "," + entry("a", "F32", "[]", "[0,4]") +
                     "," + entry("z", "F32", "[0]", "[4,4]") + "}",
                 8));
  ASSERT_SUCCESS(opened);
  EXPECT_EQ(namesOf(*opened).front(), "a");
}

TEST(Safetensors, EveryTruncationIsAnError) {
  std::string good = file("{" + entry("a", "F32", "[2]", "[0,8]") + "}", 8);
  ASSERT_SUCCESS(parse(good));
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(parse(good.substr(0, size)).ok()) << size;
  TemporaryFolder folder;
  std::string path = folder.write("cut.safetensors", good.substr(0, good.size() - 1));
  expectFailure(SafetensorsFile::open(path), Code::dataError,
                {path, "\"a\"", "there are 7 bytes", "cut short"});
}

TEST(Safetensors, LiesAreErrors) {
  auto expectBad = [](const std::string &bytes, const std::string &part) {
    expectFailure(parse(bytes), Code::dataError, {"not a valid safetensors file", part});
  };
  auto expectBadHeader = [&](const std::string &header, const std::string &part,
                             size_t dataBytes = 8) { expectBad(file(header, dataBytes), part); };
  auto expectBadEntry = [&](const std::string &text, const std::string &part) {
    expectBadHeader("{" + text + "}", part);
  };
  expectBad("1234567", "7 bytes are too few");
  expectBad(raw(~uint64_t{0}) + "{}", "18446744073709551615");
  expectBad(raw(uint64_t{100'000'001}) + "{}", "at most 100000000");
  expectBad(raw(uint64_t{3}) + "{}", "should have 3 bytes, but 2");
  expectBadHeader("", "does not begin with '{'");
  expectBadHeader(" {}", "does not begin with '{'");
  expectBadHeader("{", "not a JSON object");
  expectBadHeader("{}x", "not a JSON object");
  expectBadHeader("{\"\xff\":1}", "not a JSON object");
  expectBadHeader("{\"a\":1e999}", "not a JSON object");
  expectBadEntry(entry("a", "F32", "[[1]]", "[0,4]"), "nested too deep");
  expectBadHeader("{\"a\":" + std::string(100000, '['), "nested too deep");
  expectBadEntry("\"a\":1", "not an object");
  expectBadEntry("\"__metadata__\":[]", "__metadata__ is not an object");
  expectBadEntry("\"__metadata__\":{\"a\":1}", "\"a\" is not a string");
  expectBadEntry("\"a\":{}", "needs dtype");
  expectBadEntry("\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}", "\"dtype\" twice");
  expectBadEntry(entry("a", "F32", "[1]", "[0,4]") + "," + entry("a", "F32", "[1]", "[4,8]"),
                 "\"a\" twice");
  expectBadEntry("\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}",
                 "unknown key \"x\"");
  expectBadEntry("\"a\":{\"dtype\":1,\"shape\":[1],\"data_offsets\":[0,4]}", "dtype must be");
  expectBadEntry(entry("a", "F31", "[1]", "[0,4]"), "\"F31\" is not supported");
  for (const char *shape : {"1", "{}", "[-1]", "[1.0]", "[\"1\"]", "[18446744073709551615]",
                            "[18446744073709551616]", "[null]"})
    expectBadEntry(entry("a", "F32", shape, "[0,8]"), "shape");
  for (const char *offsets : {"0", "[]", "[0]", "[0,4,8]", "[-4,0]", "[0,4.0]", "[\"0\",\"4\"]"})
    expectBadEntry(entry("a", "F32", "[1]", offsets), "data_offsets must be");
  expectBadEntry(entry("a", "F32", "[4611686018427387904]", "[0,0]"), "too large");
  expectBadEntry(entry("a", "F32", "[4294967296,4294967296]", "[0,0]"), "too large");
  expectBadEntry(entry("a", "F32", "[1]", "[0,8]"), "needs 4 bytes, data_offsets are 0 to 8");
  expectBadEntry(entry("a", "F32", "[1]", "[8,4]"), "8 to 4");
  expectBadEntry(entry("a", "F32", "[1]", "[4,8]"), "begins at 4 of the data, leaving a gap");
  expectBadEntry(entry("a", "F32", "[1]", "[0,4]"), "end at 4 of the data, but there are 8");
  expectBadEntry(entry("a", "F32", "[1]", "[0,4]") + "," + entry("b", "F32", "[1]", "[0,4]"),
                 "within the one before it");
  expectBadEntry(entry("a", "F32", "[3]", "[0,12]"), "there are 8 bytes");
  expectBadEntry(entry("a", "U8", "[18446744073709551615]", "[1,0]"), "shape");
  expectBadEntry(entry("\\u001b[2J", "F31", "[1]", "[0,4]"), "tensor \"?[2J\"");
}
