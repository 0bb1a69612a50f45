// Scalar derivatives where differences say nothing: at kinks, ties and poles, by convention.
#include "GradientHarness.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

using namespace gptc::test;

TEST(ScalarKink, NoNumberWhereExpOverflows) {
  // σ(−1000) = 0 with slope 0, although exp(1000) is infinite in float64.
  expectGradientsOfDifferences(R"(
gpt.variable @a parameter init(<constant, -1000.0, 0.0>) {test.gradient = dense<0.0> : tensor<f64>} : tensor<f64>
func.func @train() -> tensor<f64> {
  %a = gpt.read @a : tensor<f64>
  %y = gpt.map(%a) : (tensor<f64>) -> tensor<f64> {
  ^bb0(%x: f64):
    %one = arith.constant 1.0 : f64
    %0 = arith.negf %x : f64
    %1 = math.exp %0 : f64
    %2 = arith.addf %one, %1 : f64
    %3 = arith.divf %one, %2 : f64
    gpt.yield %3 : f64
  }
  return %y : tensor<f64>
})");
}

namespace {
/// The gradient of Σ f(a) at given values of %a, which is known.
void expectAt(const std::string &lines, const std::string &values, const std::string &gradient) {
  std::string variable = fmt::format(
      "gpt.variable @A parameter init(<constant, 0.0, 0.0>) {{test.values = dense<{}> : "
      "tensor<5xf64>, test.gradient = dense<{}> : tensor<5xf64>}} : tensor<5xf64>\n",
      values, gradient);
  expectGradientsOfDifferences(variable + "func.func @train() -> tensor<f64> {\n" + read("A", "5") +
                               makeMap(lines, false) +
                               "%loss = gpt.reduce sum %y [0] : tensor<5xf64> -> tensor<f64>\n"
                               "return %loss : tensor<f64>\n}");
}
} // namespace

TEST(ScalarKink, Kinks) {
  const char *zero = "%zero = arith.constant 0.0 : f64\n";
  const std::string at = "[-2.0, -0.0, 0.0, 1.0, 3.0]";
  for (const char *op : {"arith.maximumf %a, %zero", "arith.maximumf %zero, %a",
                         "arith.maxnumf %a, %zero", "arith.maxnumf %zero, %a"})
    expectAt(fmt::format("{}%r = {} : f64", zero, op), at, "[0.0, 0.0, 0.0, 1.0, 1.0]");
  for (const char *op : {"arith.minimumf %a, %zero", "arith.minimumf %zero, %a"})
    expectAt(fmt::format("{}%r = {} : f64", zero, op), at, "[1.0, 0.0, 0.0, 0.0, 0.0]");
  expectAt("%r = math.absf %a : f64", at, "[-1.0, 0.0, 0.0, 1.0, 1.0]");
  // relu written with where has the same slope at 0, and the maximum need not be yielded.
  expectAt(
      fmt::format("{}%c = arith.cmpf ogt, %a, %zero : f64\n%r = arith.select %c, %a, %zero : f64",
                  zero),
      at, "[0.0, 0.0, 0.0, 1.0, 1.0]");
  expectAt(fmt::format("{}%0 = arith.maximumf %a, %zero : f64\n%r = arith.addf %0, %0 : f64", zero),
           at, "[0.0, 0.0, 0.0, 2.0, 2.0]");
}

TEST(ScalarKink, TiesGoToTheSecondOperand) {
  for (const char *op : {"maximumf", "minimumf"})
    expectGradientsOfDifferences(fmt::format(R"(
gpt.variable @a parameter init(<constant, 2.0, 0.0>) {{test.gradient = dense<0.0> : tensor<f64>}} : tensor<f64>
gpt.variable @b parameter init(<constant, 2.0, 0.0>) {{test.gradient = dense<1.0> : tensor<f64>}} : tensor<f64>
func.func @train() -> tensor<f64> {{
  %a = gpt.read @a : tensor<f64>
  %b = gpt.read @b : tensor<f64>
  %y = gpt.map(%a, %b) : (tensor<f64>, tensor<f64>) -> tensor<f64> {{
  ^bb0(%s: f64, %t: f64):
    %0 = arith.{} %s, %t : f64
    gpt.yield %0 : f64
  }}
  return %y : tensor<f64>
}})",
                                             op));
}

TEST(ScalarKink, PowersAtZero) {
  const std::string at = "[0.0, 0.0, 0.0, 1.0, 2.0]";
  expectAt("%n = arith.constant 2.0 : f64\n%r = math.powf %a, %n : f64", at,
           "[0.0, 0.0, 0.0, 2.0, 4.0]");
  expectAt("%n = arith.constant 1.0 : f64\n%r = math.powf %a, %n : f64", at,
           "[1.0, 1.0, 1.0, 1.0, 1.0]");
  expectAt("%n = arith.constant 0.0 : f64\n%r = math.powf %a, %n : f64", at,
           "[0.0, 0.0, 0.0, 0.0, 0.0]");
  // 0^b with b ≥ 0 is not moved by b; x^0 is not moved by x.
  expectGradientsOfDifferences(R"(
gpt.variable @a parameter init(<constant, 0.0, 0.0>) {test.gradient = dense<0.0> : tensor<f64>} : tensor<f64>
gpt.variable @b parameter init(<constant, 0.0, 0.0>) {test.gradient = dense<0.0> : tensor<f64>} : tensor<f64>
func.func @train() -> tensor<f64> {
  %a = gpt.read @a : tensor<f64>
  %b = gpt.read @b : tensor<f64>
  %y = gpt.map(%a, %b) : (tensor<f64>, tensor<f64>) -> tensor<f64> {
  ^bb0(%s: f64, %t: f64):
    %0 = math.powf %s, %t : f64
    gpt.yield %0 : f64
  }
  return %y : tensor<f64>
})");
}
