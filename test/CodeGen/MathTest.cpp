// Math functions of kernels against float64: errors in units in the last place (ulp), over all
// magnitudes, on both widths of vectors.
//
// The bounds are those that include/gptc/CodeGen/Passes.td states, measured over every 97th float32
// and rounded up; these tests see fewer values and must find less.
#include "KernelTesting.h"

#include <cmath>
#include <cstring>
#include <limits>

using namespace gptc;
using namespace gptc::test;
using reference::Tensor;

static constexpr int64_t count = 1 << 16;
static constexpr double infinity = std::numeric_limits<double>::infinity();

/// All exponents and signs, and values that functions treat apart.
static std::vector<double> makeArguments(uint32_t offset) {
  std::vector<double> values = {
      0,     -0.0,     1,         -1,           0.5,     -0.5,      2,      -2,     3,
      -3,    infinity, -infinity, std::nan(""), 88.72,   88.73,     -87.33, -87.34, -103.9,
      1e-45, -1e-45,   16777217,  3.4e38,       -3.4e38, 1.5707964, 1e30};
  for (double &value : values)
    value = static_cast<float>(value);
  for (uint32_t bits = offset; static_cast<int64_t>(values.size()) < count; bits += 65537)
    values.push_back(llvm::bit_cast<float>(bits));
  return values;
}

/// How far `found` is from `wanted`, in units in the last place of `wanted` as a float32; infinite
/// where one is NaN and the other is not, or one is infinite. Numbers below the smallest normal one
/// have its unit.
static double errorInUlp(double found, double wanted) {
  if (std::isnan(wanted) || std::isnan(found))
    return std::isnan(wanted) == std::isnan(found) ? 0 : infinity;
  float rounded = static_cast<float>(wanted);
  if (std::isinf(rounded) || std::isinf(found)) // one ulp off is as good as the largest number
    return found == rounded || std::fabs(wanted) >= 3.4028234e38 ? 0 : infinity;
  int exponent;
  std::frexp(std::max(std::fabs(wanted), 0x1p-126), &exponent);
  return std::fabs(found - wanted) / std::ldexp(1, exponent - 24);
}

static std::string unaryKernel(const std::string &operation) {
  return kernelText(
      "row", {{"x", "65536xf32"}}, {{"y", "65536xf32"}},
      mapText("y", {{"x", "65536xf32"}}, "65536xf32", "%r = " + operation + " %a0 : f32"));
}

static void checkUnary(const std::string &operation, double (*function)(double), double bound,
                       double flushed = 0) {
  for (const CpuTarget &target : testedTargets()) {
    SCOPED_TRACE(operation + " on " + target.cpu);
    TestKernel kernel(unaryKernel(operation), target);
    for (uint32_t offset : {1u, 0x80000000u / 3, 12345u}) {
      std::vector<double> x = makeArguments(offset);
      Tensor y = kernel.run({Tensor({count}, x)})[0].get();
      double worst = 0, where = 0;
      for (int64_t i = 0; i < count; ++i) {
        double wanted = function(x[i]), found = y.reals()[i];
        if (std::fabs(wanted) < flushed && found == 0)
          continue;
        if (double error = errorInUlp(found, wanted); !(error <= worst))
          worst = error, where = x[i];
      }
      EXPECT_LE(worst, bound) << "at " << where;
    }
  }
}

TEST(Math, Exp) { checkUnary("math.exp", std::exp, 1, 0x1p-126); }
TEST(Math, Log) { checkUnary("math.log", std::log, 0.9); }
TEST(Math, Tanh) { checkUnary("math.tanh", std::tanh, 4.5); }
TEST(Math, Erf) { checkUnary("math.erf", std::erf, 4.5); }
TEST(Math, Sin) { checkUnary("math.sin", std::sin, 0.6); }
TEST(Math, Cos) { checkUnary("math.cos", std::cos, 0.6); }
TEST(Math, Sqrt) { checkUnary("math.sqrt", std::sqrt, 0.501); }
TEST(Math, Rsqrt) {
  checkUnary(
      "math.rsqrt", [](double x) { return 1 / std::sqrt(x); }, 1.5);
}

static std::string binaryKernel(const std::string &operation) {
  return kernelText("row", {{"x", "65536xf32"}, {"y", "65536xf32"}}, {{"z", "65536xf32"}},
                    mapText("z", {{"x", "65536xf32"}, {"y", "65536xf32"}}, "65536xf32",
                            "%r = " + operation + " %a0, %a1 : f32"));
}

/// Pairs of everything with everything special, of everything with small whole numbers, and at
/// random.
static std::pair<std::vector<double>, std::vector<double>> makePairs() {
  std::vector<double> values = makeArguments(99), x, y;
  std::mt19937 generator(7);
  for (int i = 0; i < 25; ++i)
    for (int j = 0; j < 25; ++j)
      x.push_back(values[i]), y.push_back(values[j]);
  while (static_cast<int64_t>(x.size()) < count) {
    double any = values[generator() % values.size()], other = values[generator() % values.size()];
    double small = static_cast<float>(generator() * 0x1p-28 - 8);
    switch (generator() % 4) {
    case 0:
      x.push_back(any), y.push_back(other);
      break;
    case 1:
      x.push_back(any), y.push_back(std::round(small));
      break;
    case 2:
      x.push_back(std::fabs(small)), y.push_back(static_cast<float>(generator() * 0x1p-26 - 32));
      break;
    case 3:
      x.push_back(small), y.push_back(std::round(small * 4));
    }
  }
  return {x, y};
}

static void checkBinary(const std::string &operation, double (*function)(double, double),
                        double bound, bool (*applies)(double, double)) {
  for (const CpuTarget &target : testedTargets()) {
    SCOPED_TRACE(operation + " on " + target.cpu);
    TestKernel kernel(binaryKernel(operation), target);
    auto [x, y] = makePairs();
    Tensor z = kernel.run({Tensor({count}, x), Tensor({count}, y)})[0].get();
    for (int64_t i = 0; i < count; ++i) {
      if (!applies(x[i], y[i]))
        continue;
      double wanted = function(x[i], y[i]), found = z.reals()[i];
      EXPECT_LE(errorInUlp(found, wanted), bound)
          << x[i] << ", " << y[i] << " give " << found << ", not " << wanted;
      if (wanted == 0 && found == 0)
        EXPECT_EQ(std::signbit(found), std::signbit(wanted)) << x[i] << ", " << y[i];
    }
  }
}

TEST(Math, Pow) {
  checkBinary("math.powf", std::pow, 0.51, [](double, double) { return true; });
}

TEST(Math, Remainder) {
  // Exact, as fmod is, up to quotients of 2⁵³.
  checkBinary("arith.remf", std::fmod, 0,
              [](double x, double y) { return !(std::fabs(x / y) >= 0x1p53) || y == 0; });
}

TEST(Math, ExtremaPropagateNan) {
  for (const char *operation : {"arith.maximumf", "arith.minimumf"}) {
    TestKernel kernel(binaryKernel(operation));
    auto [x, y] = makePairs();
    kernel.check({Tensor({count}, x), Tensor({count}, y)}, 0, 0);
  }
}
