// The language against PyTorch: each op fixture of test/oracle written as a description, elaborated
// and run by the reference interpreter.
//
// The interpreter computes in float64, but the numbers in a map's region are float32: a relative
// error of 2^-24 = 6e-8 in a constant. In the worst case, gelu_tanh's 0.044715 and sqrt(2 / pi),
// both stand in the argument of tanh, of which the error is at most 2 * 6e-8 * |u| with |u|
// tanh'(u) < 0.45, times x / 2 < 4: 2.2e-7. Without such numbers the results agree to a few
// roundings of a double.
#include "ModelTesting.h"

#include "gptc/Reference/Interpreter.h"
#include "test/lib/Oracle/OpCases.h"

#include <fmt/format.h>

#include <map>

using namespace gptc;
using namespace gptc::testing;
using gptc::test::NamedTensor;
using gptc::test::OpCase;

namespace {

std::string shapeText(const reference::Tensor &tensor) {
  std::string out = tensor.isReal() ? "[" : "int[";
  for (size_t i = 0; i < tensor.getShape().size(); ++i)
    out += (i ? ", " : "") + std::to_string(tensor.getShape()[i]);
  return out + "]";
}

/// The name of an input; an entry is called logits.
std::string nameOf(const NamedTensor &input) {
  return input.name == "logits" ? "rows" : input.name;
}

/// Named arguments from a case's attributes: `, eps = 1e-05`.
std::string named(const OpCase &one, std::initializer_list<const char *> names) {
  std::string out;
  for (const char *name : names)
    if (auto it = one.attributes.find(name); it != one.attributes.end())
      out += fmt::format(", {} = {}", name, it->dump());
  return out;
}

std::string indexText(const OpCase &one) {
  std::string out;
  auto starts = one.attributes["starts"], stops = one.attributes["stops"];
  for (size_t i = 0; i < starts.size(); ++i)
    out += fmt::format("{}{}:{}", i ? ", " : "", starts[i].dump(), stops[i].dump());
  return out;
}

/// The case in the language; empty for what the language has no words for.
std::string expression(const OpCase &one) {
  const std::string &op = one.op;
  static const std::map<std::string, std::string> fixed = {
      {"square", "x^2"},
      {"cube", "x^3"},
      {"inverse_square", "x^-2"},
      {"power", "x^y"},
      {"lerp", "lerp(a, b, w)"},
      {"add", "x + y"},
      {"subtract", "x - y"},
      {"multiply", "x * y"},
      {"divide", "x / y"},
      {"max_zero", "max(x, 0)"},
      {"min_zero", "min(0, x)"},
      {"where", "where(c, a, b)"},
      {"cross_entropy", "cross_entropy(rows, targets)"},
      {"pick", "pick(x, indices)"},
      {"embedding", "embedding(indices, table)"},
      {"matmul", "x @ y"},
      {"matmul_transposed", "x @ transpose(y)"},
      {"detach", "x * detach(x)"},
      {"slices_that_overlap", "x[:, :3] * x[:, 2:]"},
      {"index", "x[:, 1]"},
      {"concat", "concat(x, y)"},
      {"causal_softmax", "softmax(where(tril(5), x, -inf))"},
  };
  if (auto it = fixed.find(op); it != fixed.end())
    return it->second;
  bool hasWeight = one.inputs.size() > 1;
  if (op == "==" || op == "!=" || op == "<" || op == "<=" || op == ">" || op == ">=")
    return "a " + op + " b";
  if ((op == "max" || op == "min") && hasWeight)
    return op + "(a, b)";
  if (op == "layer_norm")
    return (hasWeight ? "layer_norm(x, weight, bias" : "layer_norm(x, none, none") +
           named(one, {"eps"}) + ")";
  if (op == "linear")
    return one.inputs.size() == 3 ? "linear(x, weight, bias)" : "linear(x, weight, none)";
  if (op == "einsum")
    return "einsum(x, y, " + one.attributes["pattern"].get<std::string>() + ")";
  if (op == "slice")
    return "x[" + indexText(one) + "]";
  if (op == "split")
    return "split(x, " + one.attributes["sizes"].dump() + ")";
  if (op == "shift")
    return "shift(x, " + one.attributes["count"].dump() + ")";
  if (op == "attention")
    return "attention(q, k, v" + named(one, {"causal", "window", "scale"}) + ")";
  if (op == "rms_norm" || op == "rope")
    return op + "(x" + named(one, {"eps", "base"}) + ")";
  if (one.attributes.contains("pattern"))
    return op + "(x, " + one.attributes["pattern"].get<std::string>() + named(one, {"correction"}) +
           ")";
  if (one.inputs.size() == 1 && one.inputs[0].name == "x")
    return op + "(x)"; // exp, softmax, transpose, ...
  return "";
}

std::string description(const OpCase &one) {
  std::string text = expression(one), inputs, types;
  if (text.empty())
    return "";
  for (const NamedTensor &input : one.inputs)
    inputs += (inputs.empty() ? "" : ", ") + nameOf(input) + ": " + shapeText(input.value);
  for (const NamedTensor &output : one.outputs)
    types += (types.empty() ? "" : ", ") + shapeText(output.value);
  return fmt::format("model Op:\n    forward({}) -> {}:\n        return {}\n", inputs, types, text);
}

void expectNear(const reference::Tensor &value, const reference::Tensor &expected,
                const std::string &where) {
  ASSERT_EQ(value.getShape(), expected.getShape()) << where;
  constexpr double tolerance = 2.2e-7;
  double scale = 1;
  for (double element : expected.reals())
    scale = std::max(scale, std::fabs(element));
  for (int64_t i = 0; i < value.getNumElements(); ++i)
    EXPECT_NEAR(value.reals()[i], expected.reals()[i], tolerance * scale) << where;
}

reference::Tensors run(const Loaded &loaded, const char *entry,
                       reference::Environment &environment) {
  llvm::Expected<reference::Tensors> results =
      reference::evaluate(*loaded.model.module, entry, environment);
  if (results)
    return std::move(*results);
  ADD_FAILURE() << llvm::toString(results.takeError());
  return {};
}

TEST(DescriptionOracle, OpsAgreeWithPyTorch) {
  size_t tested = 0;
  for (const OpCase &one : gptc::test::readOpCases(sourcePath("test/oracle/ops"))) {
    std::string text = description(one), where = one.file + ": " + one.op + ", " + one.name;
    if (text.empty())
      continue;
    Loaded loaded(text);
    ASSERT_TRUE(loaded.model) << where << "\n" << text << loaded.diagnostics.render();
    reference::Environment environment;
    for (const NamedTensor &input : one.inputs)
      environment[nameOf(input)] = input.value;
    reference::Tensors results = run(loaded, "logits", environment);
    ASSERT_EQ(results.size(), one.outputs.size()) << where;
    for (auto [result, output] : llvm::zip(results, one.outputs))
      expectNear(result, output.value, where);
    ++tested;
  }
  // All of them but the optimizers', batch norm's, l2's and the terms of a cross entropy.
  EXPECT_GE(tested, 110u);
}

TEST(DescriptionOracle, BatchNorm) {
  for (const OpCase &one : gptc::test::readOpCases(sourcePath("test/oracle/ops"))) {
    if (one.op != "batch_norm")
      continue;
    std::string shape = shapeText(one.input("x"));
    bool isTraining = one.attributes["training"].get<bool>();
    Loaded loaded(fmt::format("model M:\n"
                              "    norm = BatchNorm(5)\n"
                              "    forward(x: {0}) -> {0} = norm(x)\n"
                              "    loss(y: {0}, g: {0}) -> [] = sum(y * g)\n",
                              shape));
    ASSERT_TRUE(loaded.model) << loaded.diagnostics.render();
    reference::Environment environment;
    environment["x"] = one.input("x");
    environment["g"] = one.outputGradients.front().value;
    for (const char *name : {"weight", "bias", "running_mean", "running_var"})
      environment[std::string("norm.") + name] = one.input(name);
    if (!isTraining)
      expectNear(run(loaded, "logits", environment)[0], one.outputs[0].value, one.name);
    reference::Tensors loss = run(loaded, isTraining ? "train" : "evaluate", environment);
    double expected = 0;
    for (const NamedTensor &output : one.outputs) {
      if (output.name != "y") {
        expectNear(environment["norm." + output.name], output.value, output.name);
        continue;
      }
      for (int64_t i = 0; i < output.value.getNumElements(); ++i)
        expected += output.value.reals()[i] * one.outputGradients.front().value.reals()[i];
    }
    EXPECT_NEAR(loss[0].reals()[0], expected, 1e-5) << one.name;
    if (!isTraining) // evaluation leaves the statistics alone
      expectNear(environment["norm.running_mean"], one.input("running_mean"), one.name);
  }
}

TEST(DescriptionOracle, L2OverCopies) {
  Loaded loaded("module Leaf:\n"
                "    param w: [2, 2] = ones\n"
                "    state s: [2] = ones\n"
                "    forward(x: [..., 2]) = x @ w + s\n"
                "module Node:\n"
                "    param v: [2] = ones\n"
                "    leaf = repeat 2: Leaf()\n"
                "    forward(x: [..., 2]) = leaf(x) * v\n"
                "model M:\n"
                "    param u: [3] = ones\n"
                "    node = repeat 3: Node()\n"
                "    last = Leaf()\n"
                "    forward(x: [2, 2]) -> [], [], [], []:\n"
                "        y = sum(last(node(x))) * 0 + sum(u) * 0\n"
                "        return l2(parameters) + y, l2(node) + y, l2(u) + y, l2(last) + y\n");
  ASSERT_TRUE(loaded.model) << loaded.diagnostics.render();
  reference::Environment environment;
  double value = 1, sums[4] = {};
  for (const auto *list : {&loaded.model.info.parameters, &loaded.model.info.states})
    for (const ModelInfo::Variable &variable : *list) {
      environment[variable.path] = reference::Tensor::filled(variable.shape, value);
      if (list == &loaded.model.info.states)
        continue;
      double squares = value * value * static_cast<double>(variable.count());
      sums[0] += squares;
      sums[variable.path == "u" ? 2 : variable.path == "last.w" ? 3 : 1] += squares;
      value += 0.5;
    }
  environment["x"] = reference::Tensor::filled({2, 2}, 1);
  reference::Tensors results = run(loaded, "logits", environment);
  ASSERT_EQ(results.size(), 4u);
  for (size_t i = 0; i < 4; ++i)
    EXPECT_DOUBLE_EQ(results[i].reals()[0], sums[i]) << i;
}

/// Attention written out for its dropout agrees with the operation where nothing is dropped: the
/// keep rate is so close to 1 that 24 bits of randomness cannot fall below it.
TEST(DescriptionOracle, AttentionWithDropout) {
  for (const OpCase &one : gptc::test::readOpCases(sourcePath("test/oracle/ops"))) {
    if (one.op != "attention")
      continue;
    Loaded loaded(fmt::format(
        "model M:\n"
        "    forward(q: {}, k: {}, v: {}) -> {} = attention(q, k, v, dropout = 1e-12{})\n"
        "    loss(y: {}, g: {}) -> [] = sum(y * g)\n",
        shapeText(one.input("q")), shapeText(one.input("k")), shapeText(one.input("v")),
        shapeText(one.outputs[0].value), named(one, {"causal", "window", "scale"}),
        shapeText(one.outputs[0].value), shapeText(one.outputs[0].value)));
    ASSERT_TRUE(loaded.model) << loaded.diagnostics.render();
    reference::Environment environment;
    for (const NamedTensor &input : one.inputs)
      environment[input.name] = input.value;
    environment["g"] = one.outputGradients.front().value;
    environment["step:random"] = reference::Tensor({4}, std::vector<int32_t>{1, 2, 3, 4});
    double training = run(loaded, "train", environment)[0].reals()[0];
    double evaluation = run(loaded, "evaluate", environment)[0].reals()[0];
    EXPECT_NEAR(training, evaluation, 1e-6) << one.name;
  }
}

} // namespace
