// Sample orders and the embedding's permutation.
#include "runtime/data/Order.h"

#include "test/Runtime/TestFiles.h"

#include <algorithm>
#include <numeric>
#include <random>

using namespace gptc::runtime;
using namespace gptc::runtime::test;

TEST(Order, NamesAreReadBack) {
  for (Shuffle shuffle : {Shuffle::none, Shuffle::windows, Shuffle::permutation})
    EXPECT_EQ(*parseShuffle(shuffleName(shuffle)), shuffle);
  expectFailure(parseShuffle("random"), Code::invalidArgument,
                {"--shuffle random", "none, windows and permutation"});
}

TEST(Order, NoneCounts) {
  SampleOrder order(Shuffle::none, 1, 5);
  for (uint64_t i = 0; i < 20; ++i)
    EXPECT_EQ(order.at(i), i % 5);
}

TEST(Order, PermutationHasEachOncePerEpoch) {
  for (uint64_t count : {1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 1000, 4097}) {
    SampleOrder order(Shuffle::permutation, 7, count);
    for (uint64_t epoch : {0, 1, 5}) {
      std::vector<bool> seen(count);
      for (uint64_t i = 0; i < count; ++i) {
        uint64_t value = order.at(epoch * count + i);
        ASSERT_LT(value, count);
        ASSERT_FALSE(seen[value]) << count;
        seen[value] = true;
      }
    }
  }
}

TEST(Order, PermutationsDiffer) {
  constexpr uint64_t count = 1000;
  auto epochOf = [&](uint64_t seed, uint64_t epoch) {
    SampleOrder order(Shuffle::permutation, seed, count);
    std::vector<uint64_t> values;
    for (uint64_t i = 0; i < count; ++i)
      values.push_back(order.at(epoch * count + i));
    return values;
  };
  std::vector<uint64_t> sorted(count);
  std::iota(sorted.begin(), sorted.end(), uint64_t{0});
  auto sameCount = [](const std::vector<uint64_t> &a, const std::vector<uint64_t> &b) {
    size_t same = 0;
    for (size_t i = 0; i < a.size(); ++i)
      same += a[i] == b[i];
    return same;
  };
  // Random permutations agree in one place on average (the count is Poisson: 12 or more has a
  // chance below 1e-8).
  EXPECT_LT(sameCount(epochOf(1, 0), sorted), 12u);
  EXPECT_LT(sameCount(epochOf(1, 0), epochOf(1, 1)), 12u);
  EXPECT_LT(sameCount(epochOf(1, 0), epochOf(2, 0)), 12u);
  EXPECT_EQ(sameCount(epochOf(1, 0), epochOf(1, 0)), count);
}

TEST(Order, PermutationsAreSpreadEvenly) {
  // Where the first of 12 lands, over 12000 epochs: each place 1000 times, standard deviation
  // sqrt(12000 · 1/12 · 11/12) = 30.3.
  std::vector<int> landed(12);
  SampleOrder order(Shuffle::permutation, 3, 12);
  for (uint64_t epoch = 0; epoch < 12000; ++epoch)
    ++landed[order.at(epoch * 12)];
  for (int times : landed)
    EXPECT_NEAR(times, 1000, 6 * 30.3);
}

TEST(Order, WindowsAreSpreadEvenly) {
  std::vector<int> drawn(10);
  SampleOrder order(Shuffle::windows, 3, 10);
  for (uint64_t i = 0; i < 10000; ++i)
    ++drawn[order.at(i)];
  for (int times : drawn)
    EXPECT_NEAR(times, 1000, 6 * 30); // standard deviation sqrt(10000 · 0.1 · 0.9) = 30
  EXPECT_NE(SampleOrder(Shuffle::windows, 4, 1 << 20).at(0),
            SampleOrder(Shuffle::windows, 3, 1 << 20).at(0));
}

TEST(Order, HugeCountsStayInside) {
  for (uint64_t count : {uint64_t{1} << 32, (uint64_t{1} << 33) + 1, (uint64_t{1} << 62) + 12345})
    for (Shuffle shuffle : {Shuffle::windows, Shuffle::permutation}) {
      SampleOrder order(shuffle, 9, count);
      for (uint64_t i = 0; i < 100; ++i)
        ASSERT_LT(order.at(i), count);
    }
}

TEST(Order, EmbeddingOrderIsAStableSort) {
  std::mt19937 random(11);
  for (int32_t vocabulary : {1, 2, 65, 2048, 2049, 50257, 1 << 23, 0x7FFFFFFF})
    for (size_t count : {0, 1, 2, 100, 4096}) {
      std::vector<int32_t> tokens(count), order(count), expected(count);
      for (int32_t &token : tokens)
        token = static_cast<int32_t>(random() % static_cast<uint32_t>(vocabulary));
      std::iota(expected.begin(), expected.end(), 0);
      std::sort(expected.begin(), expected.end(), [&](int32_t a, int32_t b) {
        return std::pair(tokens[static_cast<size_t>(a)], a) <
               std::pair(tokens[static_cast<size_t>(b)], b);
      });
      embeddingOrder(tokens, order);
      ASSERT_EQ(order, expected) << vocabulary << " " << count;
    }
}

TEST(Order, EmbeddingOrderTakesNegativeNumbersToo) {
  std::vector<int32_t> numbers = {3, -1, INT32_MIN, 0, INT32_MAX, -1, INT32_MIN};
  std::vector<int32_t> order(numbers.size());
  embeddingOrder(numbers, order);
  EXPECT_EQ(order, (std::vector<int32_t>{2, 6, 1, 5, 3, 0, 4}));
}
