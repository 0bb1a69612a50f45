// Sums over blocks of rows, made by row kernels on their way.
#include "KernelTesting.h"

#include "gptc/CodeGen/Kernels.h"

#include "llvm/Support/FormatVariadic.h"

using namespace gptc;
using namespace gptc::test;

template <typename... T> static std::string format(const char *text, T &&...values) {
  return llvm::formatv(text, values...).str();
}

/// Around 8 and 16 elements, and enough for unrolled loops with a rest.
static const int64_t widths[] = {2, 7, 8, 17, 33, 127, 1031};

/// The lines that sum `value` over blocks of rows.
static std::string blockSum(const std::string &result, const std::string &value,
                            const std::string &type, int64_t count, int64_t rows, int64_t width) {
  return format("  %{0}b = gpt.reshape %{1} : tensor<{2}> -> tensor<{3}x{4}x{5}xf32>\n"
                "  %{0} = gpt.reduce sum %{0}b [1] : tensor<{3}x{4}x{5}xf32> -> "
                "tensor<{3}x{5}xf32>\n",
                result, value, type, count, rows, width);
}

TEST(BlockSum, OfAMap) {
  for (int64_t width : widths)
    for (bool accumulate : {false, true}) {
      SCOPED_TRACE(width);
      std::string type = format("12x{}xf32", width), parts = format("3x{}xf32", width);
      TestKernel kernel(
          kernelText("row", {{"x", type, {width + 3, 1}}},
                     {{"y", type, {width + 16, 1}}, {"s", parts, {width + 1, 1}, accumulate}},
                     mapText("y", {{"x", type}}, type, "%r = arith.mulf %a0, %a0 : f32") +
                         blockSum("s", "y", type, 3, 4, width)));
      kernel.check(kernel.makeInputs(2), 32 * roundoff, roundoff);
    }
}

// The rows of [2, 6, C] by threes: blocks are parts of its second axis, also where strides keep the
// axes apart.
TEST(BlockSum, OfSeveralAxes) {
  for (int64_t width : widths)
    for (int64_t gap : {0, 5}) {
      SCOPED_TRACE(width);
      std::string type = format("2x6x{}xf32", width), parts = format("4x{}xf32", width);
      TestKernel kernel(kernelText("row", {{"x", type, {6 * width + gap, width, 1}}},
                                   {{"s", parts}}, blockSum("s", "x", type, 4, 3, width)));
      kernel.check(kernel.makeInputs(2), 12 * roundoff, roundoff);
    }
}

// What is summed is known behind a reduction of its row; the input is summed as well.
TEST(BlockSum, BehindAReductionOfTheRow) {
  for (int64_t width : widths) {
    SCOPED_TRACE(width);
    std::string type = format("10x{}xf32", width), parts = format("2x{}xf32", width);
    std::string body =
        format("  %m = gpt.reduce max %x [1] : tensor<{}> -> tensor<10xf32>\n"
               "  %c = gpt.reshape %m : tensor<10xf32> -> tensor<10x1xf32>\n",
               type) +
        mapText("y", {{"x", type}, {"c", "10x1xf32"}}, type, "%r = arith.subf %a0, %a1 : f32") +
        blockSum("s", "y", type, 2, 5, width) + blockSum("t", "x", type, 2, 5, width);
    TestKernel kernel(kernelText("row", {{"x", type}},
                                 {{"y", type}, {"s", parts}, {"t", parts}, {"m", "10xf32"}}, body));
    kernel.check(kernel.makeInputs(2), 100 * roundoff, roundoff);
    EXPECT_TRUE(mayShareMemory(kernel.op(), 0, 0));
    EXPECT_FALSE(mayShareMemory(kernel.op(), 0, 1));
  }
}
