// Row kernels against the reference interpreter: how operands of all shapes and layouts are
// indexed.
#include "KernelTesting.h"

using namespace gptc;
using namespace gptc::test;
using reference::Tensor;

TEST(RowShapes, StretchesOperandsOfAllShapes) {
  std::string body = mapText("y",
                             {{"x", "2x3x5xf32"},
                              {"p", "3x5xf32"},
                              {"q", "3x1xf32"},
                              {"v", "2x1x5xf32"},
                              {"s", "f32"},
                              {"t", "1x1x1xf32"},
                              {"u", "2x1x1xf32"}},
                             "2x3x5xf32",
                             "%1 = arith.addf %a0, %a1 : f32\n%2 = arith.addf %1, %a2 : f32\n"
                             "%3 = arith.addf %2, %a3 : f32\n%4 = arith.addf %3, %a4 : f32\n"
                             "%5 = arith.addf %4, %a5 : f32\n%r = arith.addf %5, %a6 : f32");
  TestKernel kernel(kernelText("row",
                               {{"x", "2x3x5xf32"},
                                {"p", "3x5xf32", {9, 1}},
                                {"q", "3x1xf32"},
                                {"v", "2x1x5xf32"},
                                {"s", "f32"},
                                {"t", "1x1x1xf32"},
                                {"u", "2x1x1xf32"}},
                               {{"y", "2x3x5xf32", {40, 12, 2}}}, body));
  EXPECT_EQ(kernel.getRows(), 6);
  kernel.check(kernel.makeInputs(1), 6 * 7 * roundoff, 0); // six sums of magnitude up to 7
}

TEST(RowShapes, ReadsAndWritesTransposedLayouts) {
  // [T, H, D] in memory, seen as [H, T, D]; and rows that are columns in memory.
  TestKernel heads(kernelText(
      "row", {{"x", "3x4x5xf32", {5, 15, 1}}}, {{"y", "3x4x5xf32", {20, 1, 4}}},
      mapText("y", {{"x", "3x4x5xf32"}}, "3x4x5xf32", "%r = arith.mulf %a0, %a0 : f32")));
  heads.check(heads.makeInputs(3), 0, roundoff);
}

TEST(RowShapes, CopiesAndFills) {
  TestKernel copy(kernelText("row", {{"x", "7x9xf32", {16, 1}}}, {{"x", "7x9xf32"}}, ""));
  copy.check(copy.makeInputs(1), 0, 0);
  TestKernel copyAdding(
      kernelText("row", {{"x", "7x9xf32", {16, 1}}}, {{"x", "7x9xf32", {}, true}}, ""));
  copyAdding.check(copyAdding.makeInputs(1), 2 * roundoff, 0);
  TestKernel fill(kernelText("row", {}, {{"y", "7x9xf32", {16, 1}}},
                             "  %y = arith.constant dense<1.5> : tensor<7x9xf32>\n"));
  fill.check({}, 0, 0);
  TestKernel indices(kernelText("row", {{"x", "3x4xi32"}}, {{"x", "3x4xi32", {5, 1}}}, ""));
  indices.check(indices.makeInputs(1, 1000), 0, 0);
}

TEST(RowShapes, BringsConstantTablesAlong) {
  std::string body =
      "  %c = arith.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>\n";
  TestKernel kernel(kernelText("row", {{"x", "4x2x3xf32"}}, {{"y", "4x2x3xf32"}},
                               body + mapText("y", {{"x", "4x2x3xf32"}, {"c", "2x3xf32"}},
                                              "4x2x3xf32", "%r = arith.mulf %a0, %a1 : f32")));
  kernel.check(kernel.makeInputs(1), 0, roundoff);
}

TEST(RowShapes, ComputesScalars) {
  TestKernel kernel(kernelText(
      "row", {{"x", "f32"}, {"n", "f32"}}, {{"y", "f32"}},
      mapText("y", {{"x", "f32"}, {"n", "f32"}}, "f32", "%r = arith.divf %a0, %a1 : f32")));
  EXPECT_EQ(kernel.getRows(), 1);
  kernel.check({Tensor::scalar(3), Tensor::scalar(8)}, 0, roundoff);
}

TEST(RowShapes, GathersRows) {
  std::string body =
      "  %io = gpt.iota : tensor<3xi32>\n"
      "  %te = gpt.embedding %i, %wte : tensor<2x3xi32>, tensor<11x17xf32> -> tensor<2x3x17xf32>\n"
      "  %pe = gpt.embedding %io, %wpe : tensor<3xi32>, tensor<8x17xf32> -> tensor<3x17xf32>\n" +
      mapText("y", {{"te", "2x3x17xf32"}, {"pe", "3x17xf32"}}, "2x3x17xf32",
              "%r = arith.addf %a0, %a1 : f32");
  TestKernel kernel(kernelText(
      "row", {{"i", "2x3xi32"}, {"wte", "11x17xf32", {32, 1}}, {"wpe", "8x17xf32", {32, 1}}},
      {{"y", "2x3x17xf32", {60, 20, 1}}}, body));
  kernel.check(kernel.makeInputs(1, 11), 0, roundoff);
}

TEST(RowShapes, DrawsTheReferencesRandomNumbers) {
  std::string body = "  %u = gpt.random %key stream \"transformer.h.3.mlp\" : tensor<4xi32> -> "
                     "tensor<2x3x37xf32>\n";
  TestKernel kernel(
      kernelText("row", {{"key", "4xi32"}}, {{"u", "2x3x37xf32", {150, 50, 1}}}, body));
  kernel.check({Tensor({4}, std::vector<int32_t>{-12345, 7, 1 << 30, 3})}, 0, 0);
}

TEST(RowShapes, MergesAndSplitsRowAxes) {
  std::string body = "  %f = gpt.reshape %x : tensor<2x3x10xf32> -> tensor<6x10xf32>\n" +
                     mapText("y", {{"f", "6x10xf32"}, {"z", "6x10xf32"}}, "6x10xf32",
                             "%r = arith.subf %a0, %a1 : f32") +
                     "  %w = gpt.reshape %y : tensor<6x10xf32> -> tensor<2x1x3x10xf32>\n";
  TestKernel kernel(kernelText("row", {{"x", "2x3x10xf32", {50, 12, 1}}, {"z", "6x10xf32"}},
                               {{"w", "2x1x3x10xf32"}}, body));
  kernel.check(kernel.makeInputs(1), 0, roundoff);
}

TEST(RowShapes, SplitsTheLastAxisOfElementwiseKernels) {
  std::string body = "  %f = gpt.reshape %x : tensor<4x12xf32> -> tensor<4x3x4xf32>\n" +
                     mapText("y", {{"f", "4x3x4xf32"}, {"z", "4xf32"}}, "4x3x4xf32",
                             "%r = arith.mulf %a0, %a1 : f32");
  TestKernel kernel(kernelText("row", {{"x", "4x12xf32", {16, 1}}, {"z", "4xf32"}},
                               {{"y", "4x3x4xf32", {4, 16, 1}}}, body));
  kernel.check(kernel.makeInputs(1), 0, roundoff);
}
