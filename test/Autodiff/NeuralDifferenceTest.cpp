// The adjoints of the named operations of neural networks against central differences.
#include "GradientHarness.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

using namespace gptc::test;

static std::string type(const std::string &shape) { return makeRealType(shape); }

TEST(NeuralDifference, Rows) {
  for (const char *shape : {"2x3x5", "4", "3x1"}) {
    std::string rows = std::string(shape).substr(0, std::string(shape).find_last_of('x'));
    if (rows == shape)
      rows = "";
    expectUnary(shape, fmt::format("%y = gpt.softmax %X : {}", type(shape)), shape, -2, 2);
    expectUnary(shape, fmt::format("%y = gpt.logsumexp %X : {} -> {}", type(shape), type(rows)),
                rows, -2, 2);
  }
}

TEST(NeuralDifference, RowsFarFromZero) {
  expectUnary("3x4", "%y = gpt.softmax %X : tensor<3x4xf64>", "3x4", 1000, 1002);
  expectUnary("3x4", "%y = gpt.logsumexp %X : tensor<3x4xf64> -> tensor<3xf64>", "3", -802, -800);
}

TEST(NeuralDifference, SoftmaxBehindAMask) {
  expectUnary("4x4", R"(
  %row = gpt.iota : tensor<4xi32>
  %column = gpt.reshape %row : tensor<4xi32> -> tensor<4x1xi32>
  %masked = gpt.map(%X, %row, %column) : (tensor<4x4xf64>, tensor<4xi32>, tensor<4x1xi32>) -> tensor<4x4xf64> {
  ^bb0(%a: f64, %s: i32, %t: i32):
    %low = arith.constant 0xFFF0000000000000 : f64
    %seen = arith.cmpi sle, %s, %t : i32
    %0 = arith.select %seen, %a, %low : f64
    gpt.yield %0 : f64
  }
  %y = gpt.softmax %masked : tensor<4x4xf64>)",
              "4x4");
}

namespace {
/// Layer norm of %X with what `parts` names, and the function of its results that `use` makes.
void expectLayerNorm(const std::string &shape, bool weight, bool bias, double epsilon,
                     const std::string &use, const std::string &result) {
  size_t last = shape.find_last_of('x');
  std::string row = last == std::string::npos ? shape : shape.substr(last + 1);
  std::string rows = last == std::string::npos ? "" : shape.substr(0, last);
  std::string declarations = declare("X", shape, -1, 1), body = read("X", shape);
  if (weight)
    declarations += declare("W", row, 0.5, 1.5), body += read("W", row);
  if (bias)
    declarations += declare("B", row, -1, 1), body += read("B", row);
  body +=
      fmt::format("%n, %mean, %rstd = gpt.layer_norm %X {}{}epsilon {:.17e} : {} -> {}, {}, {}\n{}",
                  weight ? fmt::format("weight %W : {} ", type(row)) : "",
                  bias ? fmt::format("bias %B : {} ", type(row)) : "", epsilon, type(shape),
                  type(shape), type(rows), type(rows), use);
  expectGradientsOfDifferences(makeTrain(declarations, body, result));
}
} // namespace

TEST(NeuralDifference, LayerNorm) {
  for (bool weight : {true, false})
    for (bool bias : {true, false})
      for (const char *shape : {"2x3x7", "5", "1x4"})
        expectLayerNorm(shape, weight, bias, 1e-5,
                        fmt::format("%y = gpt.reshape %n : {0} -> {0}", type(shape)), shape);
  expectLayerNorm("3x5", true, true, 0.5,
                  "%y = gpt.reshape %n : tensor<3x5xf64> -> tensor<3x5xf64>", "3x5");
  // One column: the result is the bias.
  expectLayerNorm("3x1", true, true, 1e-2,
                  "%y = gpt.reshape %n : tensor<3x1xf64> -> tensor<3x1xf64>", "3x1");
}

TEST(NeuralDifference, LayerNormStatistics) {
  auto product = [](const char *a, const char *b, const char *typeB) {
    return fmt::format(R"(
  %c = gpt.reshape {1} : tensor<3xf64> -> {2}
  %y = gpt.map({0}, %c) : (tensor<3x4xf64>, {2}) -> tensor<3x4xf64> {{
  ^bb0(%p: f64, %q: f64):
    %pq = arith.mulf %p, %q : f64
    gpt.yield %pq : f64
  }})",
                       a, b, typeB);
  };
  for (bool weight : {true, false}) {
    expectLayerNorm("3x4", weight, true, 1e-2, product("%n", "%mean", "tensor<3x1xf64>"), "3x4");
    expectLayerNorm("3x4", weight, false, 1e-2, product("%n", "%rstd", "tensor<3x1xf64>"), "3x4");
    expectLayerNorm("3x4", weight, true, 1e-2, product("%X", "%rstd", "tensor<3x1xf64>"), "3x4");
  }
  expectLayerNorm("3x4", false, false, 1e-2, R"(
  %y = gpt.map(%mean, %rstd) : (tensor<3xf64>, tensor<3xf64>) -> tensor<3xf64> {
  ^bb0(%p: f64, %q: f64):
    %pq = arith.mulf %p, %q : f64
    gpt.yield %pq : f64
  })",
                  "3");
}

TEST(NeuralDifference, CrossEntropy) {
  auto expect = [](const char *shape, const char *rows, const char *targets, const char *use,
                   const char *result) {
    std::string indices = *rows ? fmt::format("tensor<{}xi32>", rows) : "tensor<i32>";
    std::string declarations =
        fmt::format("gpt.variable @t input {{test.values = dense<{0}> : {1}}} : {1}\n", targets,
                    indices) +
        declare("X", shape, -2, 2);
    std::string body =
        fmt::format("%t = gpt.read @t : {}\n", indices) + read("X", shape) +
        fmt::format(
            "%loss, %terms, %lse = gpt.cross_entropy %X, %t : {}, {} -> tensor<f64>, {}, {}\n",
            type(shape), indices, type(rows), type(rows)) +
        use;
    expectGradientsOfDifferences(makeTrain(declarations, body, result));
  };
  const char *loss = "%y = gpt.reshape %loss : tensor<f64> -> tensor<f64>";
  expect("2x3x5", "2x3", "[[0, 4, 2], [2, 2, 1]]", loss, "");
  expect("2x3x5", "2x3", "[[0, -1, 2], [-100, 2, -1]]", loss, "");
  expect("5", "", "3", loss, "");
  expect("1x1", "1", "0", loss, "");
  const char *terms = "%y = gpt.reshape %terms : tensor<2x3xf64> -> tensor<2x3xf64>";
  expect("2x3x5", "2x3", "[[0, -1, 2], [-100, 2, -1]]", terms, "2x3");
  const char *lse = "%y = gpt.reshape %lse : tensor<2x3xf64> -> tensor<2x3xf64>";
  expect("2x3x5", "2x3", "[[0, -1, 2], [-100, 2, -1]]", lse, "2x3");
  expect("2x3x5", "2x3", "[[0, -1, 2], [-100, 2, -1]]", R"(
  %y = gpt.map(%terms, %lse, %loss) : (tensor<2x3xf64>, tensor<2x3xf64>, tensor<f64>) -> tensor<2x3xf64> {
  ^bb0(%p: f64, %q: f64, %r: f64):
    %0 = arith.mulf %p, %q : f64
    %1 = arith.addf %0, %p : f64
    %2 = arith.mulf %1, %r : f64
    gpt.yield %2 : f64
  })",
         "2x3");
}

TEST(NeuralDifference, Attention) {
  auto expect = [](const char *q, const char *k, const char *v, const char *flags, const char *y) {
    expectGradientsOfDifferences(
        makeTrain(declare("Q", q, -1, 1) + declare("K", k, -1, 1) + declare("V", v, -1, 1),
                  read("Q", q) + read("K", k) + read("V", v) +
                      fmt::format("%y = gpt.attention %Q, %K, %V {} scale 0.7 : {}, {}, {} -> {}",
                                  flags, type(q), type(k), type(v), type(y)),
                  y));
  };
  expect("2x2x3x2", "2x2x3x2", "2x2x3x2", "causal", "2x2x3x2");
  expect("1x2x3x2", "1x2x4x2", "1x2x4x3", "", "1x2x3x3");
  expect("1x4x3x2", "1x2x3x2", "1x2x3x2", "causal", "1x4x3x2");
  expect("1x3x3x2", "1x1x3x2", "1x1x3x2", "", "1x3x3x2");
  expect("1x1x5x2", "1x1x5x2", "1x1x5x2", "causal window 2", "1x1x5x2");
  expect("1x1x1x1", "1x1x1x1", "1x1x1x1", "causal", "1x1x1x1");
}

namespace {
/// Attention of %Q, %K and %V, and the function of its results, %o and %l, that `use` makes.
void expectFlashAttention(const std::string &q, const std::string &k, const std::string &v,
                          const std::string &o, const char *causal, const std::string &use,
                          const std::string &result) {
  std::string rows = o.substr(0, o.find_last_of('x'));
  std::string body =
      read("Q", q) + read("K", k) + read("V", v) +
      fmt::format("%o, %l = gpt.flash_attention %Q, %K, %V {}scale 0.8 : {}, {}, {} -> {}, {}\n{}",
                  causal, type(q), type(k), type(v), type(o), type(rows), use);
  expectGradientsOfDifferences(makeTrain(
      declare("Q", q, -1, 1) + declare("K", k, -1, 1) + declare("V", v, -1, 1), body, result));
}
} // namespace

TEST(NeuralDifference, FlashAttention) {
  std::string use = "%y = gpt.reshape %o : tensor<2x4x3x2xf64> -> tensor<2x4x3x2xf64>";
  for (const char *causal : {"", "causal "}) {
    expectFlashAttention("2x4x3x5", "2x2x3x5", "2x2x3x2", "2x4x3x2", causal, use, "2x4x3x2");
    expectFlashAttention("2x4x3x5", "2x4x3x5", "2x4x3x2", "2x4x3x2", causal, use, "2x4x3x2");
    expectFlashAttention("2x4x3x5", "2x1x3x5", "2x1x3x2", "2x4x3x2", causal, use, "2x4x3x2");
  }
  expectFlashAttention("2x4x3x5", "2x4x7x5", "2x4x7x2", "2x4x3x2", "", use, "2x4x3x2");
  expectFlashAttention("1x1x1x1", "1x1x1x1", "1x1x1x1", "1x1x1x1", "causal ",
                       "%y = gpt.reshape %o : tensor<1x1x1x1xf64> -> tensor<1x1x1x1xf64>",
                       "1x1x1x1");
}

// The log-sum-exp has an adjoint of its own, alone and together with the result's.
TEST(NeuralDifference, FlashAttentionLogSumExp) {
  for (const char *causal : {"", "causal "}) {
    expectFlashAttention("2x4x3x5", "2x2x3x5", "2x2x3x2", "2x4x3x2", causal,
                         "%y = gpt.reshape %l : tensor<2x4x3xf64> -> tensor<2x4x3xf64>", "2x4x3");
    expectFlashAttention("2x4x3x5", "2x2x3x5", "2x2x3x2", "2x4x3x2", causal, R"(
  %c = gpt.reshape %l : tensor<2x4x3xf64> -> tensor<2x4x3x1xf64>
  %y = gpt.map(%o, %c) : (tensor<2x4x3x2xf64>, tensor<2x4x3x1xf64>) -> tensor<2x4x3x2xf64> {
  ^bb0(%a: f64, %b: f64):
    %0 = arith.mulf %a, %b : f64
    gpt.yield %0 : f64
  })",
                         "2x4x3x2");
  }
}
