// The generated matrix product (lib/CodeGen/Cuda/Matmul.cuh) beside a product in double precision:
// odd sizes, transposes, strides, alignments and batches. Runs on the emulator; with
// GPTC_CUDA_LIBRARIES set and empty, on the machine's GPU.
#include "runtime/device/cuda/Driver.h"
#include "runtime/device/cuda/Nvrtc.h"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <sstream>
#include <vector>

using namespace gptc::runtime;
using namespace gptc::runtime::cuda;

namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

/// gptc_batch, as the entry point takes it.
struct Batch {
  int count = 0;
  int size[4] = {};
  int64_t lhs[4] = {}, rhs[4] = {}, result[4] = {};
};

std::string textOf(const char *name) {
  std::ifstream file(std::string(GPTC_CUDA_SOURCES) + "/" + name);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_FALSE(text.str().empty()) << name;
  return text.str();
}

/// The device with the four entry points, one for each choice of transposes.
struct Gpu {
  const Driver *driver = nullptr;
  CUfunction functions[2][2] = {};

  Status open() {
    GPTC_ASSIGN(driver, openDriver());
    GPTC_ASSIGN(const Nvrtc *nvrtc, openNvrtc());
    CUdevice device = 0;
    CUcontext context = nullptr;
    int major = 0, minor = 0;
    GPTC_RETURN_IF_ERROR(driver->check(driver->deviceGet(&device, 0), "cuDeviceGet"));
    driver->deviceGetAttribute(&major, cudaComputeCapabilityMajor, device);
    driver->deviceGetAttribute(&minor, cudaComputeCapabilityMinor, device);
    GPTC_RETURN_IF_ERROR(
        driver->check(driver->primaryCtxRetain(&context, device), "cuDevicePrimaryCtxRetain"));
    GPTC_RETURN_IF_ERROR(driver->check(driver->ctxSetCurrent(context), "cuCtxSetCurrent"));

    std::string source = "#include \"gptc_device.h\"\n" + textOf("Matmul.cuh");
    for (bool lhs : {false, true})
      for (bool rhs : {false, true})
        source += fmt::format(
            "GPTC_KERNEL(128) {}(const float *lhs, const float *rhs, float *result, int m, int n, "
            "int k, gptc_i64 lhs_stride, gptc_i64 rhs_stride, gptc_i64 result_stride, "
            "int accumulate, gptc_batch batch) {{\n  gptc_matmul<{}, {}>(lhs, rhs, result, m, n, "
            "k, lhs_stride, rhs_stride, result_stride, accumulate, batch);\n}}\n",
            nameOf(lhs, rhs), lhs, rhs);
    std::string options[] = {fmt::format("--gpu-architecture=sm_{}{}", major, minor), "-std=c++17"};
    GPTC_ASSIGN(Nvrtc::Compiled compiled,
                nvrtc->compile(source, "matmul.cu", textOf("HostTwin.cuh") + textOf("Device.cuh"),
                               options, Nvrtc::Output::cubin));
    if (!compiled.ok)
      return {Code::internal, compiled.log};
    CUmodule module = nullptr;
    GPTC_RETURN_IF_ERROR(
        driver->check(driver->moduleLoadData(&module, compiled.code.data()), "cuModuleLoadData"));
    for (bool lhs : {false, true})
      for (bool rhs : {false, true})
        GPTC_RETURN_IF_ERROR(driver->check(
            driver->moduleGetFunction(&functions[lhs][rhs], module, nameOf(lhs, rhs).c_str()),
            "cuModuleGetFunction"));
    return {};
  }

  static std::string nameOf(bool lhs, bool rhs) {
    return fmt::format("gptc_matmul_{}{}", lhs ? 't' : 'n', rhs ? 't' : 'n');
  }
};

/// A matrix of each index of a batch, as it is stored: NaN lies between the rows, between the
/// matrices, and before and after all of them.
struct Operand {
  int64_t rows, columns, stride, step, offset;
  std::vector<float> values;

  Operand(int64_t rows, int64_t columns, int64_t pad, int64_t offset, int64_t count)
      : rows(rows), columns(columns), stride(columns + pad), step(rows * stride), offset(offset),
        values(offset + count * step + 64, nan) {}

  float &at(int64_t matrix, int64_t row, int64_t column) {
    return values[offset + matrix * step + row * stride + column];
  }
  template <typename Number> void fill(Number &&number) {
    for (int64_t matrix = 0; offset + (matrix + 1) * step + 64 <= ssize(values); ++matrix)
      for (int64_t row = 0; row < rows; ++row)
        for (int64_t column = 0; column < columns; ++column)
          at(matrix, row, column) = number();
  }
};

struct Shape {
  int m, n, k;
  bool transposeLhs = false, transposeRhs = false;
  int lhsPad = 0, rhsPad = 0, resultPad = 0; ///< elements between stored rows
  int offset = 0;                            ///< of the operands' first elements
  bool accumulate = false;
  int outer = 1, inner = 1; ///< sizes of the batch's axes; rhs is the same along the outer one

  std::string text() const {
    return fmt::format("{} {}x{}x{} pads {} {} {} offset {} accumulate {} batch {}x{}",
                       Gpu::nameOf(transposeLhs, transposeRhs), m, n, k, lhsPad, rhsPad, resultPad,
                       offset, accumulate, outer, inner);
  }
};

/// The operands of a product before and after it.
struct Product {
  Shape shape;
  Operand lhs, rhs, result;
  std::vector<float> before; ///< the result's values before the launch

  Product(const Shape &s)
      : shape(s), lhs(s.transposeLhs ? s.k : s.m, s.transposeLhs ? s.m : s.k, s.lhsPad, s.offset,
                      s.outer * s.inner),
        rhs(s.transposeRhs ? s.n : s.k, s.transposeRhs ? s.k : s.n, s.rhsPad, s.offset, s.inner),
        result(s.m, s.n, s.resultPad, s.offset, s.outer * s.inner) {}

  float lhsAt(int matrix, int i, int k) {
    return shape.transposeLhs ? lhs.at(matrix, k, i) : lhs.at(matrix, i, k);
  }
  float rhsAt(int matrix, int k, int j) {
    matrix %= shape.inner;
    return shape.transposeRhs ? rhs.at(matrix, j, k) : rhs.at(matrix, k, j);
  }

  void run(const Gpu &gpu) {
    before = result.values;
    CUdeviceptr a = upload(gpu, lhs), b = upload(gpu, rhs), c = upload(gpu, result);
    CUdeviceptr pointers[] = {a + 4 * lhs.offset, b + 4 * rhs.offset, c + 4 * result.offset};
    int accumulate = shape.accumulate;
    // A batch of one matrix has no axes, one of one axis does not name the other.
    Batch batch;
    auto add = [&](int size, int64_t l, int64_t r, int64_t out) {
      batch.size[batch.count] = size;
      batch.lhs[batch.count] = l;
      batch.rhs[batch.count] = r;
      batch.result[batch.count++] = out;
    };
    if (shape.outer > 1)
      add(shape.outer, lhs.step * shape.inner, 0, result.step * shape.inner);
    if (shape.inner > 1)
      add(shape.inner, lhs.step, rhs.step, result.step);
    void *parameters[] = {&pointers[0],   &pointers[1], &pointers[2], &shape.m,
                          &shape.n,       &shape.k,     &lhs.stride,  &rhs.stride,
                          &result.stride, &accumulate,  &batch};
    const Driver &driver = *gpu.driver;
    ASSERT_EQ(driver.launchKernel(gpu.functions[shape.transposeLhs][shape.transposeRhs],
                                  (shape.n + 63) / 64, (shape.m + 63) / 64,
                                  shape.outer * shape.inner, 128, 1, 1, 0, nullptr, parameters,
                                  nullptr),
              0);
    ASSERT_EQ(driver.memcpyDtoHAsync(result.values.data(), c, 4 * result.values.size(), nullptr),
              0);
    ASSERT_EQ(driver.streamSynchronize(nullptr), 0);
    for (CUdeviceptr pointer : {a, b, c})
      driver.memFree(pointer);
  }

  static CUdeviceptr upload(const Gpu &gpu, const Operand &operand) {
    CUdeviceptr pointer = 0;
    size_t bytes = 4 * operand.values.size();
    EXPECT_EQ(gpu.driver->memAlloc(&pointer, bytes), 0);
    EXPECT_EQ(gpu.driver->memcpyHtoDAsync(pointer, operand.values.data(), bytes, nullptr), 0);
    return pointer;
  }

  /// Compares each element with the product in double precision, by the bound that Matmul.cuh
  /// states, and what lies between elements with what was there.
  void check() {
    SCOPED_TRACE(shape.text());
    Operand rest = result;
    for (int matrix = 0; matrix < shape.outer * shape.inner; ++matrix)
      for (int i = 0; i < shape.m; ++i)
        for (int j = 0; j < shape.n; ++j) {
          double sum = 0, magnitude = 0;
          for (int k = 0; k < shape.k; ++k) {
            double term = double(lhsAt(matrix, i, k)) * rhsAt(matrix, k, j);
            sum += term;
            magnitude += std::fabs(term);
          }
          float &was = before[&result.at(matrix, i, j) - result.values.data()];
          double bound = (0x1p-18 + (shape.k + 7) / 8 * 0x1p-24) * magnitude;
          if (shape.accumulate) {
            sum += was;
            bound += 0x1p-23 * std::fabs(sum);
          }
          ASSERT_NEAR(result.at(matrix, i, j), sum, bound) << matrix << ", " << i << ", " << j;
          rest.at(matrix, i, j) = was;
        }
    EXPECT_EQ(std::memcmp(rest.values.data(), before.data(), 4 * before.size()), 0)
        << "written outside of the result";
  }
};

class GeneratedMatmul : public testing::Test {
protected:
  static void SetUpTestSuite() {
#ifdef GPTC_EMULATOR
    setenv("GPTC_CUDA_LIBRARIES", GPTC_EMULATOR, 0);
#endif
    gpu = new Gpu;
    opened = gpu->open();
  }
  static void TearDownTestSuite() { delete gpu; }
  void SetUp() override {
    if (opened.code() == Code::unavailable)
      GTEST_SKIP() << opened.message();
    ASSERT_TRUE(opened.ok()) << opened.message();
  }

  float normal() { return std::normal_distribution<float>()(random); }
  int below(int end) { return std::uniform_int_distribution<int>(0, end - 1)(random); }

  void verify(const Shape &shape) {
    Product product(shape);
    for (Operand *operand : {&product.lhs, &product.rhs, &product.result})
      operand->fill([&] { return normal(); });
    product.run(*gpu);
    product.check();
  }
  template <typename Function> static void eachTranspose(Function &&function) {
    for (bool lhs : {false, true})
      for (bool rhs : {false, true})
        function(lhs, rhs);
  }

  static inline Gpu *gpu = nullptr;
  static inline Status opened;
  std::mt19937 random{1};
};

TEST_F(GeneratedMatmul, OddSizes) {
  eachTranspose([&](bool lhs, bool rhs) {
    verify({1, 1, 1, lhs, rhs});
    verify({1, 67, 5, lhs, rhs});
    verify({67, 1, 17, lhs, rhs});
    verify({7, 13, 31, lhs, rhs});
    verify({65, 66, 49, lhs, rhs});
    verify({129, 63, 33, lhs, rhs});
  });
}

TEST_F(GeneratedMatmul, WholeTiles) {
  eachTranspose([&](bool lhs, bool rhs) {
    verify({64, 64, 16, lhs, rhs});
    verify({128, 64, 96, lhs, rhs});
    verify({68, 4, 20, lhs, rhs, 4, 8, 0}); // copies of four elements, and rows that end early
  });
}

TEST_F(GeneratedMatmul, StridesAndAlignments) {
  eachTranspose([&](bool lhs, bool rhs) {
    verify({20, 24, 36, lhs, rhs, 1, 0, 3});    // one operand by single elements
    verify({20, 24, 36, lhs, rhs, 0, 2, 0});    // the other one
    verify({20, 24, 36, lhs, rhs, 0, 0, 0, 1}); // aligned rows, but not the first
    verify({18, 23, 37, lhs, rhs, 2, 1, 1});    // aligned rows that do not end so
  });
}

TEST_F(GeneratedMatmul, AddsToTheResult) {
  eachTranspose([&](bool lhs, bool rhs) {
    verify({66, 31, 19, lhs, rhs, 0, 0, 5, 0, true});
    verify({16, 16, 16, lhs, rhs, 0, 0, 0, 2, true, 2, 1});
  });
}

TEST_F(GeneratedMatmul, BatchesOfTwoAxes) {
  eachTranspose([&](bool lhs, bool rhs) {
    verify({5, 70, 18, lhs, rhs, 0, 0, 0, 0, false, 1, 3});
    verify({16, 16, 16, lhs, rhs, 0, 0, 0, 0, false, 3, 2});
    verify({17, 9, 21, lhs, rhs, 1, 2, 3, 1, true, 2, 3});
  });
}

TEST_F(GeneratedMatmul, RandomShapes) {
  for (int i = 0; i < 24; ++i) {
    int unit = 1 + below(2) * 3; // sizes, pads and offsets of whole quads, or any
    verify({unit * (1 + below(80 / unit)), unit * (1 + below(80 / unit)),
            unit * (1 + below(80 / unit)), below(2) == 1, below(2) == 1, unit * below(4),
            unit * below(4), below(4), unit * below(2), below(2) == 1, 1 + below(2), 1 + below(2)});
  }
}

// All 24 bits of a factor come through; the last would be lost with either of its parts.
TEST_F(GeneratedMatmul, KeepsAllBitsOfExactProducts) {
  Product product({16, 16, 8});
  product.lhs.fill([] { return 0.0f; });
  product.rhs.fill([] { return 0.0f; });
  for (int i = 0; i < 16; ++i) {
    product.lhs.at(0, i, i % 8) = 1.0f + 0x1p-23f * (2 * i + 1);
    product.rhs.at(0, i % 8, i) = i % 3 - 1.0f;
  }
  product.run(*gpu);
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 16; ++j)
      EXPECT_EQ(product.result.at(0, i, j),
                product.lhs.at(0, i, i % 8) * product.rhs.at(0, i % 8, j))
          << i << ", " << j;
}

TEST_F(GeneratedMatmul, NothingToSumIsZero) {
  Product product({3, 5, 0, false, false, 1});
  product.result.fill([] { return 7.0f; });
  product.run(*gpu);
  product.check();
}

TEST_F(GeneratedMatmul, InfinitiesAndNan) {
  Product product({4, 4, 20});
  product.lhs.fill([] { return 1.5f; });
  product.rhs.fill([] { return 1.0f; }); // the low part is 0
  product.lhs.at(0, 0, 3) = infinity;
  product.lhs.at(0, 1, 17) = -infinity;
  product.lhs.at(0, 2, 5) = nan;
  product.rhs.at(0, 3, 1) = 0.0f;
  product.rhs.at(0, 3, 2) = -0.1f;
  product.run(*gpu);
  EXPECT_EQ(product.result.at(0, 0, 0), infinity);
  EXPECT_TRUE(std::isnan(product.result.at(0, 0, 1))); // inf · 0
  EXPECT_EQ(product.result.at(0, 0, 2), -infinity);
  EXPECT_EQ(product.result.at(0, 1, 0), -infinity);
  EXPECT_EQ(product.result.at(0, 1, 2), -infinity);
  EXPECT_TRUE(std::isnan(product.result.at(0, 2, 0)));
  EXPECT_EQ(product.result.at(0, 3, 0), 30.0f);
}

TEST_F(GeneratedMatmul, SameBitsEachTime) {
  Product product({70, 70, 70}), again = product;
  product.lhs.fill([&] { return normal(); });
  product.rhs.fill([&] { return normal(); });
  again = product;
  product.run(*gpu);
  again.run(*gpu);
  EXPECT_EQ(std::memcmp(product.result.values.data(), again.result.values.data(),
                        4 * product.result.values.size()),
            0);
}

} // namespace
