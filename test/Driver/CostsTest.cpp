// What commands move and compute, against figures worked out by hand.
#include "gptc/Driver/Costs.h"

#include "gptc/Dialect/GPT/GPTOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace gptc;

static void expectCost(const Cost &cost, uint64_t read, uint64_t written, uint64_t flops) {
  EXPECT_EQ(cost.read, read);
  EXPECT_EQ(cost.written, written);
  EXPECT_EQ(cost.flops, flops);
}

namespace {
class Costs : public testing::Test {
protected:
  Costs() {
    DialectRegistry registry;
    registry.insert<gpt::GPTDialect, plan::PlanDialect, arith::ArithDialect, math::MathDialect>();
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  /// The cost of the first command of the only entry of a plan, in which there are buffers @a to
  /// @g, and @i and @j of indices.
  Cost costOfFirst(const std::string &kernels, const std::string &command) {
    std::string text = kernels + "\nplan.entry @update {\n" + command + "\n}\n";
    for (char name = 'a'; name <= 'g'; ++name)
      text += std::string("plan.buffer @") + name + " in \"transient\" bytes 4096\n";
    for (char name : {'i', 'j'})
      text += std::string("plan.buffer @") + name + " in \"transient\" bytes 4096 of i32\n";
    module = parseSourceString<ModuleOp>(text, &context);
    EXPECT_TRUE(module);
    if (!module)
      return {};
    plan::EntryOp entry = *module->getOps<plan::EntryOp>().begin();
    SymbolTableCollection tables;
    return costOf(&entry.getBody().front().front(), tables);
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};
} // namespace

static const char *const addBias = R"(
plan.kernel @k "row" rows 8 layouts [memref<8x4xf32, strided<[16, 1]>>, memref<4xf32, strided<[1]>>,
    memref<8x4xf32, strided<[4, 1]>>] accumulate [false] in_place [-1] {
^bb0(%x: tensor<8x4xf32>, %b: tensor<4xf32>):
  %y = gpt.map(%x, %b) : (tensor<8x4xf32>, tensor<4xf32>) -> tensor<8x4xf32> {
  ^bb0(%p: f32, %q: f32):
    %z = arith.addf %p, %q : f32
    gpt.yield %z : f32
  }
  gpt.yield %y : tensor<8x4xf32>
})";

// 32 elements and 4 are read, pads between rows are not.
TEST_F(Costs, RowKernel) {
  expectCost(costOfFirst(addBias, "plan.launch @k rows [8] grain 8 [[#plan.view<@a, 0>, "
                                  "#plan.view<@b, 0>, #plan.view<@c, 0>]]"),
             4 * (32 + 4), 4 * 32, 32);
}

// A kernel serves any number of rows; the bias is the same for all. Instances add up.
TEST_F(Costs, RowKernelOnOtherRows) {
  expectCost(costOfFirst(addBias,
                         "plan.launch @k rows [24, 2] grain 8 [[#plan.view<@a, 0>, #plan.view<@b, "
                         "0>, #plan.view<@c, 0>], [#plan.view<@d, 0>, #plan.view<@b, 0>, "
                         "#plan.view<@e, 0>]]"),
             4 * (96 + 4) + 4 * (8 + 4), 4 * 96 + 4 * 8, 96 + 8);
}

// The square does not depend on an element, the comparison and the selection are no FLOPs, and a
// place that two operands name is read once.
TEST_F(Costs, WhatIsTheSameForAll) {
  const char *kernel = R"(
plan.kernel @k "row" rows 8 layouts [memref<8x4xf32, strided<[4, 1]>>, memref<8x4xf32, strided<[4, 1]>>,
    memref<f32, strided<[]>>, memref<8x4xf32, strided<[4, 1]>>] accumulate [true] in_place [-1] {
^bb0(%x: tensor<8x4xf32>, %w: tensor<8x4xf32>, %c: tensor<f32>):
  %y = gpt.map(%x, %w, %c) : (tensor<8x4xf32>, tensor<8x4xf32>, tensor<f32>) -> tensor<8x4xf32> {
  ^bb0(%p: f32, %r: f32, %q: f32):
    %s = arith.mulf %q, %q : f32
    %z = math.exp %p : f32
    %g = arith.cmpf ogt, %z, %s : f32
    %t = arith.select %g, %r, %s : f32
    gpt.yield %t : f32
  }
  gpt.yield %y : tensor<8x4xf32>
})";
  expectCost(costOfFirst(kernel, "plan.launch @k rows [8] grain 8 [[#plan.view<@a, 0>, "
                                 "#plan.view<@a, 0>, #plan.view<@c, 0>, #plan.view<@d, 0>]]"),
             4 * (32 + 1 + 32), 4 * 32, 32 + 1);
}

// Rows of 4 elements are added up by three additions each; a row of stride 0 is one element.
TEST_F(Costs, Reduction) {
  const char *kernel = R"(
plan.kernel @k "row" rows 8 layouts [memref<8x4xf32, strided<[1, 0]>>, memref<8xf32, strided<[1]>>]
    accumulate [false] in_place [-1] {
^bb0(%x: tensor<8x4xf32>):
  %y = gpt.reduce sum %x [1] : tensor<8x4xf32> -> tensor<8xf32>
  gpt.yield %y : tensor<8xf32>
})";
  expectCost(costOfFirst(kernel, "plan.launch @k rows [8] grain 8 [[#plan.view<@a, 0>, "
                                 "#plan.view<@c, 0>]]"),
             4 * 8, 4 * 8, 24);
}

static std::string gather(int64_t rows) {
  std::string size = std::to_string(rows);
  return R"(
plan.kernel @k "row" rows 6 layouts [memref<6xi32, strided<[1]>>, memref<)" +
         size + R"(x4xf32, strided<[4, 1]>>, memref<6x4xf32, strided<[4, 1]>>]
    accumulate [false] in_place [-1] {
^bb0(%i: tensor<6xi32>, %t: tensor<)" +
         size + R"(x4xf32>):
  %y = gpt.embedding %i, %t : tensor<6xi32>, tensor<)" +
         size + R"(x4xf32> -> tensor<6x4xf32>
  gpt.yield %y : tensor<6x4xf32>
})";
}

// Six rows of a large table; of a small one no more than there is.
TEST_F(Costs, Gather) {
  std::string command = "plan.launch @k rows [6] grain 8 [[#plan.view<@i, 0>, #plan.view<@b, 0>, "
                        "#plan.view<@c, 0>]]";
  expectCost(costOfFirst(gather(100), command), 4 * (6 + 24), 4 * 24, 0);
  expectCost(costOfFirst(gather(2), command), 4 * (6 + 8), 4 * 24, 0);
}

static std::string segmentedSum(bool accumulate) {
  return std::string(R"(
plan.kernel @k "segmented_sum" rows 100 layouts [memref<6xi32, strided<[1]>>, memref<6xi32, strided<[1]>>,
    memref<6x4xf32, strided<[4, 1]>>, memref<100x4xf32, strided<[4, 1]>>] accumulate [)") +
         (accumulate ? "true" : "false") + R"(] in_place [-1] {
^bb0(%i: tensor<6xi32>, %o: tensor<6xi32>, %d: tensor<6x4xf32>):
  %y = gpt.embedding_grad %i, %o, %d : tensor<6xi32>, tensor<6xi32>, tensor<6x4xf32> -> tensor<100x4xf32>
  gpt.yield %y : tensor<100x4xf32>
})";
}

// The whole table is written, or six of its rows are added to.
TEST_F(Costs, SegmentedSum) {
  std::string command = "plan.launch @k rows [100] grain 8 [[#plan.view<@i, 0>, #plan.view<@j, 0>, "
                        "#plan.view<@c, 0>, #plan.view<@d, 0>]]";
  expectCost(costOfFirst(segmentedSum(false), command), 4 * (6 + 6 + 24), 4 * 400, 24);
  expectCost(costOfFirst(segmentedSum(true), command), 4 * (6 + 6 + 24 + 24), 4 * 24, 24);
}

static std::string attention(const char *causal) {
  return std::string(R"(
plan.kernel @k "attention" rows 2 layouts [memref<1x2x4x3xf32, strided<[24, 12, 3, 1]>>,
    memref<1x2x4x3xf32, strided<[24, 12, 3, 1]>>, memref<1x2x4x5xf32, strided<[40, 20, 5, 1]>>,
    memref<1x2x4x5xf32, strided<[40, 20, 5, 1]>>, memref<1x2x4xf32, strided<[8, 4, 1]>>]
    accumulate [false, false] in_place [-1, -1] {
^bb0(%q: tensor<1x2x4x3xf32>, %k: tensor<1x2x4x3xf32>, %v: tensor<1x2x4x5xf32>):
  %y, %l = gpt.flash_attention %q, %k, %v )") +
         causal + R"( scale 0.5 : tensor<1x2x4x3xf32>, tensor<1x2x4x3xf32>, tensor<1x2x4x5xf32>
      -> tensor<1x2x4x5xf32>, tensor<1x2x4xf32>
  gpt.yield %y, %l : tensor<1x2x4x5xf32>, tensor<1x2x4xf32>
})";
}

// Of 4 × 4 pairs a causal mask leaves 10; each takes 2·3 + 2·5 + 5 FLOPs, each of 40 results a
// division.
TEST_F(Costs, Attention) {
  std::string command = "plan.launch @k rows [2] grain 1 [[#plan.view<@a, 0>, #plan.view<@b, 0>, "
                        "#plan.view<@c, 0>, #plan.view<@d, 0>, #plan.view<@e, 0>]]";
  expectCost(costOfFirst(attention("causal"), command), 4 * (24 + 24 + 40), 4 * (40 + 8),
             2 * 10 * 21 + 40);
  expectCost(costOfFirst(attention(""), command), 4 * (24 + 24 + 40), 4 * (40 + 8),
             2 * 16 * 21 + 40);
}

// The five products of the adjoint: two with the head's 3 elements more than twice with the
// values' 5.
TEST_F(Costs, AttentionGradient) {
  const char *kernel = R"(
plan.kernel @k "attention_grad" rows 1 layouts [memref<1x1x4x3xf32, strided<[12, 12, 3, 1]>>,
    memref<1x1x4x3xf32, strided<[12, 12, 3, 1]>>, memref<1x1x4x5xf32, strided<[20, 20, 5, 1]>>,
    memref<1x1x4x5xf32, strided<[20, 20, 5, 1]>>, memref<1x1x4xf32, strided<[4, 4, 1]>>,
    memref<1x1x4x5xf32, strided<[20, 20, 5, 1]>>, memref<1x1x4x3xf32, strided<[12, 12, 3, 1]>>,
    memref<1x1x4x3xf32, strided<[12, 12, 3, 1]>>, memref<1x1x4x5xf32, strided<[20, 20, 5, 1]>>]
    accumulate [false, false, false] in_place [-1, -1, -1] {
^bb0(%q: tensor<1x1x4x3xf32>, %k: tensor<1x1x4x3xf32>, %v: tensor<1x1x4x5xf32>, %y: tensor<1x1x4x5xf32>,
     %l: tensor<1x1x4xf32>, %g: tensor<1x1x4x5xf32>):
  %dq, %dk, %dv = gpt.flash_attention_grad %q, %k, %v, %y, %l, %g scale 0.5 : tensor<1x1x4x3xf32>,
      tensor<1x1x4x3xf32>, tensor<1x1x4x5xf32>, tensor<1x1x4x5xf32>, tensor<1x1x4xf32>, tensor<1x1x4x5xf32>
      -> tensor<1x1x4x3xf32>, tensor<1x1x4x3xf32>, tensor<1x1x4x5xf32>
  gpt.yield %dq, %dk, %dv : tensor<1x1x4x3xf32>, tensor<1x1x4x3xf32>, tensor<1x1x4x5xf32>
})";
  expectCost(costOfFirst(kernel,
                         "plan.launch @k rows [1] grain 1 [[#plan.view<@a, 0>, #plan.view<@b, 0>, "
                         "#plan.view<@c, 0>, #plan.view<@d, 0>, #plan.view<@e, 0>, #plan.view<@f, "
                         "0>, #plan.view<@g, 0>, #plan.view<@g, 100>, #plan.view<@g, 200>]]"),
             4 * (12 + 12 + 20 + 20 + 4 + 20), 4 * (12 + 12 + 20), 16 * (18 + 20 + 6) + 40);
}

// The right matrix serves all five products.
TEST_F(Costs, Matmul) {
  std::string command =
      "plan.matmul 2 x 3 x 4(<@a, 0>, <@b, 0>) to <@c, 0> strides [4, 3, 3] batch "
      "[#plan.batch<5, 8, 0, 6>]";
  expectCost(costOfFirst("", command), 4 * (5 * 8 + 12), 4 * 5 * 6, 5 * 2 * 24);
  expectCost(costOfFirst("", command + " accumulate"), 4 * (5 * 8 + 12 + 5 * 6), 4 * 5 * 6,
             5 * 2 * 24);
}

// The epilogue finds the product in the cache: x and w are read and the bias, and what it computes
// is written; the product itself only where nothing takes its place.
TEST_F(Costs, Epilogue) {
  std::string command =
      "plan.matmul 8 x 4 x 2(<@d, 0>, <@e, 0>) to <@a, 0> strides [2, 4, 16] batch [] "
      "epilogue @k rows 8 grain 8 [#plan.view<@a, 0>, #plan.view<@b, 0>, #plan.view<";
  expectCost(costOfFirst(addBias, command + "@c, 0>]"), 4 * (16 + 8 + 4), 4 * (32 + 32),
             2 * 64 + 32);
  std::string inPlace = addBias;
  inPlace.replace(inPlace.find("in_place [-1]"), 13, "in_place [0]");
  expectCost(costOfFirst(inPlace, command + "@a, 0>]"), 4 * (16 + 8 + 4), 4 * 32, 2 * 64 + 32);
}

TEST_F(Costs, Argsort) {
  expectCost(costOfFirst("", "plan.argsort <@a, 0> to <@b, 0> count 6"), 4 * 6, 4 * 6, 0);
}
