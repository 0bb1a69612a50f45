// Products by functions of the plan's object on the CPU: those are found, and a plan that lacks one
// is refused before anything runs. How exact they are is tested where they are made.
#include "TestPlan.h"
#include "runtime/base/Parallel.h"
#include "runtime/device/CpuCommands.h"
#include "runtime/execute/Session.h"
#include "test/Runtime/TestFiles.h"

namespace gptc::runtime::test {
namespace {

constexpr int64_t m = 5, n = 6, k = 3;

struct Sizes {
  int64_t m, n, k;
};

struct Types {
  const char *name;
  fb::DataType lhs, lhsFactor, rhs, rhsFactor, result;
  const char *missing; ///< function
};
void PrintTo(const Types &types, std::ostream *stream) { *stream << types.name; }

constexpr auto f32 = fb::DataType::float32, bf16 = fb::DataType::bfloat16,
               f16 = fb::DataType::float16;

/// An entry `multiply` with a product of such types.
TestPlan productPlan(const Types &types, Sizes sizes = {m, n, k}) {
  auto [m, n, k] = sizes;
  TestPlan test;
  test.useTestKernels();
  uint32_t io = test.addSegment("io", 0);
  test.addTensor("lhs", fb::TensorKind::input, io, {m, k}, 0, types.lhs);
  test.addTensor("rhs", fb::TensorKind::input, io, {k, n}, 0, types.rhs);
  test.addTensor("result", fb::TensorKind::output, io, {m, n}, 0, types.result);
  fb::MatmulT &matmul = test.matmul(test.addEntry("multiply", {io}), test.at("lhs"), test.at("rhs"),
                                    test.at("result"), m, n, k);
  matmul.lhs_type = types.lhs;
  matmul.lhs_factor = types.lhsFactor;
  matmul.rhs_type = types.rhs;
  matmul.rhs_factor = types.rhsFactor;
  matmul.result_type = types.result;
  matmul.generated = true;
  test.plan.matmul_tile = std::make_unique<fb::MatmulTileT>();
  test.plan.matmul_tile->rows = tileRows;
  test.plan.matmul_tile->lanes = tileLanes;
  test.plan.matmul_tile->vectors = 1;
  return test;
}

Result<Session> open(const TestPlan &test, int threads = 1) {
  Result<Plan> plan = test.load();
  if (!plan.ok())
    return plan.status();
  std::vector<std::string> entries = {"multiply"};
  return Session::create(*plan, entries, {.device = {.threads = threads}});
}

TEST(GeneratedProduct, UsesTheFunctionsOfThePlan) {
  for (int threads : {1, 2}) {
    Result<Session> session = open(productPlan({"", f32, f32, f32, f32, f32, ""}), threads);
    ASSERT_SUCCESS(session);
    // Small integers: exact whatever the order of sums.
    std::vector<float> lhs(m * k), rhs(k * n), result(m * n);
    for (size_t i = 0; i < lhs.size(); ++i)
      lhs[i] = static_cast<float>(i % 7) - 3;
    for (size_t i = 0; i < rhs.size(); ++i)
      rhs[i] = static_cast<float>(i % 5) - 1;
    const Plan &plan = session->plan();
    ASSERT_SUCCESS(session->write(*plan.findTensor("lhs"), std::span<const float>(lhs)));
    ASSERT_SUCCESS(session->write(*plan.findTensor("rhs"), std::span<const float>(rhs)));
    ASSERT_SUCCESS(session->run("multiply"));
    ASSERT_SUCCESS(session->read(*plan.findTensor("result"), std::span(result)));
    for (size_t i = 0; i < m; ++i)
      for (size_t j = 0; j < n; ++j) {
        float sum = 0;
        for (size_t l = 0; l < k; ++l)
          sum += lhs[i * k + l] * rhs[l * n + j];
        EXPECT_EQ(result[i * n + j], sum) << i << " " << j;
      }
  }
}

/// What is announced is what the device will allocate.
TEST(GeneratedProduct, ScratchIsKnownBefore) {
  for (const Types &types : {Types{"", f32, f32, f32, f32, f32, ""},
                             {"", bf16, f32, bf16, f32, bf16, ""},
                             {"", f32, bf16, bf16, f32, f32, ""}})
    for (Sizes sizes : {Sizes{1, 1, 1}, {5, 6, 3}, {300, 20, 900}, {20, 1100, 2000}}) {
      Result<Plan> plan = productPlan(types, sizes).load();
      ASSERT_SUCCESS(plan);
      std::vector<size_t> entries = {0};
      MemoryUse use = memoryUse(*plan, entries);

      ProductFunctions functions;
      functions.rows = tileRows;
      functions.lanes = tileLanes;
      functions.tiles.resize(1);
      std::vector<std::byte> memory(plan->segments()[0].bytes);
      CpuScratch scratch;
      CpuResources resources;
      resources.segments = {memory.data()};
      resources.products = &functions;
      resources.scratch = &scratch;
      resolveCommands(*plan, plan->entryTable(0), resources);
      EXPECT_GT(scratch.bytes, 0);
      EXPECT_EQ(use.scratchPerThread, static_cast<uint64_t>(scratch.bytes))
          << sizes.m << " " << sizes.n << " " << sizes.k;
      EXPECT_EQ(use.total(),
                memory.size() + use.scratchPerThread * static_cast<uint64_t>(use.threads));
    }
  for (int threads : {1, 2}) {
    Result<Session> session = open(productPlan({"", f32, f32, f32, f32, f32, ""}), threads);
    ASSERT_SUCCESS(session);
    EXPECT_EQ(session->memory().threads, threadCount());
    EXPECT_NE(session->memory().text().find("scratch of"), std::string::npos);
  }
  setThreadCount(0);
}

TEST(GeneratedProduct, NeedsEachTile) {
  TestPlan test = productPlan({"", f32, f32, f32, f32, f32, ""});
  test.plan.matmul_tile->vectors = 2;
  expectFailure(open(test), Code::dataError,
                {"the plan's kernels lack the function gptc_matmul_tile2"});
}

class MissingMoveTest : public testing::TestWithParam<Types> {};

TEST_P(MissingMoveTest, IsNamed) {
  expectFailure(
      open(productPlan(GetParam())), Code::dataError,
      {std::string("the plan's kernels lack the function gptc_matmul_move_") + GetParam().missing});
}

INSTANTIATE_TEST_SUITE_P(
    Each, MissingMoveTest,
    testing::Values(Types{"left", bf16, f32, f32, f32, f32, "bfloat16_float32"},
                    Types{"right", f32, f32, f16, f32, f32, "float16_float32"},
                    Types{"result", f32, f32, f32, f32, bf16, "float32_bfloat16"},
                    Types{"roundedLeft", f32, f16, f32, f32, f32, "float32_float16_as_float32"},
                    Types{"roundedRight", f32, f32, f32, bf16, f32,
                          "float32_bfloat16_as_float32"}));

} // namespace
} // namespace gptc::runtime::test
