// The adjoint of every tensor operation against central differences.
#include "GradientHarness.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

using namespace gptc::test;

static std::string type(const std::string &shape) { return makeRealType(shape); }

/// Checks `op`, which makes %y from the parameters %X and %Y: both at once, and each alone.
static void expectBinary(const std::string &shapeX, const std::string &shapeY,
                         const std::string &op, const std::string &result) {
  std::string declarations = declare("X", shapeX, -1, 1) + declare("Y", shapeY, -1, 1);
  std::string body = read("X", shapeX) + read("Y", shapeY) + op;
  expectGradientsOfDifferences(makeTrain(declarations, body, result));
  for (const char *input : {"X", "Y"}) {
    std::string one = declarations;
    std::string from = fmt::format("@{} parameter init(<uniform, -1.000000, 1.000000>)", input);
    one.replace(one.find(from), from.size(), fmt::format("@{} input", input));
    expectGradientsOfDifferences(makeTrain(one, body, result));
  }
}

TEST(OperationDifference, MapStretchesOperands) {
  const char *region = R"(
  ^bb0(%a: f64, %b: f64):
    %0 = math.sin %a : f64
    %1 = arith.mulf %0, %b : f64
    %2 = arith.addf %1, %b : f64
    gpt.yield %2 : f64
  })";
  for (const char *shape :
       {"2x3x4", "3x4", "4", "1", "", "1x1x1", "2x1x4", "2x3x1", "1x3x1", "3x1"})
    expectBinary("2x3x4", shape,
                 fmt::format("%y = gpt.map(%X, %Y) : ({}, {}) -> {} {{{}", type("2x3x4"),
                             type(shape), type("2x3x4"), region),
                 "2x3x4");
  // Axes of size 1 in front of the operand's own.
  expectBinary("1x1x4", "4",
               fmt::format("%y = gpt.map(%X, %Y) : ({}, {}) -> {} {{{}", type("1x1x4"), type("4"),
                           type("1x1x4"), region),
               "1x1x4");
}

TEST(OperationDifference, MapHandsOnAdjoints) {
  // Nothing but sums and differences: adjoints go on without a map, or share one.
  expectBinary("2x3", "3", R"(
  %y = gpt.map(%X, %Y, %X) : (tensor<2x3xf64>, tensor<3xf64>, tensor<2x3xf64>) -> tensor<2x3xf64> {
  ^bb0(%a: f64, %b: f64, %c: f64):
    %0 = arith.addf %a, %b : f64
    %1 = arith.subf %0, %c : f64
    %2 = arith.addf %1, %a : f64
    gpt.yield %2 : f64
  })",
               "2x3");
  // The operand itself is a result.
  expectBinary("2x3", "3", R"(
  %z:2 = gpt.map(%X, %Y) : (tensor<2x3xf64>, tensor<3xf64>) -> (tensor<2x3xf64>, tensor<2x3xf64>) {
  ^bb0(%a: f64, %b: f64):
    %0 = arith.mulf %a, %b : f64
    gpt.yield %0, %b : f64, f64
  }
  %y = gpt.map(%z#0, %z#1) : (tensor<2x3xf64>, tensor<2x3xf64>) -> tensor<2x3xf64> {
  ^bb0(%a: f64, %b: f64):
    %0 = math.exp %a : f64
    %1 = arith.mulf %0, %b : f64
    gpt.yield %1 : f64
  })",
               "2x3");
}

TEST(OperationDifference, MapThatOnlySwaps) {
  expectBinary("2x3", "2x3", R"(
  %z:2 = gpt.map(%X, %Y) : (tensor<2x3xf64>, tensor<2x3xf64>) -> (tensor<2x3xf64>, tensor<2x3xf64>) {
  ^bb0(%a: f64, %b: f64):
    gpt.yield %b, %a : f64, f64
  }
  %y = gpt.map(%z#0, %z#1) : (tensor<2x3xf64>, tensor<2x3xf64>) -> tensor<2x3xf64> {
  ^bb0(%a: f64, %b: f64):
    %0 = math.exp %a : f64
    %1 = math.sin %b : f64
    %2 = arith.mulf %0, %1 : f64
    gpt.yield %2 : f64
  })",
               "2x3");
}

TEST(OperationDifference, MapWithSeveralResults) {
  // One result is used inside, another twice outside, one not at all.
  expectBinary("2x3", "2x1", R"(
  %z:3 = gpt.map(%X, %Y) : (tensor<2x3xf64>, tensor<2x1xf64>) -> (tensor<2x3xf64>, tensor<2x3xf64>, tensor<2x3xf64>) {
  ^bb0(%a: f64, %b: f64):
    %0 = math.exp %a : f64
    %1 = arith.mulf %0, %b : f64
    %2 = math.tanh %1 : f64
    gpt.yield %0, %2, %1 : f64, f64, f64
  }
  %y = gpt.map(%z#0, %z#1, %z#1) : (tensor<2x3xf64>, tensor<2x3xf64>, tensor<2x3xf64>) -> tensor<2x3xf64> {
  ^bb0(%a: f64, %b: f64, %c: f64):
    %0 = arith.mulf %a, %b : f64
    %1 = arith.mulf %0, %c : f64
    gpt.yield %1 : f64
  })",
               "2x3");
}

TEST(OperationDifference, ReduceSum) {
  expectUnary("2x3x4", "%y = gpt.reduce sum %X [] : tensor<2x3x4xf64> -> tensor<2x3x4xf64>",
              "2x3x4");
  expectUnary("2x3x4", "%y = gpt.reduce sum %X [0] : tensor<2x3x4xf64> -> tensor<3x4xf64>", "3x4");
  expectUnary("2x3x4", "%y = gpt.reduce sum %X [1] : tensor<2x3x4xf64> -> tensor<2x4xf64>", "2x4");
  expectUnary("2x3x4", "%y = gpt.reduce sum %X [2] : tensor<2x3x4xf64> -> tensor<2x3xf64>", "2x3");
  expectUnary("2x3x4", "%y = gpt.reduce sum %X [0, 1] : tensor<2x3x4xf64> -> tensor<4xf64>", "4");
  expectUnary("2x3x4", "%y = gpt.reduce sum %X [0, 2] : tensor<2x3x4xf64> -> tensor<3xf64>", "3");
  expectUnary("2x3x4", "%y = gpt.reduce sum %X [0, 1, 2] : tensor<2x3x4xf64> -> tensor<f64>", "");
  expectUnary("1x3x1", "%y = gpt.reduce sum %X [0, 2] : tensor<1x3x1xf64> -> tensor<3xf64>", "3");
  expectUnary("1x3", "%y = gpt.reduce sum %X [0] : tensor<1x3xf64> -> tensor<3xf64>", "3");
}

TEST(OperationDifference, ReduceExtrema) {
  for (const char *kind : {"max", "min"}) {
    auto op = [&](const char *rest) { return fmt::format("%y = gpt.reduce {} %X {}", kind, rest); };
    expectUnary("2x3x4", op("[2] : tensor<2x3x4xf64> -> tensor<2x3xf64>"), "2x3");
    expectUnary("2x3x4", op("[0] : tensor<2x3x4xf64> -> tensor<3x4xf64>"), "3x4");
    expectUnary("2x3x4", op("[0, 2] : tensor<2x3x4xf64> -> tensor<3xf64>"), "3");
    expectUnary("2x3x4", op("[0, 1, 2] : tensor<2x3x4xf64> -> tensor<f64>"), "");
    expectUnary("2x3x4", op("[] : tensor<2x3x4xf64> -> tensor<2x3x4xf64>"), "2x3x4");
    expectUnary("3x1", op("[1] : tensor<3x1xf64> -> tensor<3xf64>"), "3");
    std::string sign = kind == std::string("max") ? "" : "-";
    expectGradientsOfDifferences(fmt::format(R"(
gpt.variable @X parameter init(<constant, 0.0, 0.0>) {{
  test.values = dense<[[1.0, {0}3.0, {0}3.0, 0.0], [2.0, 2.0, 2.0, 2.0]]> : tensor<2x4xf64>,
  test.gradient = dense<[[0.0, 0.5, 0.5, 0.0], [0.25, 0.25, 0.25, 0.25]]> : tensor<2x4xf64>
}} : tensor<2x4xf64>
func.func @train() -> tensor<f64> {{
  %x = gpt.read @X : tensor<2x4xf64>
  %m = gpt.reduce {1} %x [1] : tensor<2x4xf64> -> tensor<2xf64>
  %loss = gpt.reduce sum %m [0] : tensor<2xf64> -> tensor<f64>
  return %loss : tensor<f64>
}})",
                                             sign, kind));
  }
}

TEST(OperationDifference, Matmul) {
  // (lhs, rhs) as they are stored, for each way of reading them.
  struct Case {
    const char *lhs, *rhs, *flags, *result;
  };
  const Case cases[] = {
      {"3x4", "4x5", "", "3x5"},
      {"3x4", "5x4", "transpose_rhs", "3x5"},
      {"4x3", "4x5", "transpose_lhs", "3x5"},
      {"4x3", "5x4", "transpose_lhs transpose_rhs", "3x5"},
      {"2x3x4", "2x4x5", "", "2x3x5"},
      {"2x3x4", "2x5x4", "transpose_rhs", "2x3x5"},
      {"2x4x3", "2x4x5", "transpose_lhs", "2x3x5"},
      {"2x4x3", "2x5x4", "transpose_lhs transpose_rhs", "2x3x5"},
      {"2x2x3x4", "2x2x4x2", "", "2x2x3x2"},
      {"2x3x4", "4x5", "", "2x3x5"},
      {"2x3x4", "5x4", "transpose_rhs", "2x3x5"},
      {"2x2x3x4", "4x5", "", "2x2x3x5"},
      {"1x7", "7x1", "", "1x1"},
      {"1x1x1", "1x1", "transpose_rhs", "1x1x1"},
      {"7x1", "1x3", "", "7x3"},
  };
  for (auto [lhs, rhs, flags, result] : cases)
    expectBinary(lhs, rhs,
                 fmt::format("%y = gpt.matmul %X, %Y {} : {}, {} -> {}", flags, type(lhs),
                             type(rhs), type(result)),
                 result);
  // A matrix by itself.
  expectUnary(
      "3x3",
      "%y = gpt.matmul %X, %X transpose_rhs : tensor<3x3xf64>, tensor<3x3xf64> -> tensor<3x3xf64>",
      "3x3");
}

TEST(OperationDifference, Movements) {
  expectUnary("2x3x4", "%y = gpt.transpose %X [2, 0, 1] : tensor<2x3x4xf64> -> tensor<4x2x3xf64>",
              "4x2x3");
  expectUnary("2x3x4", "%y = gpt.reshape %X : tensor<2x3x4xf64> -> tensor<6x4xf64>", "6x4");
  expectUnary("1", "%y = gpt.reshape %X : tensor<1xf64> -> tensor<f64>", "");
  expectUnary("2x3x4", R"(
  %0 = gpt.reshape %X : tensor<2x3x4xf64> -> tensor<2x12xf64>
  %1 = gpt.transpose %0 [1, 0] : tensor<2x12xf64> -> tensor<12x2xf64>
  %2 = gpt.transpose %1 [1, 0] : tensor<12x2xf64> -> tensor<2x12xf64>
  %3 = gpt.reshape %2 : tensor<2x12xf64> -> tensor<24xf64>
  %y = gpt.reshape %3 : tensor<24xf64> -> tensor<4x6xf64>)",
              "4x6");
  expectUnary("3x5", "%y = gpt.slice %X [1, 2] [2, 3] : tensor<3x5xf64> -> tensor<2x3xf64>", "2x3");
  expectUnary("3x5", "%y = gpt.slice %X [0, 0] [3, 5] : tensor<3x5xf64> -> tensor<3x5xf64>", "3x5");
  expectUnary("3x2", "%y = gpt.pad %X [1, 0] [2, 1] : tensor<3x2xf64> -> tensor<6x3xf64>", "6x3");
  // Slices that overlap.
  expectUnary("2x5", R"(
  %0 = gpt.slice %X [0, 0] [2, 3] : tensor<2x5xf64> -> tensor<2x3xf64>
  %1 = gpt.slice %X [0, 2] [2, 3] : tensor<2x5xf64> -> tensor<2x3xf64>
  %y = gpt.map(%0, %1) : (tensor<2x3xf64>, tensor<2x3xf64>) -> tensor<2x3xf64> {
  ^bb0(%a: f64, %b: f64):
    %p = arith.mulf %a, %b : f64
    gpt.yield %p : f64
  })",
              "2x3");
}

TEST(OperationDifference, SplitAndConcat) {
  // Every subset of the pieces: those left out count as zeros.
  const char *product = R"(
  %y = gpt.map({0}) : ({1}) -> tensor<2x2xf64> {{
  ^bb0({2}):
    {3}
    gpt.yield %r : f64
  }})";
  for (unsigned subset = 1; subset < 16; ++subset) {
    std::string operands, types, arguments, lines = "%one = arith.constant 1.5 : f64\n",
                                            last = "%one";
    for (unsigned i = 0; i < 4; ++i)
      if (subset >> i & 1) {
        bool first = operands.empty();
        operands += fmt::format("{}%s#{}", first ? "" : ", ", i);
        types += fmt::format("{}tensor<2x2xf64>", first ? "" : ", ");
        arguments += fmt::format("{}%a{}: f64", first ? "" : ", ", i);
        lines += fmt::format("%m{} = arith.mulf {}, %a{} : f64\n", i, last, i);
        last = fmt::format("%m{}", i);
      }
    lines += fmt::format("%r = math.sin {} : f64", last);
    expectUnary("2x8",
                "%s:4 = gpt.split %X axis 1 : tensor<2x8xf64> -> tensor<2x2xf64>, tensor<2x2xf64>, "
                "tensor<2x2xf64>, tensor<2x2xf64>" +
                    fmt::format(fmt::runtime(product), operands, types, arguments, lines),
                "2x2");
  }
  expectUnary("3x2", R"(
  %0:2 = gpt.split %X axis 0 : tensor<3x2xf64> -> tensor<1x2xf64>, tensor<2x2xf64>
  %y = gpt.concat %0#1, %0#0 axis 0 : tensor<2x2xf64>, tensor<1x2xf64> -> tensor<3x2xf64>)",
              "3x2");
  expectBinary(
      "2x3", "2x1",
      "%y = gpt.concat %X, %Y axis 1 : tensor<2x3xf64>, tensor<2x1xf64> -> tensor<2x4xf64>", "2x4");
  expectBinary("1x3", "2x3", R"(
  %y = gpt.concat %X, %Y, %X axis 0 : tensor<1x3xf64>, tensor<2x3xf64>, tensor<1x3xf64> -> tensor<4x3xf64>)",
               "4x3");
  expectUnary("3", "%y = gpt.concat %X axis 0 : tensor<3xf64> -> tensor<3xf64>", "3");
}

TEST(OperationDifference, Embedding) {
  auto expect = [](const char *shape, const char *indices, const char *table, const char *result) {
    expectGradientsOfDifferences(
        makeTrain(declareIndices("i", shape, indices) + declare("X", table, -1, 1),
                  readIndices("i", shape) + read("X", table) +
                      fmt::format("%y = gpt.embedding %i, %X : tensor<{}xi32>, {} -> {}", shape,
                                  type(table), type(result)),
                  result));
  };
  expect("2x3", "[[1, 4, 1], [1, 0, 4]]", "6x3", "2x3x3");
  expect("5", "2", "3x4", "5x4");
  expect("1", "0", "1x1", "1x1");
  expect("3", "[2, 0, 1]", "3x2", "3x2");
  for (const char *table : {"4x3", "5x3"})
    expectUnary(table,
                fmt::format("%i = gpt.iota : tensor<4xi32>\n"
                            "%y = gpt.embedding %i, %X : tensor<4xi32>, {} -> tensor<4x3xf64>",
                            type(table)),
                "4x3");
}

TEST(OperationDifference, Pick) {
  // The last index is outside of the row: it picks 0.
  expectGradientsOfDifferences(
      makeTrain(declareIndices("i", "2x2", "[[4, 0], [2, -1]]") + declare("X", "2x2x5", -1, 1),
                readIndices("i", "2x2") + read("X", "2x2x5") +
                    "%y = gpt.pick %X, %i : tensor<2x2x5xf64>, tensor<2x2xi32> -> tensor<2x2xf64>",
                "2x2"));
}

TEST(OperationDifference, DetachedAndRandomValuesAreConstants) {
  // x · detach(x²), whose own slope is x² (not 3 x²), and dropout, whose mask does not move.
  expectGradientsOfDifferences(R"(
gpt.variable @X parameter init(<constant, 0.0, 0.0>) {
  test.values = dense<[1.0, -2.0, 0.5]> : tensor<3xf64>,
  test.gradient = dense<[1.0, 4.0, 0.25]> : tensor<3xf64>} : tensor<3xf64>
func.func @train() -> tensor<f64> {
  %x = gpt.read @X : tensor<3xf64>
  %square = gpt.map(%x) : (tensor<3xf64>) -> tensor<3xf64> {
  ^bb0(%a: f64):
    %0 = arith.mulf %a, %a : f64
    gpt.yield %0 : f64
  }
  %fixed = gpt.detach %square : tensor<3xf64>
  %y = gpt.map(%x, %fixed) : (tensor<3xf64>, tensor<3xf64>) -> tensor<3xf64> {
  ^bb0(%a: f64, %b: f64):
    %0 = arith.mulf %a, %b : f64
    gpt.yield %0 : f64
  }
  %loss = gpt.reduce sum %y [0] : tensor<3xf64> -> tensor<f64>
  return %loss : tensor<f64>
})");
  expectGradientsOfDifferences(
      makeTrain(declareIndices("key", "4", "[1, 2, 3, 4]") + declare("X", "4x4", -1, 1),
                readIndices("key", "4") + read("X", "4x4") + R"(
  %u = gpt.random %key stream "x" : tensor<4xi32> -> tensor<4x4xf64>
  %y = gpt.map(%X, %u) : (tensor<4x4xf64>, tensor<4x4xf64>) -> tensor<4x4xf64> {
  ^bb0(%a: f64, %b: f64):
    %p = arith.constant 0.25 : f64
    %zero = arith.constant 0.0 : f64
    %keep = arith.constant 0.75 : f64
    %drops = arith.cmpf olt, %b, %p : f64
    %0 = arith.divf %a, %keep : f64
    %1 = arith.select %drops, %zero, %0 : f64
    gpt.yield %1 : f64
  })",
                "4x4"));
}
