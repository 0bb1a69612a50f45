// Element types of files and their conversions.
#include "runtime/data/HostArray.h"

#include "test/Runtime/TestFiles.h"

#include <bit>
#include <cmath>
#include <limits>

using namespace gptc::runtime;
using namespace gptc::runtime::test;

namespace {

/// An array over bytes that begin at an odd address, as a hostile file may place them.
template <typename T> HostArray arrayOf(HostType type, const std::vector<T> &values) {
  auto storage = std::make_shared<std::string>("x" + rawAll(values));
  HostArray array;
  array.type = type;
  array.shape = {static_cast<int64_t>(values.size())};
  array.bytes = asBytes(*storage).subspan(1);
  array.owner = storage;
  return array;
}

template <typename T> std::vector<float> floatsOf(HostType type, const std::vector<T> &values) {
  std::vector<float> out(values.size());
  copyAsFloat32(arrayOf(type, values), 0, out);
  return out;
}

} // namespace

TEST(HostArray, CodesAreReadBack) {
  for (int i = 0; i <= static_cast<int>(HostType::float64); ++i) {
    HostType type = static_cast<HostType>(i);
    EXPECT_EQ(typeFromSafetensorsCode(safetensorsCode(type)), type);
    if (auto code = npyCode(type)) {
      EXPECT_EQ(typeFromNpyCode(*code), type);
      EXPECT_EQ(std::to_string(elementSize(type)), code->substr(2));
    } else {
      EXPECT_EQ(type, HostType::bfloat16);
    }
  }
  EXPECT_EQ(typeFromNpyCode("=f4"), HostType::float32);
  EXPECT_EQ(typeFromNpyCode("<u1"), HostType::uint8);
  for (const char *code : {"", "<", "f4", ">f4", "|f4", "<f16", "<U4", "<M8", "|O", "<f4 "})
    EXPECT_FALSE(typeFromNpyCode(code)) << code;
  EXPECT_FALSE(typeFromSafetensorsCode("f32"));
}

TEST(HostArray, ElementCountRefusesOverflow) {
  auto count = [](std::vector<int64_t> shape, HostType type = HostType::float32) {
    return elementCount(shape, type);
  };
  EXPECT_EQ(count({}), 1);
  EXPECT_EQ(count({3, 4}), 12);
  EXPECT_EQ(count({3, 0, 4}), 0);
  EXPECT_FALSE(count({-1}));
  EXPECT_FALSE(count({0, -1}));
  int64_t large = int64_t{1} << 61;
  EXPECT_EQ(count({large}, HostType::uint16), large);
  EXPECT_FALSE(count({large}, HostType::float32));
  EXPECT_FALSE(count({int64_t{1} << 32, int64_t{1} << 32}, HostType::uint8));
  EXPECT_FALSE(count({0, int64_t{1} << 62, int64_t{1} << 62}));
  EXPECT_EQ(shapeText(std::vector<int64_t>{2, 3}), "[2, 3]");
  EXPECT_EQ(shapeText(std::vector<int64_t>{}), "[]");
}

TEST(HostArray, ConvertsToFloat) {
  EXPECT_EQ(floatsOf<uint8_t>(HostType::boolean, {0, 1, 200}), (std::vector<float>{0, 1, 1}));
  EXPECT_EQ(floatsOf<uint8_t>(HostType::uint8, {0, 255}), (std::vector<float>{0, 255}));
  EXPECT_EQ(floatsOf<int8_t>(HostType::int8, {-128, 127}), (std::vector<float>{-128, 127}));
  EXPECT_EQ(floatsOf<uint16_t>(HostType::uint16, {65535}), (std::vector<float>{65535}));
  EXPECT_EQ(floatsOf<int16_t>(HostType::int16, {-32768}), (std::vector<float>{-32768}));
  EXPECT_EQ(floatsOf<uint32_t>(HostType::uint32, {4294967295u}), (std::vector<float>{0x1p32f}));
  EXPECT_EQ(floatsOf<int32_t>(HostType::int32, {-7}), (std::vector<float>{-7}));
  EXPECT_EQ(floatsOf<uint64_t>(HostType::uint64, {uint64_t{1} << 40}),
            (std::vector<float>{0x1p40f}));
  EXPECT_EQ(floatsOf<int64_t>(HostType::int64, {-(int64_t{1} << 40)}),
            (std::vector<float>{-0x1p40f}));
  EXPECT_EQ(floatsOf<float>(HostType::float32, {1.5f, -0.0f}), (std::vector<float>{1.5f, -0.0f}));
  float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(floatsOf<double>(HostType::float64, {0.1, 1e300, -1e300}),
            (std::vector<float>{0.1f, infinity, -infinity}));
}

TEST(HostArray, ConvertsAPart) {
  HostArray array = arrayOf<int32_t>(HostType::int32, {0, 1, 2, 3, 4});
  std::vector<float> floats(2);
  copyAsFloat32(array, 3, floats);
  EXPECT_EQ(floats, (std::vector<float>{3, 4}));
  std::vector<int32_t> ints(3);
  ASSERT_SUCCESS(copyAsInt32(array, 1, ints));
  EXPECT_EQ(ints, (std::vector<int32_t>{1, 2, 3}));
}

TEST(HostArray, HalfPrecisionIsExact) {
  // Sign, exponent and mantissa taken apart by their definition, for all 65536 patterns.
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    int exponent = static_cast<int>(bits >> 10 & 31), mantissa = static_cast<int>(bits & 1023);
    double sign = bits & 0x8000 ? -1 : 1;
    float value = halfToFloat(static_cast<uint16_t>(bits));
    if (exponent == 31) {
      ASSERT_EQ(std::isnan(value), mantissa != 0) << bits;
      ASSERT_EQ(std::isinf(value), mantissa == 0) << bits;
    } else {
      double expected =
          exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
      ASSERT_EQ(value, sign * expected) << bits;
    }
    ASSERT_EQ(std::signbit(value), sign < 0) << bits;
  }
  EXPECT_EQ(bfloat16ToFloat(0x3F80), 1.0f);
  EXPECT_EQ(bfloat16ToFloat(0xC040), -3.0f);
  EXPECT_EQ(floatsOf<uint16_t>(HostType::float16, {0x3C00}), std::vector<float>{1});
  EXPECT_EQ(floatsOf<uint16_t>(HostType::bfloat16, {0x4000}), std::vector<float>{2});
}

TEST(HostArray, IntegersMustFit) {
  std::vector<int32_t> out(2);
  ASSERT_SUCCESS(copyAsInt32(arrayOf<int64_t>(HostType::int64, {-(int64_t{1} << 31), 5}), 0, out));
  EXPECT_EQ(out, (std::vector<int32_t>{std::numeric_limits<int32_t>::min(), 5}));
  expectFailure(copyAsInt32(arrayOf<int64_t>(HostType::int64, {0, int64_t{1} << 31}), 0, out),
                Code::dataError, {"element 1 is 2147483648", "int32"});
  expectFailure(copyAsInt32(arrayOf<uint64_t>(HostType::uint64, {~uint64_t{0}, 0}), 0, out),
                Code::dataError, {"element 0 is 18446744073709551615"});
  expectFailure(copyAsInt32(arrayOf<float>(HostType::float32, {0, 1}), 0, out), Code::dataError,
                {"whole numbers are required", "float32"});
}
