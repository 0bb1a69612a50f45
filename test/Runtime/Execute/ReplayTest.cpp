// Replays: which products a step has, that oneDNN's primitives compute them in every form, what the
// pass over the optimizer's memory moves, and what the command prints and refuses.
#include "runtime/app/Replay.h"
#include "RunFixture.h"
#include "runtime/app/ProductReplay.h"
#include "runtime/app/UpdatePass.h"

#include <fmt/format.h>

namespace gptc::runtime::test {
namespace {

/// The bigram plan with products in its entries. They read and write tensors that nobody else uses.
class ReplayTest : public RunFixture {
protected:
  ReplayTest() {
    uint32_t io = 3; // as bigramPlan numbers its segments
    for (const char *name : {"lhs", "rhs", "result"})
      bigram.addTensor(name, fb::TensorKind::output, io, {64, 64});
  }

  fb::MatmulT &product(const std::string &entry, int64_t m, int64_t n, int64_t k) {
    for (auto &candidate : bigram.plan.entries)
      if (candidate->name == entry)
        return bigram.matmul(*candidate, bigram.at("lhs"), bigram.at("rhs"), bigram.at("result"), m,
                             n, k);
    throw std::logic_error("no entry " + entry);
  }

  std::vector<std::string> texts(const std::vector<std::string> &entries) {
    Result<Plan> plan = bigram.load();
    EXPECT_TRUE(plan.ok()) << messageOf(plan);
    Result<std::vector<StepProduct>> products = stepProducts(*plan, entries);
    EXPECT_TRUE(products.ok()) << messageOf(products);
    std::vector<std::string> texts;
    for (const StepProduct &product : *products)
      texts.push_back(product.text());
    return texts;
  }

  Status replay(const ReplayOptions &options) {
    output.clear();
    return gptc::runtime::replay(*bigram.load(), options, console);
  }
};

bool hasPrimitives() { return openDnnlPrimitives().ok(); }

TEST_F(ReplayTest, ProductsOfAStepInOrder) {
  product("accumulate_first", 3, 4, 5);
  product("accumulate_middle", 9, 9, 9);
  product("update", 2, 2, 2).accumulate = true;
  fb::MatmulT &transposed = product("accumulate_first", 6, 7, 8);
  transposed.transpose_lhs = transposed.transpose_rhs = true;
  transposed.lhs_stride = 6;
  transposed.rhs_stride = 8;
  std::vector<std::string> entries = *stepEntries(*bigram.load());
  EXPECT_EQ(entries, (std::vector<std::string>{"accumulate_first", "update"}));
  EXPECT_EQ(texts(entries),
            (std::vector<std::string>{"3 x 4 x 5", "6 x 7 x 8 lhs^T rhs^T", "2 x 2 x 2 +="}));
  EXPECT_EQ(texts({"update", "accumulate_middle", "update"}),
            (std::vector<std::string>{"2 x 2 x 2 +=", "9 x 9 x 9", "2 x 2 x 2 +="}));
}

TEST_F(ReplayTest, BatchesThatShareOperands) {
  product("update", 4, 4, 4).batch = {{2, 48, 16, 16}, {3, 16, 16, 32}};
  product("update", 4, 4, 4).batch = {{2, 48, 0, 16}, {3, 16, 16, 32}};
  product("update", 4, 4, 4).batch = {{1, 0, 0, 0}};
  Result<Plan> plan = bigram.load();
  ASSERT_SUCCESS(plan);
  std::vector<std::string> entries = {"update"};
  Result<std::vector<StepProduct>> products = stepProducts(*plan, entries);
  ASSERT_SUCCESS(products);
  EXPECT_EQ((*products)[0].text(), "2 x 3 x 4 x 4 x 4");
  EXPECT_EQ((*products)[0].sizes, (ProductSizes{6, 4, 4, 4, false}));
  EXPECT_TRUE((*products)[0].isIndependent);
  EXPECT_FALSE((*products)[1].isIndependent);
  EXPECT_TRUE((*products)[2].isIndependent);
  EXPECT_EQ((*products)[0].sizes.flops(), 6 * 2 * 64);
}

TEST_F(ReplayTest, RefusesWhatItCannotReplay) {
  ReplayOptions options;
  expectFailure(replay(options), Code::failedPrecondition,
                {"no matrix product in accumulate_first, update"});
  options.entries = {"updaet"};
  expectFailure(replay(options), Code::invalidArgument, {"updaet", "did you mean update"});
  options = {};
  options.threads = -1;
  expectFailure(replay(options), Code::invalidArgument, {"--threads -1"});
  options = {};
  fb::MatmulT &matmul = product("accumulate_first", 3, 4, 5);
  matmul.lhs_type = matmul.rhs_type = fb::DataType::bfloat16;
  matmul.generated = true;
  bigram.plan.matmul_tile = std::make_unique<fb::MatmulTileT>();
  bigram.plan.matmul_tile->rows = 8;
  bigram.plan.matmul_tile->lanes = 16;
  bigram.plan.matmul_tile->vectors = 3;
  expectFailure(replay(options), Code::failedPrecondition,
                {"accumulate_first", "3 x 4 x 5", "bfloat16", "--precision fp32"});
  bigram = bigramPlan();
  bigram.useCuda();
  expectFailure(replay(options), Code::failedPrecondition, {"cuda"});
  bigram = sortPlan();
  expectFailure(replay(options), Code::failedPrecondition, {"no entry accumulate_first"});
}

TEST_F(ReplayTest, PassOverTheOptimizersMemory) {
  Result<Plan> plan = bigram.load();
  ASSERT_SUCCESS(plan);
  Result<UpdatePass> pass = UpdatePass::create(*plan);
  ASSERT_SUCCESS(pass);
  EXPECT_EQ(pass->elements(), vocabulary * vocabulary);
  // The parameter and two moments read and written, the gradient read.
  EXPECT_EQ(pass->bytes(), 7 * sizeof(float) * vocabulary * vocabulary);

  std::vector<std::vector<float>> memory;
  std::vector<std::byte *> segments;
  for (const SegmentInfo &segment : plan->segments())
    segments.push_back(reinterpret_cast<std::byte *>(
        memory.emplace_back(segment.bytes / sizeof(float), 1.0f).data()));
  auto changed = [&](const char *name) {
    const TensorInfo &tensor = *plan->findTensor(name);
    const std::vector<float> &segment = memory[tensor.place.segment];
    auto begin = segment.begin() + static_cast<std::ptrdiff_t>(tensor.place.offset / sizeof(float));
    return std::count_if(begin, begin + tensor.count(), [](float value) { return value != 1; });
  };
  // Moments that are not what they move towards.
  std::fill(memory[1].begin(), memory[1].end(), 2.0f);
  pass->run(segments);
  EXPECT_EQ(changed("table"), vocabulary * vocabulary);
  for (const char *name : {"moment1:table", "moment2:table"}) {
    const TensorInfo &moment = *plan->findTensor(name);
    EXPECT_NEAR(memory[1][moment.place.offset / sizeof(float)], 0.9f * 2 + 0.1f, 1e-6f);
  }
  EXPECT_EQ(changed("gradient:table"), 0);
  EXPECT_EQ(changed("count"), 0); // a state
}

TEST_F(ReplayTest, PassWithoutMoments) {
  std::erase_if(bigram.plan.tensors,
                [](const auto &tensor) { return tensor->kind == fb::TensorKind::moment; });
  Result<UpdatePass> pass = UpdatePass::create(*bigram.load());
  ASSERT_SUCCESS(pass);
  EXPECT_EQ(pass->bytes(), 3 * sizeof(float) * vocabulary * vocabulary);
  std::erase_if(bigram.plan.tensors,
                [](const auto &tensor) { return tensor->kind == fb::TensorKind::gradient; });
  expectFailure(UpdatePass::create(*bigram.load()), Code::failedPrecondition, {"no gradients"});
}

/// With all of lhs 2 and all of rhs 3, each element of the result is 6 k, wherever the layout has
/// it, and pads are 0.
TEST(DnnlProduct, ComputesEveryFormInItsLayout) {
  if (!hasPrimitives())
    GTEST_SKIP() << openDnnlPrimitives().status().message();
  Result<DnnlEngine> engine = DnnlEngine::create();
  ASSERT_SUCCESS(engine);
  int count = 0;
  for (const ProductSizes &sizes :
       {ProductSizes{1, 37, 50, 19}, {1, 130, 64, 256}, {3, 33, 20, 65}, {1, 37, 50, 19, true}})
    for (ProductForm form : productForms()) {
      Result<DnnlProduct> product = DnnlProduct::create(*engine, sizes, form);
      if (!product.ok())
        continue;
      SCOPED_TRACE(fmt::format("{} ({}) of {} x {} x {}", form.name(), product->implementation(),
                               sizes.m, sizes.n, sizes.k));
      ++count;
      int64_t logical[] = {sizes.m * sizes.k, sizes.k * sizes.n, sizes.m * sizes.n};
      float values[] = {2, 3, 1};
      std::array<CpuMemory, 3> memory;
      std::array<std::byte *, 3> addresses;
      for (size_t i = 0; i < 3; ++i) {
        ASSERT_GE(product->bytes()[i],
                  sizeof(float) * static_cast<uint64_t>(sizes.batch * logical[i]));
        memory[i] = std::move(*CpuMemory::allocate(product->bytes()[i]));
        addresses[i] = memory[i].data();
        std::fill_n(reinterpret_cast<float *>(addresses[i]), product->bytes()[i] / sizeof(float),
                    values[i]);
      }
      Result<DnnlProduct::Operands> operands = product->bind(addresses);
      ASSERT_SUCCESS(operands);
      ASSERT_SUCCESS(product->run(*operands));
      float expected = 6 * static_cast<float>(sizes.k) + (sizes.accumulate ? 1 : 0);
      int64_t found = 0, other = 0;
      for (size_t i = 0; i < product->bytes()[2] / sizeof(float); ++i) {
        float value = reinterpret_cast<float *>(addresses[2])[i];
        found += value == expected;
        other += value != expected && value != 0;
      }
      EXPECT_EQ(found, sizes.batch * logical[2]);
      EXPECT_EQ(other, 0);
    }
  EXPECT_GT(count, 0);
}

TEST_F(ReplayTest, TellsShapesAndTimes) {
  if (!hasPrimitives())
    GTEST_SKIP() << openDnnlPrimitives().status().message();
  product("accumulate_first", 30, 40, 50);
  product("accumulate_first", 30, 40, 50);
  product("update", 4, 4, 4).batch = {{2, 48, 0, 16}};
  ReplayOptions options;
  options.json = true;
  options.steps = 3;
  options.threads = 2;
  ASSERT_SUCCESS(replay(options));
  nlohmann::json result = nlohmann::json::parse(output);
  EXPECT_EQ(result.at("steps"), 3);
  EXPECT_EQ(result.at("flops"), 2 * 2 * 30 * 40 * 50 + 2 * 2 * 64);
  EXPECT_EQ(result.at("bytes"), 28 * 25);
  ASSERT_EQ(result.at("shapes").size(), 2u);
  EXPECT_EQ(result["shapes"][0].at("code"), "30 x 40 x 50");
  EXPECT_EQ(result["shapes"][0].at("count"), 2);
  EXPECT_EQ(result["shapes"][1].at("method"), "sgemm"); // operands are shared
  for (const char *key : {"products_ms", "memory_ms", "floor_ms", "gflops_per_second"})
    EXPECT_GT(result.at(key).get<double>(), 0) << key;
  EXPECT_DOUBLE_EQ(result.at("step_ms").get<double>(), result.at("floor_ms").get<double>() / 0.85);
  options.json = false;
  options.entries = {"accumulate_first"};
  ASSERT_SUCCESS(replay(options));
  EXPECT_THAT(output, testing::HasSubstr("   2 of 30 x 40 x 50 "));
  EXPECT_THAT(output, testing::HasSubstr("products  2, "));
  EXPECT_THAT(output, testing::Not(testing::HasSubstr("memory ")));
}

TEST_F(ReplayTest, Serves) {
  if (!hasPrimitives())
    GTEST_SKIP() << openDnnlPrimitives().status().message();
  product("accumulate_first", 30, 40, 50);
  std::vector<std::string> requests = {"step", "step", "quit", "step"};
  size_t next = 0;
  auto lines = [&]() -> std::optional<std::string> {
    return next < requests.size() ? std::optional(requests[next++]) : std::nullopt;
  };
  ReplayOptions options;
  options.serve = true;
  ASSERT_SUCCESS(gptc::runtime::replay(*bigram.load(), options, console, lines));
  std::istringstream answers(output);
  int count = 0;
  for (std::string line; std::getline(answers, line); ++count) {
    nlohmann::json answer = nlohmann::json::parse(line);
    EXPECT_GT(answer.at("products_ms").get<double>(), 0);
    EXPECT_NEAR(answer.at("ms").get<double>(),
                answer["products_ms"].get<double>() + answer.at("memory_ms").get<double>(), 2e-4);
    EXPECT_EQ(answer.at("flops"), 2 * 30 * 40 * 50);
    EXPECT_EQ(answer.at("bytes"), 28 * 25);
  }
  EXPECT_EQ(count, 2);
  requests = {"jump"};
  next = 0;
  expectFailure(gptc::runtime::replay(*bigram.load(), options, console, lines),
                Code::invalidArgument, {"\"jump\""});
}

} // namespace
} // namespace gptc::runtime::test
