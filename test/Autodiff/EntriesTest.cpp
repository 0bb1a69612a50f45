// The training entries, run: accumulation over micro-batches, the optimizer's update against
// PyTorch's, and evaluation beside them.
#include "GradientHarness.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

using namespace gptc::test;
using nlohmann::json;

static constexpr double infinity = std::numeric_limits<double>::infinity();

static void expectNear(const Tensor &found, const std::vector<double> &expected, double tolerance) {
  ASSERT_EQ(found.getNumElements(), static_cast<int64_t>(expected.size()));
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(found.reals()[i], expected[i], tolerance) << "[" << i << "]";
}

// A tied table, so that one gradient has two terms, a parameter without influence, and a state.
static const char *const model = R"(
gpt.variable @tokens input : tensor<2x3xi32>
gpt.variable @targets input : tensor<2x3xi32>
gpt.variable @table parameter init(<uniform, -1.0, 1.0>) : tensor<5x4xf64>
gpt.variable @bias parameter init(<uniform, -1.0, 1.0>) : tensor<5xf64>
gpt.variable @alone parameter init(<uniform, -1.0, 1.0>) : tensor<2xf64>
gpt.variable @seen state init(<constant, 0.0, 0.0>) : tensor<f64>
func.func @train() -> tensor<f64> {
  %tokens = gpt.read @tokens : tensor<2x3xi32>
  %targets = gpt.read @targets : tensor<2x3xi32>
  %table = gpt.read @table : tensor<5x4xf64>
  %bias = gpt.read @bias : tensor<5xf64>
  %seen = gpt.read @seen : tensor<f64>
  %x = gpt.embedding %tokens, %table : tensor<2x3xi32>, tensor<5x4xf64> -> tensor<2x3x4xf64>
  %z = gpt.matmul %x, %table transpose_rhs : tensor<2x3x4xf64>, tensor<5x4xf64> -> tensor<2x3x5xf64>
  %y = gpt.map(%z, %bias) : (tensor<2x3x5xf64>, tensor<5xf64>) -> tensor<2x3x5xf64> {
  ^bb0(%a: f64, %b: f64):
    %0 = arith.addf %a, %b : f64
    gpt.yield %0 : f64
  }
  %next = gpt.map(%seen) : (tensor<f64>) -> tensor<f64> {
  ^bb0(%a: f64):
    %one = arith.constant 1.0 : f64
    %0 = arith.addf %a, %one : f64
    gpt.yield %0 : f64
  }
  gpt.write @seen, %next : tensor<f64>
  %loss, %terms, %lse = gpt.cross_entropy %y, %targets : tensor<2x3x5xf64>, tensor<2x3xi32> -> tensor<f64>, tensor<2x3xf64>, tensor<2x3xf64>
  return %loss : tensor<f64>
}
func.func @evaluate() -> (tensor<f64> {gpt.output = "loss"}, tensor<2x3xf64> {gpt.output = "token_losses"}) {
  %tokens = gpt.read @tokens : tensor<2x3xi32>
  %targets = gpt.read @targets : tensor<2x3xi32>
  %table = gpt.read @table : tensor<5x4xf64>
  %x = gpt.embedding %tokens, %table : tensor<2x3xi32>, tensor<5x4xf64> -> tensor<2x3x4xf64>
  %z = gpt.matmul %x, %table transpose_rhs : tensor<2x3x4xf64>, tensor<5x4xf64> -> tensor<2x3x5xf64>
  %loss, %terms, %lse = gpt.cross_entropy %z, %targets : tensor<2x3x5xf64>, tensor<2x3xi32> -> tensor<f64>, tensor<2x3xf64>, tensor<2x3xf64>
  return %loss, %terms : tensor<f64>, tensor<2x3xf64>
})";

/// Sets the inputs of a micro-batch, and what the runtime derives from them.
static void setBatch(Environment &values, std::vector<int32_t> tokens) {
  std::vector<int32_t> targets(tokens), order(tokens.size());
  std::rotate(targets.begin(), targets.begin() + 1, targets.end());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return std::pair(tokens[a], a) < std::pair(tokens[b], b);
  });
  values["tokens"] = Tensor({2, 3}, std::move(tokens));
  values["targets"] = Tensor({2, 3}, std::move(targets));
  values["order:tokens"] = Tensor({6}, std::move(order));
}

static const std::vector<int32_t> batches[] = {
    {0, 1, 2, 3, 4, 0}, {4, 4, 1, 1, 2, 0}, {3, 3, 3, 3, 3, 1}};

TEST(Entries, AccumulationGivesMeans) {
  auto module = parse(model);
  ASSERT_TRUE(module);
  Environment values = makeValues(*module, 3);
  ASSERT_TRUE(run(*module, "gpt-differentiate,gpt-derive-entries"));
  const char *gradients[] = {"gradient:table", "gradient:bias", "output:loss"};

  // Each micro-batch alone.
  std::map<std::string, std::vector<double>> means;
  for (const auto &batch : batches) {
    Environment alone = values;
    setBatch(alone, batch);
    alone["step:inverse_accumulation"] = Tensor::scalar(1);
    runFunction(*module, "accumulate_first", alone);
    for (const char *name : gradients) {
      means[name].resize(alone[name].getNumElements());
      for (size_t i = 0; i < means[name].size(); ++i)
        means[name][i] += alone[name].reals()[i] / 3;
    }
  }

  // All three. What gradients held before does not matter.
  values["gradient:table"] = Tensor::filled({5, 4}, std::nan(""));
  values["gradient:alone"] = Tensor::filled({2}, std::nan(""));
  values["step:inverse_accumulation"] = Tensor::scalar(1. / 3);
  const char *entries[] = {"accumulate_first", "accumulate_middle", "accumulate_last"};
  for (int i = 0; i < 3; ++i) {
    setBatch(values, batches[i]);
    runFunction(*module, entries[i], values);
  }
  for (const char *name : gradients)
    expectNear(values[name], means[name], 1e-15);
  expectNear(values["gradient:alone"], {0, 0}, 0);
  EXPECT_EQ(values["seen"].reals()[0], 3);
}

TEST(Entries, EvaluationWritesLossAndTerms) {
  auto module = parse(model);
  ASSERT_TRUE(module);
  Environment values = makeValues(*module, 3);
  setBatch(values, batches[0]);
  Environment before = values;
  std::vector<Tensor> expected = runFunction(*module, "evaluate", before);
  ASSERT_EQ(expected.size(), 2u);
  ASSERT_TRUE(run(*module, "gpt-differentiate,gpt-insert-optimizer,gpt-derive-entries"));
  EXPECT_TRUE(runFunction(*module, "evaluate", values).empty());
  expectNear(values["output:loss"], expected[0].reals().vec(), 0);
  expectNear(values["output:token_losses"], expected[1].reals().vec(), 0);
  EXPECT_EQ(values["seen"].reals()[0], 0);
}

/// A parameter of PyTorch's optimizer fixtures, under a name.
static std::string declareTrained(const std::string &name, const json &fixture, bool decay) {
  std::string type;
  for (long size : fixture["shape"])
    type += std::to_string(size) + "x";
  return fmt::format("gpt.variable @{0} parameter init(<constant, 0.0, 0.0>){2} : tensor<{1}f64>\n"
                     "gpt.variable @\"gradient:{0}\" gradient of @{0} : tensor<{1}f64>\n",
                     name, type, decay ? " decay" : "");
}

static Tensor toTensor(const json &fixture) {
  return Tensor(fixture["shape"].get<std::vector<int64_t>>(),
                fixture["values"].get<std::vector<double>>());
}

static json readOptimizerFixtures() {
  std::ifstream file(fmt::format("{}/ops/optimizer.json", GPTC_ORACLE));
  return json::parse(file, nullptr, /*allow_exceptions=*/false)["cases"];
}

// PyTorch computes the same in another order: the results differ in their last digits.
static constexpr double lastDigits = 1e-14;

TEST(Entries, AdamWIsPyTorchs) {
  int checked = 0;
  for (const json &fixture : readOptimizerFixtures()) {
    if (fixture["op"] != "adamw")
      continue;
    SCOPED_TRACE(fixture["name"].get<std::string>());
    const json &settings = fixture["attributes"], &inputs = fixture["inputs"];
    double beta1 = settings["beta1"], beta2 = settings["beta2"];
    auto module = parse(declareTrained("p", inputs["parameter"], settings["weight_decay"] != 0.0));
    ASSERT_TRUE(module && run(*module, "gpt-insert-optimizer"));
    Environment values = makeValues(*module, 1);
    values["p"] = toTensor(inputs["parameter"]);
    for (int step = 0; step < 2; ++step) {
      values["gradient:p"] = toTensor(inputs[fmt::format("gradient_{}", step)]);
      // Where nothing decays, the decay that the run has does not matter.
      double decay = settings["weight_decay"] != 0.0 ? settings["weight_decay"].get<double>() : 0.3;
      for (auto [name, value] : std::initializer_list<std::pair<const char *, double>>{
               {"learning_rate", settings["learning_rates"][step]},
               {"clip_norm", infinity},
               {"beta1", beta1},
               {"beta2", beta2},
               {"correction1", 1 / (1 - std::pow(beta1, step + 1))},
               {"correction2", 1 / (1 - std::pow(beta2, step + 1))},
               {"epsilon", settings["epsilon"]},
               {"weight_decay", decay}})
        values[std::string("step:") + name] = Tensor::scalar(value);
      runFunction(*module, "update", values);
      for (auto [name, variable] : std::initializer_list<std::pair<const char *, const char *>>{
               {"parameter", "p"}, {"m", "moment1:p"}, {"v", "moment2:p"}})
        expectNear(values[variable], fixture["outputs"][fmt::format("{}_{}", name, step)]["values"],
                   lastDigits);
    }
    ++checked;
  }
  EXPECT_EQ(checked, 2);
}

TEST(Entries, ClippingIsPyTorchs) {
  int checked = 0;
  for (const json &fixture : readOptimizerFixtures()) {
    if (fixture["op"] != "clip")
      continue;
    SCOPED_TRACE(fixture["name"].get<std::string>());
    const json &inputs = fixture["inputs"];
    auto module = parse(declareTrained("first", inputs["first"], true) +
                        declareTrained("second", inputs["second"], false));
    ASSERT_TRUE(module && run(*module, "gpt-insert-optimizer{optimizer=sgd}"));
    Environment values = makeValues(*module, 1);
    // With parameters 0 and a rate of −1 the update is the clipped gradient.
    for (const char *name : {"first", "second"})
      values[std::string("gradient:") + name] = toTensor(inputs[name]);
    values["step:learning_rate"] = Tensor::scalar(-1);
    values["step:clip_norm"] = Tensor::scalar(fixture["attributes"]["clip_norm"]);
    values["step:weight_decay"] = Tensor::scalar(0.5);
    runFunction(*module, "update", values);
    // The 1e-6 that the clip factor adds is rounded as the interpreter's tensors are: not at all.
    expectNear(values["output:norm"], fixture["outputs"]["norm"]["values"], lastDigits);
    for (const char *name : {"first", "second"})
      expectNear(values[name], fixture["outputs"][name]["values"], lastDigits);
    ++checked;
  }
  EXPECT_EQ(checked, 2);
}

TEST(Entries, SgdDecaysWhatDecays) {
  auto module = parse(declareTrained("p", {{"shape", {2}}}, true) +
                      declareTrained("q", {{"shape", {2}}}, false));
  ASSERT_TRUE(module && run(*module, "gpt-insert-optimizer{optimizer=sgd}"));
  Environment values = makeValues(*module, 1);
  values["p"] = values["q"] = Tensor({2}, std::vector<double>{1, -2});
  values["gradient:p"] = values["gradient:q"] = Tensor({2}, std::vector<double>{3, 4});
  values["step:learning_rate"] = Tensor::scalar(0.5);
  values["step:clip_norm"] = Tensor::scalar(infinity);
  values["step:weight_decay"] = Tensor::scalar(0.25);
  runFunction(*module, "update", values);
  expectNear(values["p"], {1 - 1.5 - 0.125, -2 - 2 + 0.25}, 0);
  expectNear(values["q"], {1 - 1.5, -2 - 2}, 0);
  EXPECT_EQ(values.count("moment1:p"), 0u);
}
