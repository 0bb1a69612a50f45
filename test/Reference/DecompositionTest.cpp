// Named operations against their decompositions, on random shapes and values.
//
// The interpreter computes the two in different ways, so what they agree on is what the operation
// means. They differ by rounding only. Sums here have at most 40 terms, so a value has at most some
// hundred roundings: 1e-13 relative to the largest element in float64, 5e-5 in float32.
#include "test/Reference/ReferenceTesting.h"

#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <random>

using namespace gptc;
using namespace gptc::test;
using reference::Precision;
using reference::Tensor;
using Shape = std::vector<int64_t>;

namespace {
/// Draws shapes and values, and collects a function's arguments.
class Draw {
public:
  explicit Draw(unsigned seed) : random(seed) {}

  int64_t size(int64_t most) { return std::uniform_int_distribution<int64_t>(1, most)(random); }
  bool coin() { return size(2) == 1; }
  Shape shape(int64_t axes, int64_t most) {
    Shape shape;
    for (int64_t i = 0; i < axes; ++i)
      shape.push_back(size(most));
    return shape;
  }

  /// An argument of normal values; its name is %0, %1, ….
  std::string real(const Shape &shape, double scale = 1) {
    std::normal_distribution<double> normal(0, scale);
    std::vector<double> values(reference::countElements(shape));
    for (double &value : values)
      value = static_cast<float>(normal(random));
    return add(Tensor(shape, std::move(values)), type(shape));
  }
  /// The same without signs.
  std::string positive(const Shape &shape) {
    std::string name = real(shape);
    for (double &value : arguments.back().mutableReals())
      value = std::fabs(value);
    return name;
  }
  /// Of whole numbers from `low` to `high`, which is the first one.
  std::string integer(const Shape &shape, int low, int high) {
    std::vector<int32_t> values(reference::countElements(shape));
    for (int32_t &value : values)
      value = std::uniform_int_distribution<int32_t>(low, high)(random);
    values.front() = high;
    return add(Tensor(shape, std::move(values)), type(shape, "i32"));
  }
  std::string number(double value) { return add(Tensor::scalar(value), "tensor<f32>"); }

  static std::string type(const Shape &shape, const char *element = "f32") {
    return fmt::format("tensor<{}{}{}>", fmt::join(shape, "x"), shape.empty() ? "" : "x", element);
  }

  /// Runs `%r:count = operation` both ways, in both precisions, and compares.
  void compare(int count, const std::string &operation, const std::string &types) {
    std::vector<std::string> results;
    for (int i = 0; i < count; ++i)
      results.push_back(count == 1 ? "%r" : fmt::format("%r#{}", i));
    std::string text = fmt::format(
        "func.func @f({}) -> ({}) {{\n  %r:{} = {}\n  return {} : {}\n}}\n",
        fmt::join(parameters, ", "), types, count, operation, fmt::join(results, ", "), types);
    for (auto [precision, tolerance] :
         {std::pair(Precision::float64, 1e-13), std::pair(Precision::float32, 5e-5)}) {
      reference::Tensors whole = runText(text, arguments, precision, false);
      reference::Tensors parts = runText(text, arguments, precision, true);
      ASSERT_EQ(whole.size(), parts.size());
      for (auto [expected, value] : llvm::zip(whole, parts))
        expectNear(value, expected, tolerance, text);
    }
  }

private:
  std::string add(Tensor tensor, const std::string &type) {
    std::string name = fmt::format("%{}", arguments.size());
    parameters.push_back(fmt::format("{}: {}", name, type));
    arguments.push_back(std::move(tensor));
    return name;
  }

  std::mt19937 random;
  std::vector<std::string> parameters;
  std::vector<Tensor> arguments;
};

class Decomposition : public testing::TestWithParam<unsigned> {
protected:
  Draw draw{GetParam()};
  Shape rows = draw.shape(draw.size(3) - 1, 5);
  int64_t width = draw.size(40);
  Shape shape() const {
    Shape all = rows;
    all.push_back(width);
    return all;
  }
};
} // namespace

TEST_P(Decomposition, Softmax) {
  std::string x = draw.real(shape(), 4), type = Draw::type(shape());
  draw.compare(1, fmt::format("gpt.softmax {} : {}", x, type), type);
}

TEST_P(Decomposition, Logsumexp) {
  std::string x = draw.real(shape(), 4), type = Draw::type(rows);
  draw.compare(1, fmt::format("gpt.logsumexp {} : {} -> {}", x, Draw::type(shape()), type), type);
}

TEST_P(Decomposition, Pick) {
  std::string x = draw.real(shape());
  std::string i = draw.integer(rows, -1, static_cast<int>(width));
  draw.compare(1,
               fmt::format("gpt.pick {}, {} : {}, {} -> {}", x, i, Draw::type(shape()),
                           Draw::type(rows, "i32"), Draw::type(rows)),
               Draw::type(rows));
}

TEST_P(Decomposition, LayerNorm) {
  std::string type = Draw::type(shape()), row = Draw::type({width}), parameters;
  std::string x = draw.real(shape());
  for (const char *name : {"weight", "bias"})
    if (draw.coin())
      parameters += fmt::format(" {} {} : {}", name, draw.real({width}), row);
  std::string types = fmt::format("{}, {}, {}", type, Draw::type(rows), Draw::type(rows));
  // Rows are short: a large epsilon keeps 1 / sqrt(variance + epsilon) from blowing up roundings.
  draw.compare(
      3, fmt::format("gpt.layer_norm {}{} epsilon 0.01 : {} -> {}", x, parameters, type, types),
      types);
}

TEST_P(Decomposition, CrossEntropy) {
  std::string x = draw.real(shape(), 3);
  std::string t = draw.integer(rows, -2, static_cast<int>(width) - 1);
  std::string types = fmt::format("tensor<f32>, {}, {}", Draw::type(rows), Draw::type(rows));
  draw.compare(3,
               fmt::format("gpt.cross_entropy {}, {} : {}, {} -> {}", x, t, Draw::type(shape()),
                           Draw::type(rows, "i32"), types),
               types);
}

TEST_P(Decomposition, Attention) {
  int64_t batch = draw.size(2), groups = draw.size(3), heads = groups * draw.size(3);
  int64_t queries = draw.size(9), size = draw.size(6), valueSize = draw.size(6);
  bool causal = draw.coin();
  int64_t keys = causal ? queries : draw.size(9);
  std::string mask = causal ? " causal" : "";
  if (causal && draw.coin())
    mask += fmt::format(" window {}", draw.size(queries + 2));
  Shape q{batch, heads, queries, size}, k{batch, groups, keys, size};
  Shape v{batch, groups, keys, valueSize}, y{batch, heads, queries, valueSize};
  std::string names = fmt::format("{}, {}, {}", draw.real(q), draw.real(k), draw.real(v));
  draw.compare(1,
               fmt::format("gpt.attention {}{} scale 0.7 : {}, {}, {} -> {}", names, mask,
                           Draw::type(q), Draw::type(k), Draw::type(v), Draw::type(y)),
               Draw::type(y));
}

TEST_P(Decomposition, FlashAttention) {
  int64_t batch = draw.size(2), groups = draw.size(3), heads = groups * draw.size(3);
  int64_t queries = draw.size(9), size = draw.size(6), valueSize = draw.size(6);
  bool causal = draw.coin();
  int64_t keys = causal ? queries : draw.size(9);
  Shape q{batch, heads, queries, size}, k{batch, groups, keys, size};
  Shape v{batch, groups, keys, valueSize}, y{batch, heads, queries, valueSize};
  std::string lse = Draw::type({batch, heads, queries});
  std::string names = fmt::format("{}, {}, {}", draw.real(q), draw.real(k), draw.real(v));
  std::string types = fmt::format("{}, {}, {}", Draw::type(q), Draw::type(k), Draw::type(v));
  std::string how = fmt::format("{}scale 0.7", causal ? "causal " : "");
  draw.compare(2,
               fmt::format("gpt.flash_attention {} {} : {} -> {}, {}", names, how, types,
                           Draw::type(y), lse),
               fmt::format("{}, {}", Draw::type(y), lse));
  // Any output and log-sum-exp, whether attention gives them or not.
  names +=
      fmt::format(", {}, {}, {}", draw.real(y), draw.real({batch, heads, queries}), draw.real(y));
  draw.compare(3,
               fmt::format("gpt.flash_attention_grad {} {} : {}, {}, {}, {} -> {}", names, how,
                           types, Draw::type(y), lse, Draw::type(y), types),
               types);
}

TEST_P(Decomposition, GlobalNorm) {
  std::vector<std::string> names, types;
  for (int64_t i = 0, count = draw.size(4); i < count; ++i) {
    Shape shape = draw.shape(draw.size(3) - 1, 6);
    names.push_back(draw.real(shape));
    types.push_back(Draw::type(shape));
  }
  draw.compare(1,
               fmt::format("gpt.global_norm {} : {} -> tensor<f32>", fmt::join(names, ", "),
                           fmt::join(types, ", ")),
               "tensor<f32>");
}

TEST_P(Decomposition, AdamW) {
  Shape shape = draw.shape(draw.size(3) - 1, 6);
  std::string type = Draw::type(shape);
  std::string tensors = fmt::format("{}, {}, {}, {}", draw.real(shape), draw.real(shape),
                                    draw.real(shape), draw.positive(shape));
  std::string scalars =
      fmt::format("rate {} clip {} betas {}, {} corrections {}, {} epsilon {} decay {}",
                  draw.number(0.01), draw.number(0.5), draw.number(0.9), draw.number(0.95),
                  draw.number(1.5), draw.number(2.5), draw.number(1e-3), draw.number(0.1));
  std::string types = fmt::format("{0}, {0}, {0}", type);
  draw.compare(3,
               fmt::format("gpt.adamw {} {}{} : {} scalars tensor<f32>", tensors, scalars,
                           draw.coin() ? " decayed" : "", type),
               types);
}

INSTANTIATE_TEST_SUITE_P(Random, Decomposition, testing::Range(1u, 21u));
