// Numbers of 16 bits: every one of them, and what lies between neighbours.
#include "runtime/base/Half.h"

#include "gtest/gtest.h"

#include <limits>

using namespace gptc::runtime;

namespace {
struct Format {
  const char *name;
  uint16_t (*to)(float);
  float (*from)(uint16_t);
  uint16_t infinity;
  int significant; ///< bits
  int smallest;    ///< the exponent of the smallest number
};

const Format formats[] = {
    {"bfloat16", toBfloat16, fromBfloat16, 0x7f80, 8, -133},
    {"float16", toFloat16, fromFloat16, 0x7c00, 11, -24},
};

constexpr float infinity = std::numeric_limits<float>::infinity();
} // namespace

// A positive number of the format is the sum of its bits' values; the float32 that it becomes is
// exact.
TEST(Half, WidensEveryNumber) {
  for (const Format &format : formats)
    for (uint32_t bits = 0; bits < format.infinity; ++bits) {
      int fractionBits = format.significant - 1;
      uint32_t exponent = bits >> fractionBits, fraction = bits & ((1u << fractionBits) - 1);
      if (exponent > 0)
        fraction += 1u << fractionBits;
      double expected =
          std::ldexp(fraction, format.smallest + static_cast<int>(exponent > 0 ? exponent - 1 : 0));
      ASSERT_EQ(format.from(static_cast<uint16_t>(bits)), expected) << format.name << " " << bits;
      ASSERT_EQ(format.from(static_cast<uint16_t>(bits | 0x8000)), -expected);
    }
}

// Between two neighbours the nearer one is right, and in the middle the even one.
TEST(Half, RoundsToTheNearest) {
  for (const Format &format : formats)
    for (uint32_t bits = 0; bits + 1 < format.infinity; ++bits) {
      SCOPED_TRACE(format.name);
      auto low = static_cast<uint16_t>(bits), high = static_cast<uint16_t>(bits + 1);
      float below = format.from(low), above = format.from(high);
      float middle = below + (above - below) / 2; // exact: both formats have fewer bits
      ASSERT_EQ(format.to(below), low);
      ASSERT_EQ(format.to(std::nextafter(middle, 0.0f)), low) << bits;
      ASSERT_EQ(format.to(middle), bits % 2 == 0 ? low : high) << bits;
      ASSERT_EQ(format.to(std::nextafter(middle, infinity)), high) << bits;
      ASSERT_EQ(format.to(-middle), format.to(middle) | 0x8000);
    }
}

TEST(Half, OverflowsToInfinity) {
  EXPECT_EQ(toFloat16(65519.996f), 0x7bff);
  EXPECT_EQ(toFloat16(65520.0f), 0x7c00); // half way to 65536, which is even
  EXPECT_EQ(toFloat16(1e30f), 0x7c00);
  EXPECT_EQ(toBfloat16(std::numeric_limits<float>::max()), 0x7f80);
  for (const Format &format : formats) {
    EXPECT_EQ(format.to(infinity), format.infinity);
    EXPECT_EQ(format.to(-infinity), format.infinity | 0x8000);
    EXPECT_EQ(format.from(format.infinity), infinity);
  }
}

TEST(Half, KeepsWhatIsNoNumber) {
  for (const Format &format : formats)
    for (uint32_t fraction : {1u, 0x1000u, 0x7fffu, 0x8000u, 0x400000u, 0x7fffffu})
      for (uint32_t sign : {0u, 0x80000000u}) {
        auto value = std::bit_cast<float>(sign | 0x7f800000 | fraction);
        EXPECT_TRUE(std::isnan(format.from(format.to(value)))) << format.name << fraction;
      }
}
