// Every scalar derivative rule against central differences, alone and inside of user-written
// functions.
#include "GradientHarness.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

using namespace gptc::test;

namespace {
/// A scalar expression of %a, with values of %a in [low, high).
struct Unary {
  const char *name, *op;
  double low, high;
  friend void PrintTo(const Unary &self, std::ostream *out) { *out << self.op; }
};

/// One of %a and %b.
struct Binary {
  const char *name, *op;
  double lowA, highA, lowB, highB;
  friend void PrintTo(const Binary &self, std::ostream *out) { *out << self.op; }
};

// Ranges stay away from kinks and poles by more than the differences reach.
const Unary unaryOps[] = {
    {"negf", "arith.negf %a", -1, 1},
    {"exp", "math.exp %a", -2, 1},
    {"exp2", "math.exp2 %a", -2, 1},
    {"expm1", "math.expm1 %a", -1, 1},
    {"log", "math.log %a", 0.5, 3},
    {"log2", "math.log2 %a", 0.5, 3},
    {"log10", "math.log10 %a", 0.5, 3},
    {"log1p", "math.log1p %a", -0.4, 2},
    {"sqrt", "math.sqrt %a", 0.5, 3},
    {"rsqrt", "math.rsqrt %a", 0.5, 3},
    {"cbrt", "math.cbrt %a", 0.5, 3},
    {"absPositive", "math.absf %a", 0.1, 2},
    {"absNegative", "math.absf %a", -2, -0.1},
    {"sin", "math.sin %a", -3, 3},
    {"cos", "math.cos %a", -3, 3},
    {"tan", "math.tan %a", -1, 1},
    {"asin", "math.asin %a", -0.7, 0.7},
    {"acos", "math.acos %a", -0.7, 0.7},
    {"atan", "math.atan %a", -2, 2},
    {"sinh", "math.sinh %a", -2, 2},
    {"cosh", "math.cosh %a", -2, 2},
    {"tanh", "math.tanh %a", -2, 2},
    {"asinh", "math.asinh %a", -2, 2},
    {"acosh", "math.acosh %a", 1.5, 3},
    {"atanh", "math.atanh %a", -0.7, 0.7},
    {"erf", "math.erf %a", -2, 2},
    {"erfc", "math.erfc %a", -2, 2},
};

const Binary binaryOps[] = {
    {"addf", "arith.addf %a, %b", -1, 1, -1, 1},
    {"subf", "arith.subf %a, %b", -1, 1, -1, 1},
    {"mulf", "arith.mulf %a, %b", -1, 1, -1, 1},
    {"divf", "arith.divf %a, %b", -1, 1, 0.5, 2},
    {"remf", "arith.remf %a, %b", 2.1, 2.9, 0.9, 1},
    {"remfNegative", "arith.remf %a, %b", -2.9, -2.1, 0.9, 1},
    {"maximumFirst", "arith.maximumf %a, %b", 1.1, 2, 0, 1},
    {"maximumSecond", "arith.maximumf %a, %b", 0, 1, 1.1, 2},
    {"maxnumFirst", "arith.maxnumf %a, %b", 1.1, 2, 0, 1},
    {"minimumFirst", "arith.minimumf %a, %b", 0, 1, 1.1, 2},
    {"minimumSecond", "arith.minimumf %a, %b", 1.1, 2, 0, 1},
    {"minnumFirst", "arith.minnumf %a, %b", 0, 1, 1.1, 2},
    {"powf", "math.powf %a, %b", 0.3, 2, -2, 2},
    {"atan2", "math.atan2 %a, %b", -1, 1, 0.5, 2},
    {"copysignSame", "math.copysign %a, %b", 0.5, 2, 0.5, 2},
    {"copysignOther", "math.copysign %a, %b", 0.5, 2, -2, -0.5},
    {"fma", "math.fma %a, %b, %a", -1, 1, -1, 1},
};

class UnaryTest : public testing::TestWithParam<Unary> {};
class BinaryTest : public testing::TestWithParam<Binary> {};
template <typename Case> std::string getName(const testing::TestParamInfo<Case> &info) {
  return info.param.name;
}
} // namespace

TEST_P(UnaryTest, Alone) {
  // The result is yielded, so a rule that wants it gets the saved one.
  auto [name, op, low, high] = GetParam();
  std::string body = read("A", "5") + makeMap(fmt::format("%r = {} : f64", op), false);
  expectGradientsOfDifferences(makeTrain(declare("A", "5", low, high), body, "5"));
}

TEST_P(UnaryTest, Inside) {
  // The result is not yielded: it is computed again. Each operation on the way is used twice.
  auto [name, op, low, high] = GetParam();
  std::string lines =
      fmt::format("%0 = {} : f64\n%1 = math.sin %0 : f64\n%2 = arith.mulf %1, %0 : f64\n"
                  "%r = arith.addf %2, %a : f64",
                  op);
  expectGradientsOfDifferences(
      makeTrain(declare("A", "5", low, high), read("A", "5") + makeMap(lines, false), "5"));
}

TEST_P(BinaryTest, Both) {
  auto [name, op, lowA, highA, lowB, highB] = GetParam();
  std::string body =
      read("A", "5") + read("B", "5") + makeMap(fmt::format("%r = {} : f64", op), true);
  expectGradientsOfDifferences(
      makeTrain(declare("A", "5", lowA, highA) + declare("B", "5", lowB, highB), body, "5"));
}

TEST_P(BinaryTest, OneAtATime) {
  auto [name, op, lowA, highA, lowB, highB] = GetParam();
  std::string lines = fmt::format("%0 = {} : f64\n%r = math.sin %0 : f64", op);
  for (bool first : {true, false}) {
    std::string fixed = fmt::format("%{0}_read = gpt.read @{0} : tensor<5xf64>\n"
                                    "%{0} = gpt.detach %{0}_read : tensor<5xf64>\n",
                                    first ? "B" : "A");
    std::string body = read(first ? "A" : "B", "5") + fixed + makeMap(lines, true);
    // What is detached still moves the loss: its gradient is 0 all the same.
    auto declareFixed = [&](const char *variable, double low, double high, bool isFixed) {
      std::string text = declare(variable, "5", low, high);
      if (isFixed)
        text.insert(text.rfind(" : "), " {test.gradient = dense<0.0> : tensor<5xf64>}");
      return text;
    };
    expectGradientsOfDifferences(makeTrain(
        declareFixed("A", lowA, highA, !first) + declareFixed("B", lowB, highB, first), body, "5"));
  }
}

INSTANTIATE_TEST_SUITE_P(Rules, UnaryTest, testing::ValuesIn(unaryOps), getName<Unary>);
INSTANTIATE_TEST_SUITE_P(Rules, BinaryTest, testing::ValuesIn(binaryOps), getName<Binary>);

namespace {
/// The gradient of Σ weights · f(a) with f as `lines`, at values of %a in [low, high).
void expectFunction(const std::string &lines, double low, double high) {
  expectGradientsOfDifferences(
      makeTrain(declare("A", "5", low, high), read("A", "5") + makeMap(lines, false), "5"));
}
} // namespace

TEST(ScalarDifference, ConstantPowers) {
  for (double exponent : {-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0})
    expectFunction(
        fmt::format("%n = arith.constant {:.1f} : f64\n%r = math.powf %a, %n : f64", exponent), 0.5,
        2);
  expectFunction("%n = arith.constant 2.0 : f64\n%r = math.powf %a, %n : f64", -1, 1);
  expectFunction("%n = arith.constant 3.0 : f64\n%r = math.powf %a, %n : f64", -1, 1);
}

TEST(ScalarDifference, IntegerPowers) {
  for (int exponent : {-3, -1, 0, 1, 2, 3, 6})
    expectFunction(
        fmt::format("%n = arith.constant {} : i32\n%r = math.fpowi %a, %n : f64, i32", exponent),
        0.5, 2);
  expectGradientsOfDifferences(makeTrain(
      declare("A", "5", 0.5, 2) + "gpt.variable @n input {test.values = dense<[-2, 0, 1, 2, 3]> : "
                                  "tensor<5xi32>} : tensor<5xi32>",
      read("A", "5") + R"(
  %n = gpt.read @n : tensor<5xi32>
  %y = gpt.map(%A, %n) : (tensor<5xf64>, tensor<5xi32>) -> tensor<5xf64> {
  ^bb0(%x: f64, %k: i32):
    %r = math.fpowi %x, %k : f64, i32
    gpt.yield %r : f64
  })",
      "5"));
}

TEST(ScalarDifference, PowersOfTensors) {
  // The base to the power of itself, and a constant to the power of it.
  expectFunction("%r = math.powf %a, %a : f64", 0.5, 2);
  expectFunction("%two = arith.constant 2.0 : f64\n%r = math.powf %two, %a : f64", -1, 1);
}

TEST(ScalarDifference, Select) {
  expectFunction(R"(
    %zero = arith.constant 0.0 : f64
    %c = arith.cmpf ogt, %a, %zero : f64
    %0 = math.sin %a : f64
    %1 = math.exp %a : f64
    %r = arith.select %c, %0, %1 : f64)",
                 -1, 1);
}

TEST(ScalarDifference, ComparisonsRoundingAndIndicesAreConstant) {
  // (a > 0.5 as a number) · a + floor(a) · a + (7 as a number) · a
  expectFunction(R"(
    %half = arith.constant 0.5 : f64
    %seven = arith.constant 7 : i32
    %c = arith.cmpf ogt, %a, %half : f64
    %n = arith.uitofp %c : i1 to f64
    %0 = arith.mulf %n, %a : f64
    %f = math.floor %a : f64
    %1 = arith.mulf %f, %a : f64
    %k = arith.sitofp %seven : i32 to f64
    %2 = arith.mulf %k, %a : f64
    %3 = arith.addf %0, %1 : f64
    %r = arith.addf %2, %3 : f64)",
                 1.1, 1.9);
}

TEST(ScalarDifference, Widths) {
  // Rounding to float and back is not smooth: the function is linear, so a difference of any step
  // is exact on values that both have.
  const char *declarations =
      "gpt.variable @a parameter init(<constant, 0.0, 0.0>) {test.values = dense<[1.0, -0.5]> : "
      "tensor<2xf64>, test.gradient = dense<[3.0, 3.0]> : tensor<2xf64>} : tensor<2xf64>\n";
  expectGradientsOfDifferences(std::string(declarations) + R"(
func.func @train() -> tensor<f64> {
  %a = gpt.read @a : tensor<2xf64>
  %y = gpt.map(%a) : (tensor<2xf64>) -> tensor<2xf64> {
  ^bb0(%x: f64):
    %three = arith.constant 3.0 : f32
    %0 = arith.truncf %x : f64 to f32
    %1 = arith.mulf %0, %three : f32
    %2 = arith.extf %1 : f32 to f64
    gpt.yield %2 : f64
  }
  %loss = gpt.reduce sum %y [0] : tensor<2xf64> -> tensor<f64>
  return %loss : tensor<f64>
})");
}

TEST(ScalarDifference, UserFunctions) {
  // gelu by tanh
  expectFunction(R"(
    %c0 = arith.constant 0.044715 : f64
    %c1 = arith.constant 0.79788456080286541 : f64
    %half = arith.constant 0.5 : f64
    %one = arith.constant 1.0 : f64
    %three = arith.constant 3.0 : f64
    %0 = math.powf %a, %three : f64
    %1 = arith.mulf %c0, %0 : f64
    %2 = arith.addf %a, %1 : f64
    %3 = arith.mulf %c1, %2 : f64
    %4 = math.tanh %3 : f64
    %5 = arith.addf %one, %4 : f64
    %6 = arith.mulf %half, %a : f64
    %r = arith.mulf %6, %5 : f64)",
                 -3, 3);
  // softcap: 15 tanh(a / 15)
  expectFunction(R"(
    %limit = arith.constant 15.0 : f64
    %0 = arith.divf %a, %limit : f64
    %1 = math.tanh %0 : f64
    %r = arith.mulf %limit, %1 : f64)",
                 -20, 20);
  // relu², away from its kink
  const char *square = R"(
    %zero = arith.constant 0.0 : f64
    %two = arith.constant 2.0 : f64
    %0 = arith.maximumf %a, %zero : f64
    %r = math.powf %0, %two : f64)";
  expectFunction(square, 0.1, 2);
  expectFunction(square, -2, -0.1);
  // softplus: max(a, 0) + log(1 + exp(−|a|))
  const char *softplus = R"(
    %zero = arith.constant 0.0 : f64
    %0 = arith.maximumf %a, %zero : f64
    %1 = math.absf %a : f64
    %2 = arith.negf %1 : f64
    %3 = math.exp %2 : f64
    %4 = math.log1p %3 : f64
    %r = arith.addf %0, %4 : f64)";
  expectFunction(softplus, 0.1, 4);
  expectFunction(softplus, -4, -0.1);
}

TEST(ScalarDifference, Logistic) {
  const char *logistic = R"(
    %one = arith.constant 1.0 : f64
    %0 = arith.negf %a : f64
    %1 = math.exp %0 : f64
    %2 = arith.addf %1, %one : f64
    %r = arith.divf %one, %2 : f64)";
  expectFunction(logistic, -4, 4);
  // The exponential and the sum are used elsewhere too, and the argument is not a negation.
  expectFunction(R"(
    %one = arith.constant 1.0 : f64
    %two = arith.constant 2.0 : f64
    %0 = arith.mulf %a, %two : f64
    %1 = math.exp %0 : f64
    %2 = arith.addf %one, %1 : f64
    %3 = arith.divf %one, %2 : f64
    %4 = arith.mulf %3, %1 : f64
    %r = arith.addf %4, %2 : f64)",
                 -1, 1);
}

TEST(ScalarDifference, Swiglu) {
  expectGradientsOfDifferences(makeTrain(declare("A", "5", -3, 3) + declare("B", "5", -2, 2),
                                         read("A", "5") + read("B", "5") +
                                             makeMap(R"(
    %one = arith.constant 1.0 : f64
    %0 = arith.negf %a : f64
    %1 = math.exp %0 : f64
    %2 = arith.addf %one, %1 : f64
    %3 = arith.divf %one, %2 : f64
    %4 = arith.mulf %a, %3 : f64
    %r = arith.mulf %4, %b : f64)",
                                                     true),
                                         "5"));
}
