// gptc verify on right compilations: what it reports, and how it shrinks.
#include "gptc/Driver/Verify.h"

#include "gptc/Dialect/GPT/GPTOps.h"

#include <fstream>
#include <gtest/gtest.h>

using namespace gptc;

static std::string modelPath(const std::string &name) {
  return std::string(GPTC_MODELS) + "/" + name + ".gpt";
}

/// A description in a file of its own, so long as the test runs.
static std::string describe(const std::string &text) {
  std::string path = testing::TempDir() + "verify_" +
                     testing::UnitTest::GetInstance()->current_test_info()->name() + ".gpt";
  std::ofstream(path) << text;
  return path;
}

static VerifyReport expectVerified(const VerifyOptions &options) {
  runtime::Result<VerifyReport> report = verify(options);
  EXPECT_TRUE(report.ok()) << report.status().message();
  if (!report.ok())
    return {};
  EXPECT_FALSE(report->failure) << report->failure->pass << " " << report->failure->tensor;
  return *report;
}

TEST(Verify, ReportsEachPass) {
  VerifyOptions options;
  options.compile.model = modelPath("mlp");
  options.compile.load.overrides = {"n_hidden=20"};
  std::vector<std::string> told;
  options.afterPass = [&](llvm::StringRef pass, mlir::Operation *) { told.push_back(pass.str()); };
  VerifyReport report = expectVerified(options);
  std::vector<std::string> passes;
  for (const VerifyReport::Row &row : report.rows)
    passes.push_back(row.pass);
  EXPECT_EQ(passes, told);
  auto has = [&](const char *pass) { return llvm::is_contained(passes, pass); };
  EXPECT_TRUE(has("gpt-differentiate") && has("gpt-form-kernels") && has("plan-assign-buffers"));
  EXPECT_TRUE(has("gpt-decompose") && has("gpt-decompose (optimized)"));
  EXPECT_EQ(report.configuration, "vocab_size=27 block_size=3 n_embd=10 n_hidden=20 B=2");
}

TEST(Verify, OtherOptimizerOtherSeedOtherDropout) {
  VerifyOptions options;
  options.compile.model = modelPath("gpt2");
  options.compile.optimizer = Optimizer::sgd;
  options.compile.load.overrides = {"dropout=0.2", "n_embd=12", "n_head=2", "n_layer=2"};
  options.seed = 42;
  expectVerified(options);
}

// A model that does not train has fewer entries.
TEST(Verify, ModelWithoutLoss) {
  VerifyOptions options;
  options.compile.model = describe("model M:\n"
                                   "    param w: [3, 3] = normal(1)\n"
                                   "    forward(x: [B, 3]) -> [B, 3] = tanh(x @ w)\n");
  VerifyReport report = expectVerified(options);
  EXPECT_FALSE(report.rows.empty());
}

// What gradients do not flow through is held fixed when the loss is differenced.
TEST(Verify, Detach) {
  VerifyOptions options;
  options.compile.model = describe("model M:\n"
                                   "    param w: [3] = normal(1)\n"
                                   "    forward(x: [B, 3]) -> [B, 3] = x * w * detach(w)\n"
                                   "    loss(y: [B, 3], z: [B, 3]) -> [] = mean((y - z)^2)\n");
  expectVerified(options);
}

TEST(Verify, ErrorsOfTheDescription) {
  VerifyOptions options;
  options.compile.model = describe("model M:\n    forward(x: [B, 3]) -> [B, 4] = x\n");
  runtime::Result<VerifyReport> report = verify(options);
  ASSERT_FALSE(report.ok());
  EXPECT_NE(report.status().message().find("error"), std::string::npos);
}

static ModelInfo shrunk(const std::string &model) {
  CompileOptions options;
  options.model = modelPath(model);
  runtime::Result<CompileOptions> small = shrinkConfiguration(options);
  EXPECT_TRUE(small.ok());
  Compilation compilation(*small);
  EXPECT_TRUE(compilation.runTo(Stage::graph).ok());
  return compilation.info();
}

TEST(ShrinkConfiguration, KeepsLayersAndHeads) {
  for (const char *model : {"gpt2", "modern_gpt"}) {
    ModelInfo info = shrunk(model);
    EXPECT_LE(info.parameterCount(), 80'000) << model;
    EXPECT_GE(info.parameterCount(), 10'000) << model;
    EXPECT_EQ(info.freeSize("B"), 2) << model;
    EXPECT_EQ(info.freeSize("T"), 16) << model;
    for (const ModelInfo::ConfigValue &value : info.config)
      if (value.name == "n_layer" || value.name == "n_head") {
        EXPECT_GE(value.value.value_or(0), 2) << model << " " << value.name;
      }
  }
}

TEST(ShrinkConfiguration, LeavesSmallModelsAsTheyAre) {
  ModelInfo info = shrunk("mlp");
  EXPECT_EQ(info.parameterCount(), 11897);
}
