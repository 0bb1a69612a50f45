// Philox against the published known answers, and the distributions made from it.
#include "runtime/base/Philox.h"

#include <gtest/gtest.h>
#include <vector>

using namespace gptc::runtime;

// From kat_vectors of the authors' Random123 library.
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  uint32_t ones = 0xffffffff;
  EXPECT_EQ(philox4x32({ones, ones, ones, ones}, {ones, ones}),
            (PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

// From the FNV authors' test suite.
TEST(Hash, KnownAnswers) {
  EXPECT_EQ(fnv1a64(""), 0xcbf29ce484222325u);
  EXPECT_EQ(fnv1a64("a"), 0xaf63dc4c8601ec8cu);
  EXPECT_EQ(fnv1a64("foobar"), 0x85944171f73967e8u);
  EXPECT_EQ(fnv1a64("bar", fnv1a64("foo")), fnv1a64("foobar"));
}

TEST(Philox, StreamsDependOnSeedNameAndIndex) {
  PhiloxStream stream(1, "a");
  EXPECT_EQ(stream.block(5), PhiloxStream(1, "a").block(5));
  EXPECT_NE(stream.block(5), stream.block(6));
  EXPECT_NE(stream.block(5), stream.block(5 + (uint64_t{1} << 32)));
  EXPECT_NE(stream.block(5), PhiloxStream(1, "b").block(5));
  EXPECT_NE(stream.block(5), PhiloxStream(2, "a").block(5));
  EXPECT_NE(stream.block(5), PhiloxStream(1 + (uint64_t{1} << 32), "a").block(5));
}

TEST(Philox, UniformBounds) {
  EXPECT_EQ(uniform01(0u), 0.0f);
  EXPECT_EQ(uniform01(0xffffffffu), 1.0f - 0x1p-24f);
  EXPECT_EQ(uniform01(0u, 0u), 0.0);
  EXPECT_EQ(uniform01(0xffffffffu, 0xffffffffu), 1.0 - 0x1p-53);
  for (uint64_t count : {uint64_t{1}, uint64_t{7}, uint64_t{1} << 40, ~uint64_t{0}}) {
    EXPECT_EQ(uniformBelow(count, 0, 0), 0u);
    EXPECT_EQ(uniformBelow(count, ~0u, ~0u), count - 1);
  }
}

TEST(Philox, UniformBelowIsEven) {
  constexpr int count = 10, draws = 100000;
  std::vector<int> seen(count);
  PhiloxStream stream(3, "even");
  for (int i = 0; i < draws; ++i) {
    PhiloxCounter words = stream.block(static_cast<uint64_t>(i));
    ++seen[uniformBelow(count, words[0], words[1])];
  }
  // Each count is binomial: mean 10000, standard deviation sqrt(n p (1 - p)) = 95; six of them
  // leave a chance of 2e-8 for the fixed seed to fail where nothing is wrong.
  for (int times : seen)
    EXPECT_NEAR(times, draws / count, 6 * 95);
}

TEST(Philox, NormalPairExtremes) {
  // The smallest uniform value, 2^-33, gives the largest radius.
  auto [x, y] = normalPair(0, 0);
  EXPECT_NEAR(x, std::sqrt(2 * 33 * std::log(2.0)), 1e-12);
  EXPECT_EQ(y, 0);
  auto [small, zero] = normalPair(0xffffffff, 0);
  EXPECT_NEAR(small, std::sqrt(2 * 0x1p-33), 1e-9);
  EXPECT_EQ(zero, 0);
}
