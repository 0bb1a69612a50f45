// Column reductions and segmented sums against the reference interpreter.
//
// A column is summed one row after the other: n terms of magnitude m are off by at most n² m u.
#include "KernelTesting.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace gptc;
using namespace gptc::test;
using reference::Tensor;

static std::string tensor(const std::string &type) { return "tensor<" + type + ">"; }
static std::string reduce(const std::string &kind, const std::string &from, const std::string &axes,
                          const std::string &to) {
  return "  %s = gpt.reduce " + kind + " %x [" + axes + "] : " + tensor(from) + " -> " +
         tensor(to) + "\n";
}

TEST(ColumnKernel, SumsRows) {
  for (int64_t width : {1, 3, 16, 17, 255, 256, 257, 1024, 1025, 1300}) {
    SCOPED_TRACE(width);
    std::string columns = std::to_string(width) + "xf32", type = "9x" + columns;
    for (bool accumulate : {false, true}) {
      TestKernel kernel(kernelText("column", {{"x", type, {width + 16, 1}}},
                                   {{"s", columns, {}, accumulate}},
                                   reduce("sum", type, "0", columns)));
      EXPECT_EQ(kernel.getRows(), (width + 255) / 256);
      kernel.check(kernel.makeInputs(1), 81 * roundoff, 0);
    }
  }
}

TEST(ColumnKernel, ReducesAnyLeadingAxes) {
  struct Case {
    std::string axes, result;
    int64_t rows;
  };
  for (const Case &test : {Case{"0", "3x4x300xf32", 24}, Case{"1", "2x4x300xf32", 16},
                           Case{"2", "2x3x300xf32", 12}, Case{"0, 1", "4x300xf32", 8},
                           Case{"0, 2", "3x300xf32", 6}, Case{"0, 1, 2", "300xf32", 2}}) {
    SCOPED_TRACE(test.axes);
    for (std::string kind : {"sum", "max", "min"}) {
      TestKernel kernel(kernelText("column", {{"x", "2x3x4x300xf32", {3840, 1280, 304, 1}}},
                                   {{"s", test.result}},
                                   reduce(kind, "2x3x4x300xf32", test.axes, test.result)));
      EXPECT_EQ(kernel.getRows(), test.rows);
      kernel.check(kernel.makeInputs(1), kind == "sum" ? 24 * 24 * roundoff : 0, 0);
    }
  }
}

TEST(ColumnKernel, ReducesAxesOfSizeOne) {
  TestKernel kernel(kernelText("column", {{"x", "1x1x20xf32"}}, {{"s", "20xf32", {}, true}},
                               reduce("sum", "1x1x20xf32", "0, 1", "20xf32")));
  kernel.check(kernel.makeInputs(1), 2 * roundoff, 0);
  TestKernel column(kernelText("column", {{"x", "5x1xf32", {7, 1}}}, {{"s", "1xf32"}},
                               reduce("sum", "5x1xf32", "0", "1xf32")));
  column.check(column.makeInputs(1), 25 * roundoff, 0);
}

TEST(ColumnKernel, PropagatesNan) {
  TestKernel kernel(kernelText("column", {{"x", "6x40xf32"}}, {{"s", "40xf32"}},
                               reduce("max", "6x40xf32", "0", "40xf32")));
  std::vector<Tensor> inputs = kernel.makeInputs(1);
  inputs[0].mutableReals()[2 * 40 + 17] = inputs[0].mutableReals()[5 * 40 + 39] = std::nan("");
  kernel.check(inputs, 0, 0);
}

TEST(ColumnKernel, ComputesGradientsOfANorm) {
  // Two reductions of one space, values of a row, and a scale behind one of them.
  std::string type = "2x5x270xf32";
  std::string body =
      "  %mc = gpt.reshape %m : tensor<2x5xf32> -> tensor<2x5x1xf32>\n  %rc = gpt.reshape %rstd : "
      "tensor<2x5xf32> -> tensor<2x5x1xf32>\n" +
      mapText("p", {{"x", type}, {"mc", "2x5x1xf32"}, {"rc", "2x5x1xf32"}, {"dy", type}}, type,
              "%d = arith.subf %a0, %a1 : f32\n%h = arith.mulf %d, %a2 : f32\n%r = arith.mulf %h, "
              "%a3 : f32") +
      "  %dw = gpt.reduce sum %p [0, 1] : tensor<2x5x270xf32> -> tensor<270xf32>\n"
      "  %sb = gpt.reduce sum %dy [0, 1] : tensor<2x5x270xf32> -> tensor<270xf32>\n" +
      mapText("db", {{"sb", "270xf32"}, {"k", "f32"}}, "270xf32", "%r = arith.mulf %a0, %a1 : f32");
  TestKernel kernel(kernelText("column",
                               {{"x", type, {1360, 272, 1}},
                                {"m", "2x5xf32"},
                                {"rstd", "2x5xf32"},
                                {"dy", type, {1360, 272, 1}},
                                {"k", "f32"}},
                               {{"dw", "270xf32", {}, true}, {"db", "270xf32"}}, body));
  kernel.check(kernel.makeInputs(1), (100 * 2 + 10 * 3 * 2) * roundoff,
               0); // terms up to 2, of three roundings
}

static std::vector<Tensor> makeSegments(const TestKernel &kernel, int32_t rows, int32_t firstRow,
                                        unsigned seed) {
  std::vector<Tensor> inputs = kernel.makeInputs(1, rows, seed);
  for (int32_t &index : inputs[0].mutableIntegers())
    index = std::max(index, firstRow);
  llvm::ArrayRef<int32_t> indices = inputs[0].integers();
  llvm::MutableArrayRef<int32_t> order = inputs[1].mutableIntegers();
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return std::pair(indices[a], a) < std::pair(indices[b], b);
  });
  return inputs;
}

TEST(SegmentedSum, SumsRowsByIndex) {
  for (int64_t width : {1, 5, 16, 33, 260}) {
    for (bool accumulate : {false, true}) {
      SCOPED_TRACE(width);
      std::string columns = std::to_string(width) + "xf32";
      std::string dy = "3x7x" + columns, table = "13x" + columns;
      std::string body =
          "  %g = gpt.embedding_grad %i, %o, %dy : tensor<3x7xi32>, tensor<21xi32>, " + tensor(dy) +
          " -> " + tensor(table) + "\n";
      TestKernel kernel(kernelText(
          "segmented_sum",
          {{"i", "3x7xi32", {9, 1}}, {"o", "21xi32"}, {"dy", dy, {8 * (width + 3), width + 3, 1}}},
          {{"g", table, {width + 16, 1}, accumulate}}, body));
      EXPECT_EQ(kernel.getRows(), 13);
      // Indices all over the table, from its middle on, and all the last: rows in front and behind
      // without any.
      for (int32_t first : {0, 6, 12})
        kernel.check(makeSegments(kernel, 13, first, 3), 22 * 22 * roundoff, 0);
      kernel.check(makeSegments(kernel, 4, 0, 5), 22 * 22 * roundoff, 0);
    }
  }
}

TEST(SegmentedSum, LeavesRowsWithoutIndexAlone) {
  std::string body = "  %g = gpt.embedding_grad %i, %o, %dy : tensor<2xi32>, tensor<2xi32>, "
                     "tensor<2x3xf32> -> tensor<4x3xf32>\n";
  TestKernel kernel(kernelText("segmented_sum", {{"i", "2xi32"}, {"o", "2xi32"}, {"dy", "2x3xf32"}},
                               {{"g", "4x3xf32", {}, true}}, body));
  std::vector<Tensor> inputs = {Tensor({2}, std::vector<int32_t>{2, 2}),
                                Tensor({2}, std::vector<int32_t>{0, 1}),
                                Tensor({2, 3}, std::vector<double>{1, 2, 3, 4, 5, 6})};
  Tensor sum = kernel.run(inputs, {}, -0.0)[0].get();
  for (int i = 0; i < 12; ++i) {
    bool touched = i / 3 == 2;
    EXPECT_EQ(sum.reals()[i], touched ? 5 + 2 * (i % 3) : 0);
    EXPECT_EQ(std::signbit(sum.reals()[i]), !touched); // not even 0 was added to the others
  }
}
