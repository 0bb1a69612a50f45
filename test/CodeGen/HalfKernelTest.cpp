// Kernels with operands of 16 bits: conversions bit by bit, and arithmetic in float32 between them.
//
// Inputs are exact in their type, so an output differs from the interpreter's float64 by float32's
// error and one rounding to its own type.
#include "KernelTesting.h"

#include "runtime/base/Half.h"

#include "llvm/ADT/bit.h"

#include <cmath>
#include <limits>

using namespace gptc;
using namespace gptc::test;
using reference::Tensor;

namespace {
struct Half {
  std::string name;
  uint16_t (*to)(float);
  float (*from)(uint16_t);
  uint32_t step; ///< between neighbours, in units of float32's last place
};

const Half halves[] = {
    {"bf16", runtime::toBfloat16, runtime::fromBfloat16, 0x10000},
    {"f16", runtime::toFloat16, runtime::fromFloat16, 0x2000},
};

/// For every number of 16 bits: itself, and what lies at and around the middle to the next one.
std::vector<uint32_t> numbersAround(const Half &half) {
  std::vector<uint32_t> numbers;
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    auto number = llvm::bit_cast<uint32_t>(half.from(static_cast<uint16_t>(bits)));
    for (uint32_t more : {0u, 1u, half.step / 2 - 1, half.step / 2, half.step / 2 + 1})
      numbers.push_back(number + more);
  }
  for (int32_t count = -2050; count < 2050; ++count) // of half the smallest float16
    numbers.push_back(llvm::bit_cast<uint32_t>(static_cast<float>(count) * 0x1p-25f));
  std::mt19937 generator(1);
  for (int i = 0; i < 100'000; ++i)
    numbers.push_back(static_cast<uint32_t>(generator()));
  return numbers;
}

std::string sized(size_t size, const std::string &element) {
  return std::to_string(size) + "x" + element;
}

bool isNan(const Half &half, uint32_t bits) {
  return std::isnan(half.from(static_cast<uint16_t>(bits)));
}
} // namespace

TEST(HalfKernel, RoundsEveryNumber) {
  for (const Half &half : halves)
    for (const CpuTarget &target : testedTargets()) {
      SCOPED_TRACE(half.name + " on " + target.cpu);
      std::vector<uint32_t> numbers = numbersAround(half);
      std::string from = sized(numbers.size(), "f32"), to = sized(numbers.size(), half.name);
      TestKernel kernel(kernelText("row", {{"x", from}}, {{"y", to}},
                                   mapText("y", {{"x", from}}, to,
                                           "%r = arith.truncf %a0 : f32 to " + half.name)),
                        target);
      Buffer input(kernel.getLayout(0));
      input.setBits(numbers);
      std::vector<uint32_t> found = kernel.run({input})[0].getBits();
      for (size_t i = 0, wrong = 0; i < numbers.size() && wrong < 5; ++i) {
        uint32_t expected = half.to(llvm::bit_cast<float>(numbers[i]));
        if (found[i] == expected || (isNan(half, found[i]) && isNan(half, expected)))
          continue;
        ADD_FAILURE() << std::hex << numbers[i] << " becomes " << found[i] << ", not " << expected;
        ++wrong;
      }
    }
}

TEST(HalfKernel, WidensEveryNumber) {
  for (const Half &half : halves)
    for (const CpuTarget &target : testedTargets()) {
      SCOPED_TRACE(half.name + " on " + target.cpu);
      std::string from = sized(65536, half.name), to = sized(65536, "f32");
      TestKernel kernel(kernelText("row", {{"x", from}}, {{"y", to}},
                                   mapText("y", {{"x", from}}, to,
                                           "%r = arith.extf %a0 : " + half.name + " to f32")),
                        target);
      std::vector<uint32_t> all(65536);
      std::iota(all.begin(), all.end(), 0);
      Buffer input(kernel.getLayout(0));
      input.setBits(all);
      std::vector<uint32_t> found = kernel.run({input})[0].getBits();
      for (uint32_t bits : all) {
        if (isNan(half, bits))
          EXPECT_TRUE(std::isnan(llvm::bit_cast<float>(found[bits]))) << std::hex << bits;
        else
          EXPECT_EQ(found[bits], llvm::bit_cast<uint32_t>(half.from(static_cast<uint16_t>(bits))))
              << std::hex << bits;
      }
    }
}

// A rounding whose result is widened at once is a rounding all the same.
TEST(HalfKernel, RoundsWhatIsWidenedAgain) {
  for (const Half &half : halves) {
    std::string scalars = "%s = arith.mulf %a0, %a0 : f32\n    %h = arith.truncf %s : f32 to " +
                          half.name + "\n    %w = arith.extf %h : " + half.name +
                          " to f32\n    %r = arith.addf %w, %a0 : f32";
    TestKernel kernel(kernelText("row", {{"x", "3x37xf32"}}, {{"y", "3x37xf32"}},
                                 mapText("y", {{"x", "3x37xf32"}}, "3x37xf32", scalars)));
    std::vector<Tensor> inputs = kernel.makeInputs(2);
    Tensor found = kernel.run(inputs)[0].get();
    for (auto [x, y] : llvm::zip(inputs[0].reals(), found.reals())) {
      auto number = static_cast<float>(x);
      EXPECT_EQ(static_cast<float>(y), half.from(half.to(number * number)) + number);
    }
  }
}

/// y = x (Σ x²)^(-1/2): a row is read twice, and the second loop writes.
TEST(HalfKernel, NormalisesRows) {
  for (const Half &half : halves)
    for (int64_t width : {1, 7, 16, 33, 67, 1031})
      for (const CpuTarget &target : testedTargets()) {
        SCOPED_TRACE(half.name + " of " + std::to_string(width) + " on " + target.cpu);
        std::string narrow = "5x" + sized(width, half.name), wide = "5x" + sized(width, "f32");
        std::string body =
            mapText("w", {{"x", narrow}}, wide, "%r = arith.extf %a0 : " + half.name + " to f32") +
            mapText("s", {{"w", wide}}, wide, "%r = arith.mulf %a0, %a0 : f32") +
            "  %t = gpt.reduce sum %s [1] : tensor<" + wide + "> -> tensor<5xf32>\n" +
            "  %u = gpt.reshape %t : tensor<5xf32> -> tensor<5x1xf32>\n" +
            mapText("y", {{"w", wide}, {"u", "5x1xf32"}}, narrow,
                    "%q = math.rsqrt %a1 : f32\n    %p = arith.mulf %a0, %q : f32\n    "
                    "%r = arith.truncf %p : f32 to " +
                        half.name);
        TestKernel kernel(kernelText("row", {{"x", narrow, {width + 9, 1}}},
                                     {{"y", narrow, {width + 16, 1}}}, body),
                          target);
        // The sum of squares is off by its depth, of which a square root leaves half; three
        // operations follow.
        kernel.check(kernel.makeInputs(2), 0, (width / 16.0 + 9) * roundoff);
      }
}

TEST(HalfKernel, SumsColumns) {
  for (const Half &half : halves)
    for (const CpuTarget &target : testedTargets()) {
      SCOPED_TRACE(half.name + " on " + target.cpu);
      std::string narrow = "45x300x" + half.name, wide = "45x300xf32";
      std::string body =
          mapText("w", {{"x", narrow}}, wide, "%r = arith.extf %a0 : " + half.name + " to f32") +
          "  %y = gpt.reduce sum %w [0] : tensor<45x300xf32> -> tensor<300xf32>\n";
      TestKernel kernel(kernelText("column", {{"x", narrow, {311, 1}}}, {{"y", "300xf32"}}, body),
                        target);
      kernel.check(kernel.makeInputs(1), 45 * 45 * roundoff, 0);
    }
}

// Added to what is there in float32 and rounded once: by half a unit of the sum.
TEST(HalfKernel, AddsToWhatIsThere) {
  for (const Half &half : halves) {
    std::string type = "4x50x" + half.name;
    std::string scalars =
        "%w = arith.extf %a0 : " + half.name +
        " to f32\n    %n = arith.negf %w : f32\n    %r = arith.truncf %n : f32 to " + half.name;
    TestKernel kernel(kernelText("row", {{"x", type}}, {{"y", type, {}, /*accumulate=*/true}},
                                 mapText("y", {{"x", type}}, type, scalars)));
    kernel.check(kernel.makeInputs(1), 0, roundoff);
  }
}

TEST(HalfKernel, ComputesInPlace) {
  for (const Half &half : halves) {
    std::string type = "4x50x" + half.name;
    std::string scalars =
        "%w = arith.extf %a0 : " + half.name +
        " to f32\n    %s = arith.mulf %w, %w : f32\n    %r = arith.truncf %s : f32 to " + half.name;
    TestKernel kernel(kernelText("row", {{"x", type}}, {{"y", type, {}, false, /*inPlace=*/0}},
                                 mapText("y", {{"x", type}}, type, scalars)));
    kernel.check(kernel.makeInputs(200), 0, roundoff);
  }
}

TEST(HalfKernel, OverflowsToInfinity) {
  std::string scalars = "%w = arith.extf %a0 : f16 to f32\n    %s = arith.mulf %w, %w : f32\n    "
                        "%r = arith.truncf %s : f32 to f16";
  TestKernel kernel(kernelText("row", {{"x", "20xf16"}}, {{"y", "20xf16"}},
                               mapText("y", {{"x", "20xf16"}}, "20xf16", scalars)));
  Tensor found = kernel.run({Tensor::filled({20}, 256)})[0].get();
  for (double value : found.reals())
    EXPECT_EQ(value, std::numeric_limits<double>::infinity());
}

// The conversions of a loop are instructions on whole vectors.
TEST(HalfKernel, ConvertsVectors) {
  for (const Half &half : halves)
    for (const CpuTarget &target : testedTargets()) {
      SCOPED_TRACE(half.name + " on " + target.cpu);
      std::string type = "64x256x" + half.name;
      std::string scalars = "%w = arith.extf %a0 : " + half.name +
                            " to f32\n    %s = arith.mulf %w, %w : f32\n    "
                            "%r = arith.truncf %s : f32 to " +
                            half.name;
      TestKernel kernel(kernelText("row", {{"x", type}}, {{"y", type}},
                                   mapText("y", {{"x", type}}, type, scalars)),
                        target);
      CpuCompileOptions options;
      options.keepAssembly = true;
      llvm::FailureOr<CompiledKernels> compiled =
          compileKernels(kernel.op()->getParentOfType<mlir::ModuleOp>(), target, options);
      ASSERT_TRUE(succeeded(compiled));
      llvm::StringRef text = compiled->texts[0].assembly;
      llvm::StringRef registers = target.vectorBits == 512 ? "%zmm" : "%ymm";
      llvm::StringRef widening = half.name == "f16" ? "vcvtph2ps" : "vpmovzxwd";
      EXPECT_TRUE(text.contains(registers) && text.contains(widening)) << text.str();
    }
}
