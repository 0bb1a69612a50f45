// Sampling: the draw's distribution, its limits, and that it depends on its arguments only.
#include "runtime/sample/Sampler.h"

#include "test/Runtime/TestFiles.h"

#include <cmath>
#include <limits>

using namespace gptc::runtime;
using namespace gptc::runtime::test;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

Sampler make(double temperature, int64_t topK, uint64_t seed = 42) {
  auto sampler = Sampler::create({temperature, topK, seed});
  EXPECT_TRUE(sampler.ok()) << sampler.status().message();
  return *sampler;
}

/// How often each token comes in `draws` positions.
std::vector<int> histogram(Sampler sampler, const std::vector<float> &logits, int draws) {
  std::vector<int> counts(logits.size());
  for (int i = 0; i < draws; ++i)
    ++counts[static_cast<size_t>(*sampler.next(logits, 0, static_cast<uint64_t>(i)))];
  return counts;
}

} // namespace

TEST(Sampler, ZeroTemperatureTakesTheLargest) {
  Sampler sampler = make(0, 1);
  EXPECT_EQ(*sampler.next(std::vector<float>{1, 3, 2}, 0, 0), 1);
  EXPECT_EQ(*sampler.next(std::vector<float>{3, 3, 2}, 5, 9), 0);
  EXPECT_EQ(*sampler.next(std::vector<float>{-infinity, -5}, 0, 0), 1);
}

TEST(Sampler, FrequenciesFollowTheSoftmax) {
  std::vector<float> logits = {0, 1, 2, -1};
  constexpr int draws = 40000;
  for (double temperature : {0.5, 1.0, 3.0}) {
    std::vector<int> counts = histogram(make(temperature, 0), logits, draws);
    double sum = 0;
    for (float logit : logits)
      sum += std::exp(logit / temperature);
    for (size_t i = 0; i < logits.size(); ++i) {
      double p = std::exp(logits[i] / temperature) / sum;
      // Binomial: six standard deviations.
      EXPECT_NEAR(counts[i], draws * p, 6 * std::sqrt(draws * p * (1 - p)) + 1) << temperature;
    }
  }
}

TEST(Sampler, TopKLeavesTheRestOut) {
  std::vector<float> logits = {1, 5, 2, 5, 4};
  std::vector<int> counts = histogram(make(10, 3), logits, 2000);
  EXPECT_EQ(counts[0], 0);
  EXPECT_EQ(counts[2], 0);
  EXPECT_GT(counts[1], 0);
  EXPECT_GT(counts[3], 0);
  EXPECT_GT(counts[4], 0);
  // Equal logits: the lower id is in.
  EXPECT_EQ(histogram(make(1, 1), logits, 100)[1], 100);
  counts = histogram(make(1, 2), {7, 7, 7, 7}, 100);
  EXPECT_EQ(counts[0] + counts[1], 100);
  // More than there are, or 0: all.
  for (int64_t topK : {0, 5, 50})
    for (int count : histogram(make(100, topK), logits, 2000))
      EXPECT_GT(count, 0);
}

TEST(Sampler, MinusInfinityIsNeverDrawn) {
  std::vector<float> logits = {-infinity, 0, -infinity, 0, -infinity};
  std::vector<int> counts = histogram(make(1, 0), logits, 1000);
  EXPECT_EQ(counts[1] + counts[3], 1000);
  counts = histogram(make(1, 4), logits, 1000);
  EXPECT_EQ(counts[1] + counts[3], 1000);
}

TEST(Sampler, ExtremeValuesDoNotOverflow) {
  constexpr float largest = std::numeric_limits<float>::max();
  EXPECT_EQ(histogram(make(1, 0), {largest, -largest, 0}, 100)[0], 100);
  EXPECT_EQ(histogram(make(1e-300, 0), {1, 1.0001f, 0}, 100)[1], 100);
  for (int count : histogram(make(1e300, 0), {largest, -largest, 0}, 1000))
    EXPECT_GT(count, 200);
}

TEST(Sampler, DependsOnSeedSampleAndPositionOnly) {
  std::vector<float> logits(1000, 0.0f);
  auto draw = [&](uint64_t seed, uint64_t sample, uint64_t position) {
    return *make(1, 0, seed).next(logits, sample, position);
  };
  EXPECT_EQ(draw(1, 2, 3), draw(1, 2, 3));
  EXPECT_NE(draw(1, 2, 3), draw(2, 2, 3));
  EXPECT_NE(draw(1, 2, 3), draw(1, 3, 3));
  EXPECT_NE(draw(1, 2, 3), draw(1, 2, 4));
  Sampler used = make(1, 0, 1);
  for (uint64_t i = 0; i < 10; ++i)
    (void)used.next(logits, i, i);
  EXPECT_EQ(*used.next(logits, 2, 3), draw(1, 2, 3));
}

TEST(Sampler, BadRowsAreErrors) {
  for (double temperature : {0.0, 1.0}) {
    Sampler sampler = make(temperature, 50);
    expectFailure(sampler.next(std::vector<float>{}, 0, 0), Code::dataError, {"no token"});
    expectFailure(sampler.next(std::vector<float>{-infinity, -infinity}, 0, 0), Code::dataError,
                  {"no token"});
    expectFailure(sampler.next(std::vector<float>{0, NAN}, 0, 0), Code::dataError,
                  {"token 1 is nan"});
    expectFailure(sampler.next(std::vector<float>{0, 1, infinity}, 0, 0), Code::dataError,
                  {"token 2 is inf"});
  }
}

TEST(Sampler, BadOptionsAreErrors) {
  expectFailure(Sampler::create({-1, 50, 0}), Code::invalidArgument, {"--temperature", "-1"});
  expectFailure(Sampler::create({NAN, 50, 0}), Code::invalidArgument, {"--temperature"});
  expectFailure(Sampler::create({INFINITY, 50, 0}), Code::invalidArgument, {"--temperature"});
  expectFailure(Sampler::create({1, -1, 0}), Code::invalidArgument, {"--top-k", "-1"});
}
