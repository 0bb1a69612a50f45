// Initial values: fixed by seed, path and index; independent of threads and layout; of the right
// distribution.
#include "runtime/base/Initialize.h"

#include "runtime/base/Parallel.h"
#include "test/Runtime/TestFiles.h"

#include <cmath>
#include <cstring>
#include <limits>

using namespace gptc::runtime;
using namespace gptc::runtime::test;

namespace {

std::vector<float> dense(int64_t rows, int64_t columns, Initializer initializer, uint64_t seed = 1,
                         std::string_view path = "w") {
  std::vector<float> values(static_cast<size_t>(rows * columns));
  Status status = initialize({values.data(), rows, columns, columns}, initializer, seed, path);
  EXPECT_TRUE(status.ok()) << status.message();
  return values;
}

bool sameBits(const std::vector<float> &a, const std::vector<float> &b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

} // namespace

// Worked out by a separate program in whole-number and double arithmetic. A change here changes
// every run's start.
TEST(Initialize, KnownValues) {
  std::vector<float> normal =
      dense(2, 3, Initializer::normal(0.02), 1337, "transformer.wte.weight");
  // One rounding to float, and a few units in the last place of double from the library's log and
  // cosine: together within one float ulp.
  const double expected[] = {-0.013642633333802223, 0.01900087110698223,  0.01672707125544548,
                             -0.01010778546333313,  0.014518632553517818, 0.012215966358780861};
  for (size_t i = 0; i < normal.size(); ++i)
    EXPECT_NEAR(normal[i], expected[i], std::abs(expected[i]) * 0x1p-23) << i;
  EXPECT_EQ(dense(1, 5, Initializer::uniform(-1, 1), 7, "layer_1.weight"),
            (std::vector<float>{0.40845251083374023f, -0.32375258207321167f, 0.8979448080062866f,
                                0.49465665221214294f, 0.0940607488155365f}));
}

TEST(Initialize, ConstantsFillEverything) {
  EXPECT_EQ(dense(2, 2, Initializer::zeros()), std::vector<float>(4, 0.0f));
  EXPECT_EQ(dense(2, 2, Initializer::ones()), std::vector<float>(4, 1.0f));
  EXPECT_EQ(dense(2, 2, Initializer::constant(-2.5)), std::vector<float>(4, -2.5f));
}

TEST(Initialize, DoesNotDependOnPaddingOrShape) {
  constexpr int64_t rows = 37, columns = 53, stride = 64;
  constexpr float untouched = -77;
  for (Initializer initializer : {Initializer::normal(1), Initializer::uniform(0, 1),
                                  Initializer::constant(3), Initializer::zeros()}) {
    std::vector<float> expected = dense(rows, columns, initializer);
    EXPECT_TRUE(sameBits(expected, dense(1, rows * columns, initializer)));
    std::vector<float> padded(rows * stride, untouched);
    ASSERT_SUCCESS(initialize({padded.data(), rows, columns, stride}, initializer, 1, "w"));
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t column = 0; column < stride; ++column)
        ASSERT_EQ(padded[static_cast<size_t>(row * stride + column)],
                  column < columns ? expected[static_cast<size_t>(row * columns + column)]
                                   : untouched);
  }
}

TEST(Initialize, DoesNotDependOnThreads) {
  std::vector<std::vector<float>> results;
  for (int threads : {1, 2, 3, 7}) {
    setThreadCount(threads);
    results.push_back(dense(101, 1003, Initializer::normal(0.5)));
  }
  setThreadCount(0);
  for (const auto &result : results)
    EXPECT_TRUE(sameBits(result, results[0]));
}

TEST(Initialize, DependsOnSeedAndPath) {
  std::vector<float> first = dense(1, 64, Initializer::normal(1), 1, "a");
  EXPECT_FALSE(sameBits(first, dense(1, 64, Initializer::normal(1), 2, "a")));
  EXPECT_FALSE(sameBits(first, dense(1, 64, Initializer::normal(1), 1, "b")));
}

// For n independent standard normal values: the mean has standard deviation 1/sqrt(n), the mean
// square sqrt(2/n), a fraction p sqrt(p (1 - p) / n), a correlation 1/sqrt(n). Bounds are six of
// each.
TEST(Initialize, NormalHasTheRightMoments) {
  constexpr int64_t n = 1 << 20;
  std::vector<float> values = dense(1, n, Initializer::normal(0.02));
  double mean = 0, square = 0, neighbours = 0;
  int64_t inside = 0, far = 0;
  for (int64_t i = 0; i < n; ++i) {
    double x = values[static_cast<size_t>(i)] / 0.02;
    mean += x / n;
    square += x * x / n;
    inside += std::abs(x) < 1;
    far += std::abs(x) > 3;
    if (i > 0)
      neighbours += x * (values[static_cast<size_t>(i - 1)] / 0.02) / n;
  }
  double unit = 6 / std::sqrt(double{n});
  EXPECT_NEAR(mean, 0, unit);
  EXPECT_NEAR(square, 1, unit * std::sqrt(2.0));
  EXPECT_NEAR(neighbours, 0, unit);
  EXPECT_NEAR(double(inside) / n, std::erf(1 / std::sqrt(2.0)), unit * 0.466);
  EXPECT_NEAR(double(far) / n, std::erfc(3 / std::sqrt(2.0)), unit * 0.052);
}

TEST(Initialize, UniformStaysWithinItsBounds) {
  std::vector<float> values = dense(1, 1 << 18, Initializer::uniform(-0.25, 0.75));
  double mean = 0;
  for (float value : values) {
    ASSERT_GE(value, -0.25f);
    ASSERT_LT(value, 0.75f);
    mean += value / static_cast<double>(values.size());
  }
  EXPECT_NEAR(mean, 0.25, 6 * std::sqrt(1.0 / 12) / 512); // six standard deviations of the mean
  // Neighbouring floats: everything that is drawn would round to `high` or `low`; `high` must not
  // come.
  for (float value : dense(1, 4096, Initializer::uniform(1, std::nextafter(1.0f, 2.0f))))
    ASSERT_EQ(value, 1.0f);
  for (float value : dense(1, 16, Initializer::uniform(2, 2)))
    ASSERT_EQ(value, 2.0f);
}

TEST(Initialize, RefusesNonsense) {
  float value = 0;
  RowStridedMatrix one{&value, 1, 1, 1};
  double infinity = std::numeric_limits<double>::infinity();
  expectFailure(initialize(one, Initializer::normal(-1), 0, "wte"), Code::invalidArgument,
                {"wte", "negative", "-1"});
  expectFailure(initialize(one, Initializer::normal(std::nan("")), 0, "wte"), Code::invalidArgument,
                {"wte", "finite"});
  expectFailure(initialize(one, Initializer::constant(1e300), 0, "wte"), Code::invalidArgument,
                {"wte", "1e+300"});
  expectFailure(initialize(one, Initializer::uniform(0, infinity), 0, "wte"), Code::invalidArgument,
                {"wte", "inf"});
  expectFailure(initialize(one, Initializer::uniform(1, 0), 0, "wte"), Code::invalidArgument,
                {"low <= high"});
  expectFailure(initialize({&value, 1, 2, 1}, Initializer::zeros(), 0, "wte"),
                Code::invalidArgument, {"row stride 1"});
  expectFailure(initialize({nullptr, 1, 1, 1}, Initializer::zeros(), 0, "wte"),
                Code::invalidArgument, {"wte"});
  EXPECT_TRUE(initialize({nullptr, 0, 5, 5}, Initializer::normal(1), 0, "wte").ok());
}
