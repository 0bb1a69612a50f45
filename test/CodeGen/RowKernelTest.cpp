// Row kernels against the reference interpreter: shapes around the width of a vector, strides,
// broadcasting, phases.
//
// Tolerances follow the usual analysis of rounding: u = 2⁻²⁴ is the largest relative error of an
// operation, and a sum of n terms of magnitude m, in whatever order, is off by at most n u Σ|terms|
// ≤ n² m u; vectors of at least 8 accumulators bring the depth down to n/8 + 8.
#include "KernelTesting.h"

#include "gptc/CodeGen/Kernels.h"

#include <cmath>
#include <limits>

using namespace gptc;
using namespace gptc::test;
using reference::Tensor;

static std::string matrix(int64_t rows, int64_t columns, const char *element = "f32") {
  return std::to_string(rows) + "x" + std::to_string(columns) + "x" + element;
}
static std::string vector(int64_t size, const char *element = "f32") {
  return std::to_string(size) + "x" + element;
}

/// Around 1, 8 and 16 elements, and enough for unrolled loops with a rest.
static const int64_t widths[] = {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 64, 67, 127, 257, 1031};

/// The bound of a sum of `n` terms that are at most `magnitude`.
static double sumError(int64_t n, double magnitude) {
  return (n / 8.0 + 9) * n * magnitude * roundoff;
}

TEST(RowKernel, AddsABias) {
  for (int64_t width : widths) {
    SCOPED_TRACE(width);
    std::string type = matrix(5, width);
    TestKernel kernel(kernelText(
        "row", {{"x", type, {width + 3, 1}}, {"b", vector(width)}}, {{"y", type, {width + 16, 1}}},
        mapText("y", {{"x", type}, {"b", vector(width)}}, type, "%r = arith.addf %a0, %a1 : f32")));
    kernel.check(kernel.makeInputs(2), 0, roundoff);
  }
}

TEST(RowKernel, ReducesAVectorToAScalar) {
  for (int64_t width : widths) {
    SCOPED_TRACE(width);
    TestKernel kernel(kernelText("row", {{"x", vector(width), {2}}}, {{"s", "f32"}},
                                 "  %s = gpt.reduce sum %x [0] : tensor<" + vector(width) +
                                     "> -> tensor<f32>\n"));
    kernel.check(kernel.makeInputs(1), sumError(width, 1), 0);
  }
}

TEST(RowKernel, TakesExtremaOfRows) {
  for (std::string kind : {"max", "min"}) {
    std::string body =
        "  %m = gpt.reduce " + kind + " %x [1] : tensor<6x37xf32> -> tensor<6xf32>\n";
    TestKernel kernel(kernelText("row", {{"x", "6x37xf32"}}, {{"m", "6xf32"}}, body));
    std::vector<Tensor> inputs = kernel.makeInputs(5);
    double infinity = std::numeric_limits<double>::infinity();
    // Row 1 has a NaN in the middle, row 2 one in the rest behind the vectors; row 3 is -inf
    // throughout, row 4 inf; row 5 has both.
    auto x = inputs[0].mutableReals();
    x[37 + 5] = x[2 * 37 + 36] = std::nan("");
    for (int i = 0; i < 37; ++i)
      x[3 * 37 + i] = -infinity, x[4 * 37 + i] = infinity;
    x[5 * 37 + 36] = infinity, x[5 * 37] = -infinity;
    kernel.check(inputs, 0, 0);
  }
}

/// exp(x - max) / Σ: the difference is off by u |x - max| ≤ 2 · limit · u, which is the relative
/// error of exp, with the unit of exp itself; the sum of positive terms adds its depth, division by
/// a reciprocal three halves.
static double softmaxError(int64_t width, double limit) {
  return (4 * limit + 2 + width / 8.0 + 9 + 2) * roundoff;
}

TEST(RowKernel, ComputesSoftmax) {
  for (int64_t width : widths) {
    SCOPED_TRACE(width);
    std::string type = matrix(4, width);
    TestKernel kernel(kernelText("row", {{"x", type, {width + 1, 1}}},
                                 {{"y", type, {width + 1, 1}}},
                                 "  %y = gpt.softmax %x : tensor<" + type + ">\n"));
    kernel.check(kernel.makeInputs(8), 0, softmaxError(width, 8));
  }
}

TEST(RowKernel, ComputesSoftmaxOfInfinitiesAndNan) {
  std::string body = "  %y = gpt.softmax %x : tensor<5x19xf32>\n";
  TestKernel kernel(kernelText("row", {{"x", "5x19xf32"}}, {{"y", "5x19xf32"}}, body));
  std::vector<Tensor> inputs = kernel.makeInputs(80);
  auto x = inputs[0].mutableReals();
  double infinity = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 19; ++i) {
    x[i] = -infinity;                     // NaN throughout
    x[19 + i] = i < 18 ? -infinity : 0.5; // masked but for the last
  }
  x[2 * 19 + 18] = std::nan("");
  x[3 * 19 + 3] = infinity;
  // Quotients below the smallest normal number are off by as much.
  kernel.check(inputs, 0x1p-126, softmaxError(19, 80));
}

static std::string layerNormBody(const std::string &type) {
  size_t cut = type.find('x');
  std::string row = "tensor<" + type.substr(cut + 1) + ">",
              statistic = "tensor<" + type.substr(0, cut) + "xf32>";
  return "  %y, %mean, %rstd = gpt.layer_norm %x weight %w : " + row + " bias %b : " + row +
         " epsilon 1.0e-5 : tensor<" + type + "> -> tensor<" + type + ">, " + statistic + ", " +
         statistic + "\n";
}

TEST(RowKernel, ComputesLayerNorm) {
  for (int64_t width : widths) {
    if (width < 3) // the variance of one element is 0: all digits of the mean count
      continue;
    SCOPED_TRACE(width);
    std::string type = matrix(6, width);
    TestKernel kernel(
        kernelText("row", {{"x", type, {width + 5, 1}}, {"w", vector(width)}, {"b", vector(width)}},
                   {{"y", type, {width + 7, 1}}, {"mean", "6xf32"}, {"rstd", "6xf32", {3}}},
                   layerNormBody(type)));
    // |x| ≤ 2: the mean is off by (n/8 + 9) 2u; x̂, at most √n and usually 3, by that over σ, which
    // is at least 0.3 here, and its own few roundings.
    double mean = (width / 8.0 + 9) * 2 * roundoff;
    kernel.check(kernel.makeInputs(2), 8 * (mean / 0.3 + 8 * roundoff),
                 (width / 8.0 + 20) * roundoff);
  }
}

TEST(RowKernel, ReadsAnOutputAgainInLaterPhases) {
  // The residual sum is an output, and the norm's input.
  std::string type = "3x40xf32";
  std::string body =
      mapText("x", {{"a", type}, {"d", type}}, type, "%r = arith.addf %a0, %a1 : f32") +
      layerNormBody(type);
  TestKernel kernel(kernelText("row", {{"a", type}, {"d", type}, {"w", "40xf32"}, {"b", "40xf32"}},
                               {{"x", type, {}, false, 0}, {"y", type}}, body));
  kernel.check(kernel.makeInputs(1), 8 * (14 * 2 / 0.3 + 8) * roundoff, 30 * roundoff);
}

TEST(RowKernel, KeepsWhatIsExpensiveInScratch) {
  // exp goes into a sum and is needed behind it; both outputs add to what is there, so neither can
  // hold it.
  for (int64_t width : widths) {
    SCOPED_TRACE(width);
    std::string type = matrix(3, width), row = "tensor<3xf32>", column = "tensor<3x1xf32>";
    std::string body =
        mapText("e", {{"x", type}}, type, "%r = math.exp %a0 : f32") +
        "  %s = gpt.reduce sum %e [1] : tensor<" + type + "> -> " + row +
        "\n  %c = gpt.reshape %s : " + row + " -> " + column + "\n" +
        mapText("y", {{"e", type}, {"c", "3x1xf32"}}, type, "%r = arith.mulf %a0, %a1 : f32");
    TestKernel kernel(kernelText("row", {{"x", type}}, {{"y", type, {}, true}}, body));
    double largest = std::exp(2) * std::exp(1) * width;
    kernel.check(kernel.makeInputs(1), largest * (width / 8.0 + 15) * roundoff, 0);
  }
}

TEST(RowKernel, ComputesRowsTooLongForScratch) {
  // 70,000 floats are more than the stack is asked for: the exponential is computed twice.
  std::string type = "2x70000xf32";
  std::string body =
      mapText("e", {{"x", type}}, type, "%r = math.exp %a0 : f32") +
      "  %s = gpt.reduce sum %e [1] : tensor<" + type +
      "> -> tensor<2xf32>\n  %c = gpt.reshape %s : tensor<2xf32> -> tensor<2x1xf32>\n" +
      mapText("y", {{"e", type}, {"c", "2x1xf32"}}, type, "%r = arith.divf %a0, %a1 : f32");
  TestKernel kernel(kernelText("row", {{"x", type}}, {{"y", type, {}, true}}, body));
  kernel.check(kernel.makeInputs(1), 2 * roundoff,
               0); // quotients are below 1e-4, what they are added to is 0.75
}

TEST(RowKernel, ComputesLogsumexpAndPicks) {
  for (int64_t width : {1, 5, 16, 33, 301}) {
    SCOPED_TRACE(width);
    std::string type = matrix(7, width), rows = "tensor<7xf32>";
    std::string body =
        "  %l = gpt.logsumexp %x : tensor<" + type + "> -> " + rows +
        "\n  %p = gpt.pick %x, %t : tensor<" + type + ">, tensor<7xi32> -> " + rows + "\n" +
        mapText("terms", {{"l", "7xf32"}, {"p", "7xf32"}, {"t", "7xi32"}}, "7xf32",
                "%z = arith.constant 0 : i32\n%f = arith.constant 0.0 : f32\n"
                "%c = arith.cmpi sge, %a2, %z : i32\n%d = arith.subf %a0, %a1 : f32\n"
                "%r = arith.select %c, %d, %f : f32");
    TestKernel kernel(kernelText("row", {{"x", type, {width + 2, 1}}, {"t", "7xi32"}},
                                 {{"l", "7xf32"}, {"terms", "7xf32"}}, body));
    std::vector<Tensor> inputs = kernel.makeInputs(6, width);
    inputs[1].mutableIntegers()[3] = -1; // left out
    // log of a sum with relative error (n/8 + 9 + 13) u, and two sums of magnitude 12.
    kernel.check(inputs, (width / 8.0 + 22 + 3 * 12) * roundoff, 0);
  }
}

TEST(RowKernel, UpdatesParametersInPlace) {
  std::string type = "5x33xf32",
              body = "  %np, %nm, %nv = gpt.adamw %p, %g, %m, %v rate %rate clip %clip betas %b1, "
                     "%b2 corrections %c1, %c2 epsilon %e decay %d decayed : tensor<" +
                     type + "> scalars tensor<f32>\n";
  std::vector<OperandSpec> inputs = {
      {"p", type, {48, 1}}, {"g", type, {48, 1}}, {"m", type, {48, 1}}, {"v", type, {48, 1}}};
  for (const char *scalar : {"rate", "clip", "b1", "b2", "c1", "c2", "e", "d"})
    inputs.push_back({scalar, "f32"});
  auto outputs = [&](int64_t p, int64_t m, int64_t v) {
    return std::vector<OperandSpec>{{"np", type, {48, 1}, false, p},
                                    {"nm", type, {48, 1}, false, m},
                                    {"nv", type, {48, 1}, false, v}};
  };
  TestKernel inPlace(kernelText("row", inputs, outputs(0, 2, 3), body));
  TestKernel apart(kernelText("row", inputs, outputs(-1, -1, -1), body));
  std::vector<Tensor> values = inPlace.makeInputs(1);
  for (double &x : values[3].mutableReals())
    x = std::fabs(x);
  double scalars[] = {1e-3, 0.7, 0.9, 0.95, 1.9, 1.3, 1e-8, 0.1};
  for (auto [tensor, scalar] : llvm::zip(llvm::drop_begin(values, 4), scalars))
    tensor = Tensor::scalar(static_cast<float>(scalar));
  // The update is below 1e-3 · 1.9 / √(0.05 · …); all else is sums of a few products of
  // magnitude 1.
  inPlace.check(values, 6 * roundoff, 0);
  std::vector<Buffer> a = inPlace.run(values), b = apart.run(values);
  for (unsigned i = 0; i < 3; ++i)
    EXPECT_TRUE(a[i].hasSameBits(b[i])) << "output " << i << " depends on where it lies";
}

TEST(RowKernel, ComputesTheSameBitsInPlace) {
  for (std::string operation : {"softmax"}) {
    std::string body = "  %y = gpt." + operation + " %x : tensor<4x53xf32>\n";
    TestKernel apart(kernelText("row", {{"x", "4x53xf32"}}, {{"y", "4x53xf32"}}, body));
    TestKernel inPlace(
        kernelText("row", {{"x", "4x53xf32"}}, {{"y", "4x53xf32", {}, false, 0}}, body));
    std::vector<Tensor> inputs = apart.makeInputs(4);
    EXPECT_TRUE(apart.run(inputs)[0].hasSameBits(inPlace.run(inputs)[0]));
    EXPECT_TRUE(mayShareMemory(apart.op(), 0, 0));
  }
}

TEST(RowKernel, KnowsWhichOperandsMayShareMemory) {
  std::string type = "3x40xf32";
  std::string norm = layerNormBody(type);
  std::vector<OperandSpec> inputs = {{"x", type}, {"w", "40xf32"}, {"b", "40xf32"}};
  TestKernel alone(kernelText("row", inputs, {{"y", type}}, norm));
  EXPECT_TRUE(mayShareMemory(alone.op(), 0, 0));
  EXPECT_FALSE(mayShareMemory(alone.op(), 1, 0)); // another layout
  // The square is written in the first phase; the last one reads x.
  TestKernel early(
      kernelText("row", inputs, {{"s", type}, {"y", type}},
                 norm + mapText("s", {{"x", type}}, type, "%r = arith.mulf %a0, %a0 : f32")));
  EXPECT_FALSE(mayShareMemory(early.op(), 0, 0));
  EXPECT_TRUE(mayShareMemory(early.op(), 0, 1));
  TestKernel adding(kernelText("row", inputs, {{"y", type, {}, true}}, norm));
  EXPECT_FALSE(mayShareMemory(adding.op(), 0, 0));
  TestKernel gather(kernelText(
      "row", {{"i", "3xi32"}, {"t", "3x4xf32"}}, {{"y", "3x4xf32"}},
      "  %y = gpt.embedding %i, %t : tensor<3xi32>, tensor<3x4xf32> -> tensor<3x4xf32>\n"));
  EXPECT_FALSE(mayShareMemory(gather.op(), 1, 0));
}

TEST(RowKernel, MasksScores) {
  std::string body =
      "  %q = gpt.iota : tensor<9xi32>\n  %qc = gpt.reshape %q : tensor<9xi32> -> "
      "tensor<9x1xi32>\n" +
      mapText("s", {{"x", "2x3x9x9xf32"}, {"qc", "9x1xi32"}, {"q", "9xi32"}}, "2x3x9x9xf32",
              "%i = arith.constant 0xFF800000 : f32\n%c = arith.cmpi sge, %a1, %a2 : i32\n"
              "%r = arith.select %c, %a0, %i : f32") +
      "  %y = gpt.softmax %s : tensor<2x3x9x9xf32>\n";
  TestKernel kernel(
      kernelText("row", {{"x", "2x3x9x9xf32"}}, {{"y", "2x3x9x9xf32", {}, false, 0}}, body));
  kernel.check(kernel.makeInputs(3), 0, softmaxError(9, 3));
}

/// Pads hold anything, here NaN.
TEST(RowKernel, LeavesPadsOut) {
  for (const CpuTarget &target : testedTargets())
    for (int64_t end : {1, 31, 32, 33, 39}) {
      SCOPED_TRACE(target.cpu + " " + std::to_string(end));
      std::string masked =
          "%e = arith.constant " + std::to_string(end) +
          " : i32\n%n = arith.constant 0xFF800000 : f32\n"
          "%c = arith.cmpi slt, %a1, %e : i32\n%r = arith.select %c, %a0, %n : f32";
      std::string body = "  %i = gpt.iota : tensor<40xi32>\n" +
                         mapText("s", {{"x", "5x40xf32"}, {"i", "40xi32"}}, "5x40xf32", masked) +
                         "  %m = gpt.reduce max %s [1] : tensor<5x40xf32> -> tensor<5xf32>\n";
      TestKernel kernel(kernelText("row", {{"x", "5x40xf32"}}, {{"m", "5xf32"}}, body), target);
      std::vector<Tensor> inputs = kernel.makeInputs(5);
      for (int64_t row = 0; row < 5; ++row)
        for (int64_t column = end; column < 40; ++column)
          inputs[0].mutableReals()[row * 40 + column] = std::nan("");
      kernel.check(inputs, 0, 0);
    }
}

/// Rows one behind the other, in blocks that fetch ahead.
TEST(RowKernel, GoesThroughArrays) {
  std::string body = mapText("y", {{"x", "7x192xf32"}, {"z", "7x192xf32"}}, "7x192xf32",
                             "%r = arith.addf %a0, %a1 : f32");
  TestKernel kernel(kernelText("row", {{"x", "7x192xf32"}, {"z", "7x192xf32"}},
                               {{"y", "7x192xf32", {}, false, 0}}, body));
  kernel.check(kernel.makeInputs(3), 6 * roundoff, 0);
}

TEST(RowKernel, ReducesWhatIsTheSameAlongTheRow) {
  std::string body =
      mapText("f", {{"c", "3x1xf32"}}, "3x20xf32", "%r = arith.addf %a0, %a0 : f32") +
      "  %s = gpt.reduce sum %f [1] : tensor<3x20xf32> -> tensor<3xf32>\n"
      "  %m = gpt.reduce max %f [1] : tensor<3x20xf32> -> tensor<3xf32>\n";
  TestKernel kernel(kernelText("row", {{"c", "3x1xf32"}}, {{"s", "3xf32"}, {"m", "3xf32"}}, body));
  kernel.check(kernel.makeInputs(1), 20 * 20 * 2 * roundoff, 0);
}

TEST(RowKernel, ComputesNarrowRowsTheSameWhereverALaunchIsCut) {
  // Many rows of few elements, which LLVM would like to compute several at a time.
  for (const CpuTarget &target : testedTargets())
    for (int64_t width : {1, 2, 3, 4, 5, 7, 8, 9, 16}) {
      SCOPED_TRACE(target.cpu + " " + std::to_string(width));
      std::string type = matrix(70, width), column = "70x1xf32";
      std::string body = "  %s = gpt.reduce sum %x [1] : tensor<" + type +
                         "> -> tensor<70xf32>\n"
                         "  %c = gpt.reshape %s : tensor<70xf32> -> tensor<70x1xf32>\n" +
                         mapText("y", {{"x", type}, {"c", column}, {"z", type}}, type,
                                 "%p = arith.mulf %a0, %a1 : f32\n%q = arith.mulf %a2, %a0 : "
                                 "f32\n%r = arith.subf %p, %q : f32");
      TestKernel kernel(
          kernelText("row", {{"x", type, {width + 1, 1}}, {"z", type}}, {{"y", type}}, body),
          target);
      kernel.check(kernel.makeInputs(1), (sumError(width, 1) + 3 * roundoff) * (width + 1), 0);
    }
}

TEST(RowKernel, ServesAnyNumberOfRows) {
  // Merged rows leave no trace of their number.
  std::string body = "  %y = gpt.softmax %x : tensor<2x23xf32>\n";
  TestKernel two(
      kernelText("row", {{"x", "2x23xf32", {32, 1}}}, {{"y", "2x23xf32", {24, 1}}}, body));
  TestKernel five(kernelText("row", {{"x", "5x23xf32", {32, 1}}}, {{"y", "5x23xf32", {24, 1}}},
                             "  %y = gpt.softmax %x : tensor<5x23xf32>\n"));
  EXPECT_EQ(two.getCode(), five.getCode());
}
