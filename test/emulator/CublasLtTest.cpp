// The cuBLASLt stand-in against plain products, over orders, transposes, leading dimensions and
// batches, and over types.
#include "test/emulator/Element.h"
#include "test/emulator/Harness.h"

#include <gtest/gtest.h>

#include <random>

namespace gptc::emulator {
namespace {

Harness &cuda() { return Harness::get(GPTC_EMULATOR_FOLDER); }

template <typename... T> int call(const char *name, T... arguments) {
  return cuda().function<int(T...)>(name)(arguments...);
}

/// A matrix in memory, with the library's description of it.
struct Operand {
  uint64_t rows, columns;
  int64_t leading, batchStride;
  int order, batches;
  test::Element element;
  std::vector<float> data; ///< numbers of that type
  uint64_t address = 0;
  Handle layout = nullptr;

  Operand(uint64_t rows, uint64_t columns, int order, int batches, std::mt19937 &random,
          test::Element element = test::Element::f32)
      : rows(rows), columns(columns), order(order), batches(batches), element(element) {
    leading = (order == 1 ? columns : rows) + random() % 3;
    batchStride = leading * (order == 1 ? rows : columns) + random() % 5;
    data.resize(batchStride * batches);
    for (float &value : data)
      value = test::rounded(element, float(random() % 1000) / 500 - 1);
    address = cuda().upload(test::encode(element, data));
    int type = element == test::Element::bf16 ? 14 : element == test::Element::f16 ? 2 : 0;
    EXPECT_EQ(call("cublasLtMatrixLayoutCreate", &layout, type, rows, columns, leading), 0);
    auto set =
        cuda().function<int(Handle, int, const void *, size_t)>("cublasLtMatrixLayoutSetAttribute");
    EXPECT_EQ(set(layout, 1, &this->order, 4), 0);
    EXPECT_EQ(set(layout, 5, &this->batches, 4), 0);
    EXPECT_EQ(set(layout, 6, &batchStride, 8), 0);
  }
  std::vector<float> download() const {
    std::vector<float> values(data.size());
    test::decode(element, cuda().download<char>(address, data.size() * bytesOf(element)), values);
    return values;
  }
  float &at(std::vector<float> &values, int batch, uint64_t row, uint64_t column) const {
    return values[batch * batchStride +
                  (order == 1 ? row * leading + column : column * leading + row)];
  }
};

Handle makeDescriptor(int transposeA, int transposeB, int compute = 68) {
  Handle descriptor = nullptr;
  call("cublasLtMatmulDescCreate", &descriptor, compute, 0);
  auto set =
      cuda().function<int(Handle, int, const void *, size_t)>("cublasLtMatmulDescSetAttribute");
  set(descriptor, 3, &transposeA, 4);
  set(descriptor, 4, &transposeB, 4);
  return descriptor;
}

using Matmul = int(Handle, Handle, const float *, uint64_t, Handle, uint64_t, Handle, const float *,
                   uint64_t, Handle, uint64_t, Handle, Handle, uint64_t, size_t, Handle);

TEST(EmulatedCublasLt, MeetsPlainProducts) {
  std::mt19937 random(7);
  Handle handle = nullptr;
  ASSERT_EQ(call("cublasLtCreate", &handle), 0);
  using test::Element;
  const std::pair<Element, Element> types[] = {{Element::f32, Element::f32},
                                               {Element::bf16, Element::bf16},
                                               {Element::bf16, Element::f32},
                                               {Element::f16, Element::f16},
                                               {Element::f16, Element::f32}};
  for (int trial = 0; trial < 320; ++trial) {
    auto [operands, result] = types[trial / 64];
    int transposeA = trial & 1, transposeB = trial >> 1 & 1, order = trial >> 2 & 1;
    uint64_t m = 1 + random() % 40, n = 1 + random() % 40, k = 1 + random() % 40;
    int batches = 1 + random() % 3;
    Operand a(transposeA ? k : m, transposeA ? m : k, trial >> 3 & 1, batches, random, operands);
    Operand b(transposeB ? n : k, transposeB ? k : n, trial >> 4 & 1, batches, random, operands);
    Operand d(m, n, order, batches, random, result);
    float alpha = 0.5f, beta = trial & 32 ? 1.0f : 0.0f;
    ASSERT_EQ(cuda().function<Matmul>("cublasLtMatmul")(
                  handle, makeDescriptor(transposeA, transposeB), &alpha, a.address, a.layout,
                  b.address, b.layout, &beta, d.address, d.layout, d.address, d.layout, nullptr, 0,
                  0, cuda().stream),
              0);
    std::vector<float> got = d.download();
    for (int batch = 0; batch < batches; ++batch)
      for (uint64_t row = 0; row < m; ++row)
        for (uint64_t column = 0; column < n; ++column) {
          double sum = 0;
          for (uint64_t i = 0; i < k; ++i)
            sum +=
                (double)(transposeA ? a.at(a.data, batch, i, row) : a.at(a.data, batch, row, i)) *
                (transposeB ? b.at(b.data, batch, column, i) : b.at(b.data, batch, i, column));
          float expected = float(alpha * sum + beta * d.at(d.data, batch, row, column));
          ASSERT_NEAR(d.at(got, batch, row, column), expected,
                      1e-6 + (result == Element::f32 ? 0 : roundoff(result) * std::abs(expected)))
              << "trial " << trial;
          d.at(got, batch, row, column) = d.at(d.data, batch, row, column);
        }
    ASSERT_EQ(got, d.data) << "nothing between rows and matrices is written";
  }
}

// 1 + 2^-10 is a TF32 number, 1 + 2^-11 lies halfway between two, 1 + 2^-12 becomes 1.
TEST(EmulatedCublasLt, RoundsFactorsToTf32) {
  Handle handle = nullptr;
  ASSERT_EQ(call("cublasLtCreate", &handle), 0);
  std::mt19937 random(7);
  Operand a(3, 1, 0, 1, random), b(1, 1, 0, 1, random), d(3, 1, 0, 1, random);
  a.address = cuda().upload<float>({1 + 0x1p-10f, 1 + 0x1p-11f, 1 + 0x1p-12f});
  b.address = cuda().upload<float>({1.0f});
  float alpha = 1, beta = 0;
  for (int compute : {68, 77}) {
    ASSERT_EQ(cuda().function<Matmul>("cublasLtMatmul")(
                  handle, makeDescriptor(0, 0, compute), &alpha, a.address, a.layout, b.address,
                  b.layout, &beta, d.address, d.layout, d.address, d.layout, nullptr, 0, 0,
                  cuda().stream),
              0);
    std::vector<float> got = cuda().download<float>(d.address, 3);
    EXPECT_EQ(got[0], 1 + 0x1p-10f);
    EXPECT_EQ(got[1], compute == 77 ? 1 + 0x1p-10f : 1 + 0x1p-11f);
    EXPECT_EQ(got[2], compute == 77 ? 1.0f : 1 + 0x1p-12f);
  }
}

TEST(EmulatedCublasLt, RefusesWhatItDoesNotDo) {
  std::mt19937 random(7);
  Handle handle = nullptr, preference = nullptr;
  call("cublasLtCreate", &handle);
  call("cublasLtMatmulPreferenceCreate", &preference);
  Operand a(4, 4, 0, 1, random), b(4, 4, 0, 1, random), c(4, 5, 0, 1, random);
  char result[128];
  int found = -1;
  auto heuristic = [&](Handle descriptor, const Operand &d) {
    return cuda()
        .function<int(Handle, Handle, Handle, Handle, Handle, Handle, Handle, int, void *, int *)>(
            "cublasLtMatmulAlgoGetHeuristic")(handle, descriptor, a.layout, b.layout, d.layout,
                                              d.layout, preference, 1, result, &found);
  };
  EXPECT_EQ(heuristic(makeDescriptor(0, 0), a), 0);
  EXPECT_EQ(found, 1);
  EXPECT_EQ(heuristic(makeDescriptor(0, 0), c), 7) << "shapes that do not fit";
  EXPECT_EQ(found, 0);
  Handle bias = makeDescriptor(0, 0);
  int epilogue = 4;
  call("cublasLtMatmulDescSetAttribute", bias, 7, (const void *)&epilogue, size_t(4));
  EXPECT_EQ(heuristic(bias, a), 15);
  // Operands of float32 and a result of 16 bits; sums of 16 bits.
  EXPECT_EQ(heuristic(makeDescriptor(0, 0), Operand(4, 4, 0, 1, random, test::Element::bf16)), 15);
  EXPECT_EQ(heuristic(makeDescriptor(0, 0, 64), a), 15);
}

} // namespace
} // namespace gptc::emulator
