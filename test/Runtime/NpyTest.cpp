// .npy files: numpy's own, ours read back, and every way a header can be wrong.
#include "runtime/data/Npy.h"

#include "test/Runtime/TestFiles.h"

#include <fmt/format.h>

using namespace gptc::runtime;
using namespace gptc::runtime::test;

namespace {

std::string header(const std::string &dictionary, int version = 1) {
  std::string text = "\x93NUMPY";
  text += static_cast<char>(version);
  text += '\0';
  return text +
         (version == 1 ? raw(static_cast<uint16_t>(dictionary.size()))
                       : raw(static_cast<uint32_t>(dictionary.size()))) +
         dictionary;
}

std::string dictionary(const std::string &descr, const std::string &shape,
                       const std::string &order = "False") {
  return fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': {}, }}", descr, order, shape);
}

Result<HostArray> parse(const std::string &file) { return parseNpy(asBytes(file), nullptr); }

std::vector<float> floatsOf(const HostArray &array) {
  std::vector<float> out(static_cast<size_t>(array.count()));
  copyAsFloat32(array, 0, out);
  return out;
}

const std::vector<float> eighths = {0,     0.125f, 0.25f, 0.375f, 0.5f,  0.625f,
                                    0.75f, 0.875f, 1.0f,  1.125f, 1.25f, 1.375f};

} // namespace

TEST(Npy, ReadsNumpysFiles) {
  for (const char *name : {"version1.npy", "version2.npy", "version3.npy"}) {
    auto array = readNpy(fixture(name));
    ASSERT_SUCCESS(array);
    EXPECT_EQ(array->type, HostType::float32);
    EXPECT_EQ(array->shape, (std::vector<int64_t>{3, 4}));
    EXPECT_EQ(floatsOf(*array), eighths);
  }
  auto scalar = readNpy(fixture("scalar.npy"));
  ASSERT_SUCCESS(scalar);
  EXPECT_TRUE(scalar->shape.empty());
  EXPECT_EQ(floatsOf(*scalar), std::vector<float>{2.5f});
}

TEST(Npy, RefusesWhatItCannotReadRight) {
  expectFailure(readNpy(fixture("fortran.npy")), Code::dataError,
                {fixture("fortran.npy"), "Fortran order"});
  expectFailure(readNpy(fixture("big_endian.npy")), Code::dataError,
                {fixture("big_endian.npy"), "'>f4'", "little-endian"});
  expectFailure(readNpy(fixture("no.npy")), Code::notFound, {fixture("no.npy")});
}

TEST(Npy, WritesWhatItReads) {
  TemporaryFolder folder;
  std::string path = folder / "array.npy";
  for (const std::vector<int64_t> &shape :
       std::vector<std::vector<int64_t>>{{}, {0}, {5}, {2, 3}, {1, 0, 7}, {2, 2, 2, 2}})
    for (HostType type : {HostType::uint16, HostType::int32, HostType::int64, HostType::float32,
                          HostType::float64, HostType::boolean}) {
      std::string bytes(static_cast<size_t>(*elementCount(shape, type) * elementSize(type)), '\1');
      ASSERT_SUCCESS(writeNpy(path, type, shape, asBytes(bytes)));
      auto array = readNpy(path);
      ASSERT_SUCCESS(array);
      EXPECT_EQ(array->type, type);
      EXPECT_EQ(array->shape, shape);
      EXPECT_EQ(array->count(), *elementCount(shape, type));
      EXPECT_TRUE(std::equal(array->bytes.begin(), array->bytes.end(), asBytes(bytes).begin()));
    }
  // The same bytes as numpy writes.
  ASSERT_SUCCESS(writeNpy(path, HostType::float32, std::vector<int64_t>{3, 4},
                          std::as_bytes(std::span(eighths))));
  EXPECT_EQ(*readWholeFile(path), *readWholeFile(fixture("version1.npy")));
  expectFailure(writeNpy(path, HostType::float32, std::vector<int64_t>{3}, {}),
                Code::invalidArgument, {path, "[3]"});
  expectFailure(writeNpy(path, HostType::bfloat16, std::vector<int64_t>{0}, {}),
                Code::invalidArgument, {"bfloat16"});
}

TEST(Npy, HeaderIsReadAsPythonWouldReadIt) {
  std::string four(4, '\0');
  for (const std::string &text :
       {std::string("{'descr':'<f4','fortran_order':False,'shape':()}"),
        std::string("{ \"shape\" : ( 1 , ) , \"fortran_order\" : False, 'descr': \"<f4\" } \n"),
        dictionary("<f4", "(1L,)"), dictionary("<f4", "(1, 1)"), dictionary("<f4", "(1,)", "True"),
        dictionary("<u2", "(2,)"), dictionary("|u1", "(4,)") + "      \n"})
    EXPECT_TRUE(parse(header(text) + four).ok())
        << text << ": " << parse(header(text) + four).status().message();
}

TEST(Npy, MalformedHeadersAreErrors) {
  std::string good = header(dictionary("<f4", "(1,)")) + std::string(4, '\0');
  ASSERT_SUCCESS(parse(good));
  auto expectBad = [](const std::string &file, const std::string &part) {
    expectFailure(parse(file), Code::dataError, {"not a valid .npy file", part});
  };
  expectBad("", "does not begin with");
  expectBad("PK\3\4", "does not begin with");
  for (size_t size = 6; size < good.size(); ++size) {
    auto result = parse(good.substr(0, size));
    EXPECT_FALSE(result.ok()) << size;
  }
  expectBad(good + "x", "needs 4 bytes after the header, found 5");
  expectBad(header("{}", 0), "version 0.0");
  expectBad(header("{}", 4), "version 4.0");
  expectBad(std::string("\x93NUMPY\2\0\xff\xff\xff\xff", 12), "4294967295");
  auto expectBadHeader = [&](const std::string &text, const std::string &part) {
    expectBad(header(text) + std::string(4, '\0'), part);
  };
  expectBadHeader("", "required \"{\", found its end");
  expectBadHeader("{}", "no 'descr'");
  expectBadHeader("{'descr': '<f4', 'fortran_order': False}", "no 'shape'");
  expectBadHeader("{'descr': '<f4', 'descr': '<f4'}", "'descr' stands twice");
  expectBadHeader("{'order': 3}", "unknown header key 'order'");
  expectBadHeader("{'descr", "does not end");
  expectBadHeader("{'descr' '<f4'}", "required \":\"");
  expectBadHeader("{'descr': 3}", "required a string");
  expectBadHeader("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (1,)}", "fields");
  expectBadHeader(dictionary("<f2x", "(1,)"), "'<f2x' is not supported");
  expectBadHeader(dictionary("|O", "(1,)"), "'|O' is not supported");
  expectBadHeader(dictionary("\x1b[2J", "(1,)"), "'?[2J' is not supported");
  expectBadHeader(dictionary("<f4", "(1,)", "0"), "True or False");
  expectBadHeader(dictionary("<f4", "(-1,)"), "negative");
  expectBadHeader(dictionary("<f4", "(1.5,)"), "required \",\"");
  expectBadHeader(dictionary("<f4", "1"), "required \"(\"");
  expectBadHeader(dictionary("<f4", "(1"), "required a size");
  expectBadHeader(dictionary("<f4", "(99999999999999999999,)"), "too large");
  expectBadHeader(dictionary("<f4", "(9223372036854775807,)"), "too large");
  expectBadHeader(dictionary("<f4", "(4294967296, 4294967296)"), "too large");
  expectBadHeader(dictionary("<f4", "(0, 4294967296, 4294967296)"), "too large");
  expectBadHeader(dictionary("<f4", "(1,)", "True") + "x", "the end of the header");
  expectBadHeader(dictionary("<f4", "(1, 2)", "True"), "Fortran order");
  expectBadHeader(dictionary("<f4", "(2,)"), "needs 8 bytes after the header, found 4");
  std::string axes;
  for (int i = 0; i < 70; ++i)
    axes += "1,";
  expectBadHeader(dictionary("<f4", "(" + axes + ")"), "more than 64 axes");
}
