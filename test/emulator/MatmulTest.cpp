// The generated matrix product (lib/CodeGen/Cuda/Matmul.cuh) in every precision beside a product in
// double precision: odd sizes, transposes, strides, alignments and batches.
#include "test/emulator/KernelDevice.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

using namespace gptc::test;

namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

/// gptc_batch, as the entry point takes it.
struct Batch {
  int count = 0;
  int size[4] = {};
  int64_t lhs[4] = {}, rhs[4] = {}, result[4] = {};
};

/// What is multiplied, and what the product is rounded to.
struct Kind {
  const char *products;
  Element operands, result;
  int tile;       ///< steps of k that are summed up in the tensor cores
  double product; ///< what Matmul.cuh says that they may be off by, in S

  std::string text() const { return fmt::format("{} to {}", products, nameOf(result)); }
  double bound(int k, double magnitude) const {
    return (product + (k + tile - 1) / tile * 0x1p-24) * magnitude;
  }
};
constexpr Kind fp32 = {"fp32", Element::f32, Element::f32, 8, 0x1p-18};
constexpr Kind tf32 = {"tf32", Element::f32, Element::f32, 16, 0x1p-10 + 0x1p-17};
constexpr Kind bf16 = {"bf16", Element::bf16, Element::bf16, 32, 0x1p-17};
constexpr Kind f16 = {"f16", Element::f16, Element::f16, 32, 0x1p-17};
constexpr Kind bf16ToFloat = {"bf16", Element::bf16, Element::f32, 32, 0x1p-17};
constexpr Kind f16ToFloat = {"f16", Element::f16, Element::f32, 32, 0x1p-17};
constexpr Kind kinds[] = {fp32, tf32, bf16, f16, bf16ToFloat, f16ToFloat};

std::string nameOf(bool lhs, bool rhs) {
  return fmt::format("gptc_matmul_{}{}", lhs ? 't' : 'n', rhs ? 't' : 'n');
}

/// The four entry points, one for each choice of transposes.
std::string sourceOf(const Kind &kind) {
  std::string source = textOf("Products.cuh") + textOf("Matmul.cuh");
  for (bool lhs : {false, true})
    for (bool rhs : {false, true})
      source += fmt::format(
          "GPTC_KERNEL(128) {0}(const {1} *lhs, const {1} *rhs, {2} *result, int m, int n, int k, "
          "gptc_i64 lhs_stride, gptc_i64 rhs_stride, gptc_i64 result_stride, int accumulate, "
          "gptc_batch batch) {{\n  gptc_matmul<gptc_{3}_products, {4}, {5}>(lhs, rhs, result, m, "
          "n, k, lhs_stride, rhs_stride, result_stride, accumulate, batch);\n}}\n",
          nameOf(lhs, rhs), nameOf(kind.operands), nameOf(kind.result), kind.products, lhs, rhs);
  return source;
}

/// A matrix of each index of a batch, as it is stored: NaN lies between the rows, between the
/// matrices, and before and after all of them.
struct Operand {
  int64_t rows, columns, stride, step, offset, count;
  std::vector<float> values;

  Operand(int64_t rows, int64_t columns, int64_t pad, int64_t offset, int64_t count)
      : rows(rows), columns(columns), stride(columns + pad), step(rows * stride), offset(offset),
        count(count), values(offset + count * step + 64, nan) {}

  float &at(int64_t matrix, int64_t row, int64_t column) {
    return values[offset + matrix * step + row * stride + column];
  }
  template <typename Number> void fill(Element element, Number &&number) {
    for (int64_t matrix = 0; matrix < count; ++matrix)
      for (int64_t row = 0; row < rows; ++row)
        for (int64_t column = 0; column < columns; ++column)
          at(matrix, row, column) = rounded(element, number());
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
                       nameOf(transposeLhs, transposeRhs), m, n, k, lhsPad, rhsPad, resultPad,
                       offset, accumulate, outer, inner);
  }
};

/// The operands of a product before and after it.
struct Product {
  Kind kind;
  Shape shape;
  Operand lhs, rhs, result;
  std::vector<float> before; ///< the result's values before the launch

  Product(const Kind &kind, const Shape &s)
      : kind(kind), shape(s), lhs(s.transposeLhs ? s.k : s.m, s.transposeLhs ? s.m : s.k, s.lhsPad,
                                  s.offset, s.outer * s.inner),
        rhs(s.transposeRhs ? s.n : s.k, s.transposeRhs ? s.k : s.n, s.rhsPad, s.offset, s.inner),
        result(s.m, s.n, s.resultPad, s.offset, s.outer * s.inner) {}

  float lhsAt(int matrix, int i, int k) {
    return shape.transposeLhs ? lhs.at(matrix, k, i) : lhs.at(matrix, i, k);
  }
  float rhsAt(int matrix, int k, int j) {
    matrix %= shape.inner;
    return shape.transposeRhs ? rhs.at(matrix, j, k) : rhs.at(matrix, k, j);
  }

  template <typename Number> void fill(Number &&number) {
    lhs.fill(kind.operands, number);
    rhs.fill(kind.operands, number);
    result.fill(kind.result, number);
  }

  void run(KernelDevice &device) {
    before = result.values;
    for (float &value : before) // as NaN comes back
      value = rounded(kind.result, value);
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
    device.launch(sourceOf(kind), nameOf(shape.transposeLhs, shape.transposeRhs),
                  {(shape.n + 63) / 64u, (shape.m + 63) / 64u, unsigned(shape.outer * shape.inner)},
                  {{kind.operands, lhs.values, lhs.offset},
                   {kind.operands, rhs.values, rhs.offset},
                   {kind.result, result.values, result.offset}},
                  {&shape.m, &shape.n, &shape.k, &lhs.stride, &rhs.stride, &result.stride,
                   &accumulate, &batch});
  }

  /// Compares each element with the product in double precision, by the bound that Matmul.cuh
  /// states and the result's rounding, and what lies between elements with what was there.
  void check() {
    SCOPED_TRACE(kind.text() + ": " + shape.text());
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
          double bound = kind.bound(shape.k, magnitude);
          if (shape.accumulate) {
            sum += was;
            bound += 0x1p-23 * std::fabs(sum);
          }
          if (kind.result != Element::f32)
            bound += roundoff(kind.result) * (std::fabs(sum) + bound) + underflow(kind.result);
          ASSERT_NEAR(result.at(matrix, i, j), sum, bound) << matrix << ", " << i << ", " << j;
          rest.at(matrix, i, j) = was;
        }
    EXPECT_EQ(std::memcmp(rest.values.data(), before.data(), 4 * before.size()), 0)
        << "written outside of the result";
  }
};

class GeneratedMatmul : public KernelTest {
protected:
  void verify(const Kind &kind, const Shape &shape) {
    Product product(kind, shape);
    product.fill([&] { return normal(); });
    product.run(*device);
    product.check();
  }
  /// In every precision, with every choice of transposes.
  template <typename Function> static void each(Function &&function) {
    for (const Kind &kind : kinds)
      for (bool lhs : {false, true})
        for (bool rhs : {false, true})
          function(kind, lhs, rhs);
  }
};

TEST_F(GeneratedMatmul, OddSizes) {
  each([&](const Kind &kind, bool lhs, bool rhs) {
    verify(kind, {1, 1, 1, lhs, rhs});
    verify(kind, {1, 67, 5, lhs, rhs});
    verify(kind, {67, 1, 17, lhs, rhs});
    verify(kind, {7, 13, 31, lhs, rhs});
    verify(kind, {65, 66, 49, lhs, rhs});
    verify(kind, {129, 63, 33, lhs, rhs});
  });
}

TEST_F(GeneratedMatmul, WholeTiles) {
  each([&](const Kind &kind, bool lhs, bool rhs) {
    verify(kind, {64, 64, 16, lhs, rhs});
    verify(kind, {128, 64, 96, lhs, rhs});
    // Copies of 16 bytes, and rows that end early.
    verify(kind, {72, 8, 40, lhs, rhs, 8, 16, 0});
  });
}

TEST_F(GeneratedMatmul, StridesAndAlignments) {
  each([&](const Kind &kind, bool lhs, bool rhs) {
    verify(kind, {24, 16, 40, lhs, rhs, 1, 0, 3});    // one operand by single elements
    verify(kind, {24, 16, 40, lhs, rhs, 0, 2, 0});    // the other one
    verify(kind, {24, 16, 40, lhs, rhs, 0, 0, 0, 1}); // aligned rows, but not the first
    verify(kind, {22, 15, 37, lhs, rhs, 2, 1, 1});    // aligned rows that do not end so
  });
}

TEST_F(GeneratedMatmul, AddsToTheResult) {
  each([&](const Kind &kind, bool lhs, bool rhs) {
    verify(kind, {66, 31, 19, lhs, rhs, 0, 0, 5, 0, true});
    verify(kind, {16, 16, 16, lhs, rhs, 0, 0, 0, 2, true, 2, 1});
  });
}

TEST_F(GeneratedMatmul, BatchesOfTwoAxes) {
  each([&](const Kind &kind, bool lhs, bool rhs) {
    verify(kind, {5, 70, 18, lhs, rhs, 0, 0, 0, 0, false, 1, 3});
    verify(kind, {16, 16, 16, lhs, rhs, 0, 0, 0, 0, false, 3, 2});
    verify(kind, {17, 9, 21, lhs, rhs, 1, 2, 3, 1, true, 2, 3});
  });
}

TEST_F(GeneratedMatmul, RandomShapes) {
  for (int i = 0; i < 48; ++i) {
    const Kind &kind = kinds[i % std::size(kinds)];
    // Sizes, pads and offsets of 16 bytes, or any.
    int unit = below(2) ? 1 : 16 / int(bytesOf(kind.operands));
    verify(kind,
           {unit * (1 + below(80 / unit)), unit * (1 + below(80 / unit)),
            unit * (1 + below(80 / unit)), below(2) == 1, below(2) == 1, unit * below(4),
            unit * below(4), below(4), unit * below(2), below(2) == 1, 1 + below(2), 1 + below(2)});
  }
}

// All 24 bits of a factor come through; the last would be lost with either of its parts.
TEST_F(GeneratedMatmul, KeepsAllBitsOfExactProducts) {
  Product product(fp32, {16, 16, 8});
  product.fill([] { return 0.0f; });
  for (int i = 0; i < 16; ++i) {
    product.lhs.at(0, i, i % 8) = 1.0f + 0x1p-23f * (2 * i + 1);
    product.rhs.at(0, i % 8, i) = i % 3 - 1.0f;
  }
  product.run(*device);
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 16; ++j)
      EXPECT_EQ(product.result.at(0, i, j),
                product.lhs.at(0, i, i % 8) * product.rhs.at(0, i % 8, j))
          << i << ", " << j;
}

TEST_F(GeneratedMatmul, NothingToSumIsZero) {
  for (const Kind &kind : kinds) {
    Product product(kind, {3, 5, 0, false, false, 1});
    product.fill([] { return 7.0f; });
    product.run(*device);
    product.check();
  }
}

TEST_F(GeneratedMatmul, InfinitiesAndNan) {
  for (const Kind &kind : kinds) {
    SCOPED_TRACE(kind.text());
    Product product(kind, {4, 4, 20});
    product.fill([] { return 1.0f; }); // the low part is 0
    product.lhs.fill(kind.operands, [] { return 1.5f; });
    product.lhs.at(0, 0, 3) = infinity;
    product.lhs.at(0, 1, 17) = -infinity;
    product.lhs.at(0, 2, 5) = nan;
    product.rhs.at(0, 3, 1) = 0.0f;
    product.rhs.at(0, 3, 2) = rounded(kind.operands, -0.1f);
    product.run(*device);
    EXPECT_EQ(product.result.at(0, 0, 0), infinity);
    EXPECT_TRUE(std::isnan(product.result.at(0, 0, 1))); // inf · 0
    EXPECT_EQ(product.result.at(0, 0, 2), -infinity);
    EXPECT_EQ(product.result.at(0, 1, 0), -infinity);
    EXPECT_EQ(product.result.at(0, 1, 2), -infinity);
    EXPECT_TRUE(std::isnan(product.result.at(0, 2, 0)));
    EXPECT_EQ(product.result.at(0, 3, 0), 30.0f);
  }
}

// A float16 holds no more than 65504; a sum beyond is infinite only when it is rounded.
TEST_F(GeneratedMatmul, Float16OverflowsWhereItIsRounded) {
  for (const Kind &kind : {f16, f16ToFloat}) {
    Product product(kind, {2, 2, 64});
    product.fill([] { return 64.0f; });
    product.run(*device);
    float expected = kind.result == Element::f16 ? infinity : 64.0f * 64 * 64;
    EXPECT_EQ(product.result.at(0, 1, 1), expected) << kind.text();
  }
}

TEST_F(GeneratedMatmul, SameBitsEachTime) {
  for (const Kind &kind : kinds) {
    Product product(kind, {70, 70, 70});
    product.fill([&] { return normal(); });
    Product again = product;
    product.run(*device);
    again.run(*device);
    EXPECT_EQ(std::memcmp(product.result.values.data(), again.result.values.data(),
                          4 * product.result.values.size()),
              0)
        << kind.text();
  }
}

} // namespace
