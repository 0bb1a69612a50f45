// Gradients of every operation against those that PyTorch's autograd found (test/oracle/ops).
#include "GradientHarness.h"
#include "OracleGraphs.h"

#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <numeric>

using namespace gptc::test;
using nlohmann::json;

static Tensor toTensor(const json &fixture) {
  auto shape = fixture["shape"].get<std::vector<int64_t>>();
  if (fixture["type"] == "int64")
    return Tensor(shape, fixture["values"].get<std::vector<int32_t>>());
  return Tensor(shape, fixture["values"].get<std::vector<double>>());
}

namespace {
/// A fixture as a training function: the loss is the sum of output · output gradient.
struct Training {
  std::string text;
  Environment values;
};
} // namespace

static Training makeTraining(const json &fixture) {
  GraphText graph;
  Training training;
  OracleCase oracle{graph, fixture["attributes"], {}};
  for (const auto &[name, input] : fixture["inputs"].items()) {
    bool wanted = fixture["gradients"].contains(name);
    oracle.inputs[name] = graph.variable(name, wanted ? "parameter" : "input", input["shape"],
                                         input["type"] == "int64");
    training.values.try_emplace(name, toTensor(input));
  }
  std::vector<Node> outputs = buildOracleGraph(fixture["op"], oracle);
  if (outputs.size() < fixture["output_gradients"].size())
    return training;
  Node loss;
  size_t next = 0;
  for (const auto &[name, seed] : fixture["output_gradients"].items()) {
    Node weight = graph.variable("seed:" + name, "input", seed["shape"]);
    training.values.try_emplace("seed:" + name, toTensor(seed));
    Node output = outputs[next++];
    Node product = graph.map(output.shape, {output, weight}, "%r = arith.mulf %a, %b : f64");
    Shape axes(output.shape.size());
    std::iota(axes.begin(), axes.end(), 0);
    Node part = graph.reduce("sum", product, axes);
    loss = next == 1 ? part : graph.map({}, {loss, part}, "%r = arith.addf %a, %b : f64");
  }
  training.text = graph.finish(loss);
  return training;
}

/// PyTorch's gradients come from float64 too, by other formulas: they differ by roundings of
/// intermediate values, at most 1001 here, so by about 1000 · 2⁻⁵³ of the largest gradient; times
/// 100 for sums and slopes.
static void expectNear(const Tensor &found, const json &expected, const std::string &what) {
  auto values = expected["values"].get<std::vector<double>>();
  double largest = 1e-3;
  for (double value : values)
    largest = std::max(largest, std::abs(value));
  ASSERT_EQ(found.getNumElements(), static_cast<int64_t>(values.size())) << what;
  for (size_t i = 0; i < values.size(); ++i)
    EXPECT_NEAR(found.reals()[i], values[i], 1e-11 * largest) << what << "[" << i << "]";
}

static void checkFixture(const json &fixture) {
  std::string name =
      fmt::format("{}: {}", fixture["op"].get<std::string>(), fixture["name"].get<std::string>());
  SCOPED_TRACE(name);
  Training training = makeTraining(fixture);
  ASSERT_FALSE(training.text.empty()) << "there is no graph for this operation";
  auto module = parse(training.text);
  ASSERT_TRUE(module);
  double loss = 0;
  for (const auto &[output, seed] : fixture["output_gradients"].items())
    for (size_t i = 0; i < seed["values"].size(); ++i)
      loss +=
          seed["values"][i].get<double>() * fixture["outputs"][output]["values"][i].get<double>();
  for (const Route &route : routes) {
    SCOPED_TRACE(route.name);
    mlir::OwningOpRef<mlir::ModuleOp> copy = module->clone();
    ASSERT_TRUE(run(*copy, fmt::format("{},gpt-differentiate{}", route.before, route.after)));
    Environment values = training.values;
    for (const auto &[input, gradient] : fixture["gradients"].items())
      values["gradient:" + input] =
          Tensor::filled(gradient["shape"].get<std::vector<int64_t>>(), std::nan(""));
    values["output:loss"] = Tensor::scalar(std::nan(""));
    values["step:inverse_accumulation"] = Tensor::scalar(1);
    runFunction(*copy, "accumulate_first", values);
    EXPECT_NEAR(values["output:loss"].reals()[0], loss, 1e-11 * (1 + std::abs(loss)));
    for (const auto &[input, gradient] : fixture["gradients"].items())
      expectNear(values["gradient:" + input], gradient, input);
  }
}

class OracleGradient : public testing::TestWithParam<const char *> {};

TEST_P(OracleGradient, Agrees) {
  std::string path = fmt::format("{}/ops/{}.json", GPTC_ORACLE, GetParam());
  std::ifstream file(path);
  json fixtures = json::parse(file, nullptr, /*allow_exceptions=*/false);
  ASSERT_FALSE(fixtures.is_discarded()) << path;
  size_t checked = 0;
  for (const json &fixture : fixtures["cases"])
    if (!fixture["gradients"].empty()) {
      checkFixture(fixture);
      ++checked;
    }
  EXPECT_GT(checked, 0u);
}

INSTANTIATE_TEST_SUITE_P(PyTorch, OracleGradient,
                         testing::Values("attention", "batch_norm", "choice", "cross_entropy",
                                         "elementwise", "embedding", "layer_norm", "matmul",
                                         "movement", "reduce", "rms_norm", "rope", "softmax"),
                         [](const auto &info) { return std::string(info.param); });
