// Several plans at work in one process: each runs its own kernels.
#include "gptc/Driver/Compile.h"

#include "runtime/app/StepTimer.h"

#include <gtest/gtest.h>

using namespace gptc;
using runtime::Result;
using runtime::StepTimer;

static std::unique_ptr<StepTimer> start(const std::string &model) {
  CompileOptions options;
  options.model = std::string(GPTC_MODELS) + "/" + model + ".gpt";
  if (model == "gpt2")
    options.load.overrides = {"n_layer=1", "n_head=2", "n_embd=16", "block_size=8",
                              "vocab_size=40"};
  Compilation compilation(options);
  runtime::Status status = compilation.runTo(Stage::plan);
  EXPECT_TRUE(status.ok()) << status.message();
  Result<runtime::Plan> plan = compilation.makePlan();
  EXPECT_TRUE(plan.ok()) << plan.status().message();
  Result<runtime::ModelInputs> inputs = runtime::ModelInputs::of(*plan);
  EXPECT_TRUE(inputs.ok()) << inputs.status().message();
  Result<std::unique_ptr<StepTimer>> timer =
      StepTimer::create(*plan, *inputs, nullptr, 1, {.device = {.device = "cpu"}});
  EXPECT_TRUE(timer.ok()) << timer.status().message();
  return timer.ok() ? std::move(*timer) : nullptr;
}

static double lossOf(StepTimer &timer) {
  Result<StepTimer::Measured> measured = timer.step();
  EXPECT_TRUE(measured.ok()) << measured.status().message();
  return measured.ok() ? measured->loss : 0;
}

TEST(TwoPlans, RunBesideEachOther) {
  std::vector<double> alone;
  for (const char *model : {"gpt2", "mlp", "bigram"})
    if (std::unique_ptr<StepTimer> timer = start(model))
      alone.push_back(lossOf(*timer));
  std::unique_ptr<StepTimer> first = start("gpt2"), second = start("mlp"), third = start("bigram");
  ASSERT_TRUE(first && second && third);
  EXPECT_EQ(alone, (std::vector<double>{lossOf(*first), lossOf(*second), lossOf(*third)}));
}
