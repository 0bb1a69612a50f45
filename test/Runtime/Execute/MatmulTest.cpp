// Matrix products on each device against loops in double precision: every transposition, padding,
// accumulation and batch. The GPU is the emulator.
#include "CudaTestPlan.h"
#include "runtime/device/Dnnl.h"
#include "runtime/execute/Session.h"
#include "test/Runtime/TestFiles.h"

#include <cmath>
#include <random>

namespace gptc::runtime::test {
namespace {

struct Product {
  const char *name;
  int64_t m, n, k;
  bool transposeLhs = false, transposeRhs = false, accumulate = false;
  std::vector<fb::BatchAxis> batch = {};
  int64_t pad = 0; ///< added to every leading stride, unless strides are given
  int64_t lhsStride = 0, rhsStride = 0, resultStride = 0;
};
void PrintTo(const Product &product, std::ostream *stream) { *stream << product.name; }

/// Who multiplies.
struct Multiplier {
  const char *name;
  DeviceOptions options;
  bool onGpu() const { return options.device == "cuda"; }
};
void PrintTo(const Multiplier &multiplier, std::ostream *stream) { *stream << multiplier.name; }

/// Floats that each matrix spans.
struct Extents {
  int64_t lhs, rhs, result;
};

class MatmulTest : public testing::TestWithParam<std::tuple<Product, Multiplier>> {
protected:
  void SetUp() override {
    std::tie(product, multiplier) = GetParam();
    if (!multiplier.onGpu() && !openDnnl().ok())
      GTEST_SKIP() << openDnnl().status().message();
    if (product.lhsStride == 0)
      product.lhsStride = (product.transposeLhs ? product.m : product.k) + product.pad;
    if (product.rhsStride == 0)
      product.rhsStride = (product.transposeRhs ? product.k : product.n) + product.pad;
    if (product.resultStride == 0)
      product.resultStride = product.n + product.pad;
  }

  Extents extents() const {
    auto one = [](int64_t rows, int64_t columns, int64_t stride) {
      return (rows - 1) * stride + columns;
    };
    const Product &p = product;
    Extents e = {p.transposeLhs ? one(p.k, p.m, p.lhsStride) : one(p.m, p.k, p.lhsStride),
                 p.transposeRhs ? one(p.n, p.k, p.rhsStride) : one(p.k, p.n, p.rhsStride),
                 one(p.m, p.n, p.resultStride)};
    for (const fb::BatchAxis &axis : p.batch) {
      e.lhs += (axis.size() - 1) * axis.lhs_stride();
      e.rhs += (axis.size() - 1) * axis.rhs_stride();
      e.result += (axis.size() - 1) * axis.result_stride();
    }
    return e;
  }

  /// The product in double precision.
  std::vector<double> reference(const std::vector<float> &lhs, const std::vector<float> &rhs,
                                const std::vector<float> &before) const {
    std::vector<double> result(before.begin(), before.end());
    addItem(0, 0, 0, 0, lhs, rhs, result);
    return result;
  }

  Product product;
  Multiplier multiplier;

private:
  void addItem(size_t axis, int64_t a, int64_t b, int64_t c, const std::vector<float> &lhs,
               const std::vector<float> &rhs, std::vector<double> &result) const {
    const Product &p = product;
    if (axis < p.batch.size()) {
      for (int64_t i = 0; i < p.batch[axis].size(); ++i)
        addItem(axis + 1, a + i * p.batch[axis].lhs_stride(), b + i * p.batch[axis].rhs_stride(),
                c + i * p.batch[axis].result_stride(), lhs, rhs, result);
      return;
    }
    for (int64_t i = 0; i < p.m; ++i)
      for (int64_t j = 0; j < p.n; ++j) {
        double sum = 0;
        for (int64_t l = 0; l < p.k; ++l)
          sum += double{lhs[static_cast<size_t>(
                     a + (p.transposeLhs ? l * p.lhsStride + i : i * p.lhsStride + l))]} *
                 rhs[static_cast<size_t>(
                     b + (p.transposeRhs ? j * p.rhsStride + l : l * p.rhsStride + j))];
        double &place = result[static_cast<size_t>(c + i * p.resultStride + j)];
        place = p.accumulate ? place + sum : sum;
      }
  }
};

TEST_P(MatmulTest, IsTheSumOfProducts) {
  Extents sizes = extents();
  TestPlan test;
  uint32_t io = test.addSegment("io", 0);
  test.addTensor("lhs", fb::TensorKind::input, io, {sizes.lhs});
  test.addTensor("rhs", fb::TensorKind::input, io, {sizes.rhs});
  test.addTensor("result", fb::TensorKind::output, io, {sizes.result});
  fb::MatmulT &matmul = test.matmul(test.addEntry("multiply", {io}), test.at("lhs"), test.at("rhs"),
                                    test.at("result"), product.m, product.n, product.k);
  matmul.transpose_lhs = product.transposeLhs;
  matmul.transpose_rhs = product.transposeRhs;
  matmul.accumulate = product.accumulate;
  matmul.batch = product.batch;
  matmul.lhs_stride = product.lhsStride;
  matmul.rhs_stride = product.rhsStride;
  matmul.result_stride = product.resultStride;
  if (multiplier.onGpu())
    useCudaKernels(test);
  Result<Plan> plan = test.load();
  ASSERT_SUCCESS(plan);

  std::vector<std::string> entries = {"multiply"};
  Result<Session> session = Session::create(*plan, entries, {.device = multiplier.options});
  ASSERT_SUCCESS(session);
  std::mt19937 random(7);
  std::uniform_real_distribution<float> uniform(-1, 1);
  auto draw = [&](int64_t count) {
    std::vector<float> values(static_cast<size_t>(count));
    for (float &value : values)
      value = uniform(random);
    return values;
  };
  std::vector<float> lhs = draw(sizes.lhs), rhs = draw(sizes.rhs), before = draw(sizes.result),
                     result(before.size());
  auto write = [&](const char *name, const std::vector<float> &values) {
    return session->write(*plan->findTensor(name), std::span<const float>(values));
  };
  ASSERT_SUCCESS(write("lhs", lhs));
  ASSERT_SUCCESS(write("rhs", rhs));
  ASSERT_SUCCESS(write("result", before));
  ASSERT_SUCCESS(session->run("multiply"));
  ASSERT_SUCCESS(session->read(*plan->findTensor("result"), std::span(result)));

  // A float32 sum of n terms below 1 is off by at most n² · 2⁻²⁴; what lies between rows is not
  // touched.
  int64_t terms = product.k + 1;
  for (const fb::BatchAxis &axis : product.batch)
    terms *= axis.result_stride() == 0 ? axis.size() : 1;
  double tolerance = static_cast<double>(terms * terms) * 0x1p-24;
  std::vector<double> expected = reference(lhs, rhs, before);
  for (size_t i = 0; i < result.size(); ++i)
    ASSERT_NEAR(result[i], expected[i], tolerance) << i;
}

const Product products[] = {
    {"plain", 5, 7, 3},
    {"large", 130, 97, 65, false, false, false, {}, 16},
    {"leftTransposed", 33, 18, 40, true, false, false, {}, 3},
    {"rightTransposed", 33, 18, 40, false, true, false, {}, 5},
    {"bothTransposed", 33, 18, 40, true, true, false, {}, 1},
    {"accumulated", 17, 19, 23, false, true, true, {}, 4},
    {"oneRow", 1, 20, 30},
    {"oneColumn", 20, 1, 30, false, true},
    {"oneRowOfNoStride", 1, 4, 6, false, false, false, {}, 0, 1, 4, 1},
    {"batch", 6, 5, 4, false, false, false, {{4, 24, 20, 30}}},
    {"oddBatch", 6, 5, 4, false, false, false, {{3, 24, 20, 30}}},
    {"sharedRight", 6, 5, 4, false, false, true, {{9, 24, 0, 30}}},
    {"sumOverBatch", 6, 5, 4, true, false, true, {{5, 24, 20, 0}}},
    // [B, T, H · D] as [B, H, T, D]: scores of 2 x 3 heads, T 4, D 5.
    {"heads", 4, 4, 5, false, true, false, {{2, 60, 60, 48}, {3, 5, 5, 16}}, 0, 15, 15, 4},
    {"headsBack", 4, 5, 4, false, false, false, {{2, 48, 60, 60}, {3, 16, 5, 5}}, 0, 4, 15, 15},
};

const Multiplier multipliers[] = {
    {"one thread", {.threads = 1}},
    {"two threads", {.threads = 2}},
    {"cuBLASLt", cudaOptions(true, MatmulChoice::library)},
    {"generated", cudaOptions(true, MatmulChoice::generated)},
};

INSTANTIATE_TEST_SUITE_P(Each, MatmulTest,
                         testing::Combine(testing::ValuesIn(products),
                                          testing::ValuesIn(multipliers)));

} // namespace
} // namespace gptc::runtime::test
