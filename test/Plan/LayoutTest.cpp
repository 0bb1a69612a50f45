// Strides of new tensors and of views.
#include "lib/Plan/Layout.h"

#include "gtest/gtest.h"

#include <random>

using namespace gptc::plan;

namespace {

/// The strides of a new tensor of this shape.
Strides paddedStrides(llvm::ArrayRef<int64_t> shape, bool narrow = false) {
  static mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  mlir::Type element = mlir::Float32Type::get(&context);
  if (narrow)
    element = mlir::BFloat16Type::get(&context);
  return gptc::plan::paddedStrides(mlir::RankedTensorType::get(shape, element));
}

/// The offset of element number `index`, in row-major order.
int64_t offsetOf(int64_t index, llvm::ArrayRef<int64_t> shape, const Strides &strides) {
  int64_t offset = 0;
  for (int64_t axis = static_cast<int64_t>(shape.size()) - 1; axis >= 0; --axis) {
    offset += index % shape[axis] * strides[axis];
    index /= shape[axis];
  }
  return offset;
}

int64_t count(llvm::ArrayRef<int64_t> shape) {
  int64_t product = 1;
  for (int64_t size : shape)
    product *= size;
  return product;
}

TEST(Layout, ShortRowsAreDense) {
  EXPECT_EQ(paddedStrides({4, 12, 64, 64}), (Strides{49152, 4096, 64, 1}));
  EXPECT_EQ(paddedStrides({3, 5}), (Strides{5, 1}));
  EXPECT_EQ(paddedStrides({1000}), (Strides{1}));
  EXPECT_EQ(paddedStrides({}), Strides{});
}

TEST(Layout, LongRowsAreNoMultipleOf256Bytes) {
  EXPECT_EQ(paddedStrides({256, 768}), (Strides{784, 1}));
  EXPECT_EQ(paddedStrides({256, 50257}), (Strides{50272, 1}));
  EXPECT_EQ(paddedStrides({2, 128}), (Strides{144, 1}));
  for (int64_t row = 128; row < 1200; ++row) {
    int64_t stride = paddedStrides({2, row})[0];
    EXPECT_GE(stride, row);
    EXPECT_EQ(stride % 16, 0) << row;
    EXPECT_NE(stride % 64, 0) << row;
  }
}

// The same in bytes.
TEST(Layout, PadsElementsOf16BitsByBytes) {
  EXPECT_EQ(paddedStrides({256, 64}, true), (Strides{64, 1}));
  EXPECT_EQ(paddedStrides({256, 768}, true), (Strides{800, 1}));
  EXPECT_EQ(paddedStrides({256, 50257}, true), (Strides{50272, 1}));
  for (int64_t row = 128; row < 1200; ++row) {
    int64_t stride = paddedStrides({2, row}, true)[0];
    EXPECT_GE(stride, row);
    EXPECT_EQ(stride % 32, 0) << row;
    EXPECT_NE(stride % 128, 0) << row;
  }
}

TEST(Layout, ExtentHoldsTheLastRowsPads) {
  EXPECT_EQ(extent({3, 130}, {144, 1}), 3 * 144);
  EXPECT_EQ(extent({}, {}), 1);
  EXPECT_EQ(extent({0, 4}, {4, 1}), 0);
  EXPECT_EQ(extent({2, 3}, {1, 2}), 6);
}

TEST(Layout, HeadsAreAViewOfAPaddedRow) {
  // [B, T, H·D] with padded rows reads as [B, T, H, D]; after a transposition it cannot be merged
  // back.
  EXPECT_EQ(*reshapeStrides({4, 64, 768}, {64 * 784, 784, 1}, {4, 64, 12, 64}),
            (Strides{64 * 784, 784, 64, 1}));
  EXPECT_EQ(reshapeStrides({4, 12, 64, 64}, {64 * 784, 64, 784, 1}, {4, 768, 64}), std::nullopt);
  EXPECT_EQ(reshapeStrides({2, 130}, {144, 1}, {260}), std::nullopt);
}

// Whatever strides a view gets, element number i of the view is element number i of the tensor.
TEST(Layout, ViewsKeepTheOrderOfElements) {
  std::mt19937 random(1);
  auto pick = [&](int64_t limit) { return static_cast<int64_t>(random() % limit); };
  int views = 0;
  for (int round = 0; round < 3000; ++round) {
    llvm::SmallVector<int64_t> factors;
    for (int64_t i = 0, n = pick(5); i < n; ++i)
      factors.push_back(1 + pick(4));
    // Two shapes with the same elements: neighbouring factors joined at random.
    auto join = [&] {
      llvm::SmallVector<int64_t> shape;
      for (int64_t factor : factors) {
        if (shape.empty() || pick(2))
          shape.push_back(factor);
        else
          shape.back() *= factor;
        if (pick(4) == 0)
          shape.push_back(1);
      }
      return shape;
    };
    llvm::SmallVector<int64_t> from = join(), to = join();
    // Strides of a permuted, padded tensor.
    llvm::SmallVector<int64_t> order(from.size());
    for (size_t i = 0; i < order.size(); ++i)
      order[i] = i;
    if (pick(2))
      std::shuffle(order.begin(), order.end(), random);
    Strides strides(from.size());
    int64_t stride = 1;
    for (auto it = order.rbegin(); it != order.rend(); ++it) {
      strides[*it] = stride;
      stride = stride * from[*it] + (pick(3) == 0 ? pick(3) : 0);
    }
    std::optional<Strides> view = reshapeStrides(from, strides, to);
    if (!view) {
      // A dense tensor can always be viewed.
      Strides dense(from.size(), 1);
      for (int64_t axis = static_cast<int64_t>(from.size()) - 2; axis >= 0; --axis)
        dense[axis] = dense[axis + 1] * from[axis + 1];
      EXPECT_NE(strides, dense);
      continue;
    }
    ++views;
    for (int64_t i = 0; i < count(from); ++i)
      ASSERT_EQ(offsetOf(i, from, strides), offsetOf(i, to, *view));
  }
  EXPECT_GT(views, 1000);
}

} // namespace
