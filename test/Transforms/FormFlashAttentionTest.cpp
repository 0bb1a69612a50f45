// Attention written in random ways: it is found in each, and means the same.
//
// The interpreter runs both forms in float64. Sums have at most some ten terms of magnitude 1, and
// the scale is multiplied in elsewhere: 1e-13 relative to the largest element.
#include "test/Reference/ReferenceTesting.h"

#include "gptc/Transforms/Passes.h"

#include "mlir/Pass/PassManager.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <random>

using namespace gptc;
using namespace gptc::test;
using Shape = std::vector<int64_t>;

namespace {
struct Tensor {
  std::string name;
  Shape shape;
};

/// Writes a function @f that is attention.
class Writer {
public:
  explicit Writer(unsigned seed) : random(seed) {}

  std::string write() {
    size_t leading = pick(3); // axes in front of queries and elements
    bool causal = coin();
    bool grouped = leading == 2 && coin();
    int64_t heads = 1 + pick(4), groups = heads;
    if (grouped)
      heads = (groups = 1 + pick(2)) * (1 + pick(3));
    int64_t queries = 1 + pick(5), keys = causal ? queries : 1 + pick(5);
    depth = 1 + pick(4);
    int64_t width = 1 + pick(4);
    Shape many{2, heads}, few{2, groups};
    auto in = [&](const Shape &all, int64_t rows, int64_t columns) {
      Shape shape(all.end() - leading, all.end());
      shape.insert(shape.end(), {rows, columns});
      return shape;
    };
    Tensor q = argument(in(many, queries, depth)), k = argument(in(few, keys, depth)),
           v = argument(in(few, keys, width));
    scaled = pick(5);
    if (scaled == 0)
      q = scale(q);
    if (scaled == 1)
      k = scale(k);
    if (grouped)
      q = reshape(q, in(few, heads / groups * queries, depth));
    Tensor scores = coin() ? multiply(q, k, /*rightTransposed=*/true)
                           : transpose(multiply(k, q, /*rightTransposed=*/true));
    if (grouped)
      scores = reshape(scores, in(many, queries, keys));
    if (scaled == 2)
      scores = scale(scores);
    if (causal)
      scores = mask(scores);
    if (scaled == 3)
      scores = scale(scores);
    Tensor weights = softmax(scores);
    if (grouped)
      weights = reshape(weights, in(few, heads / groups * queries, keys));
    Tensor result = coin() ? multiply(weights, v, false)
                           : transpose(multiply(transpose(v), weights, /*rightTransposed=*/true));
    return fmt::format("func.func @f({}) -> ({}) {{\n{}  return {} : {}\n}}\n",
                       fmt::join(parameters, ", "), type(result.shape), body, result.name,
                       type(result.shape));
  }

  std::vector<reference::Tensor> arguments;

private:
  size_t pick(size_t count) { return std::uniform_int_distribution<size_t>(0, count - 1)(random); }
  bool coin() { return pick(2) == 0; }
  static std::string type(const Shape &shape, const char *element = "f32") {
    return fmt::format("tensor<{}{}{}>", fmt::join(shape, "x"), shape.empty() ? "" : "x", element);
  }
  static Shape swapped(Shape shape) {
    std::swap(shape.end()[-1], shape.end()[-2]);
    return shape;
  }
  Tensor add(const std::string &operation, const Shape &shape) {
    std::string name = fmt::format("%v{}", count++);
    body += fmt::format("  {} = {}\n", name, operation);
    return {name, shape};
  }

  Tensor argument(const Shape &shape) {
    std::vector<double> values(reference::countElements(shape));
    for (double &value : values)
      value = static_cast<float>(std::uniform_real_distribution<double>(-1, 1)(random));
    std::string name = fmt::format("%a{}", arguments.size());
    parameters.push_back(fmt::format("{}: {}", name, type(shape)));
    arguments.emplace_back(shape, std::move(values));
    return {name, shape};
  }

  Tensor reshape(const Tensor &x, const Shape &shape) {
    return add(fmt::format("gpt.reshape {} : {} -> {}", x.name, type(x.shape), type(shape)), shape);
  }
  Tensor transpose(const Tensor &x) {
    std::vector<size_t> axes(x.shape.size());
    for (size_t i = 0; i < axes.size(); ++i)
      axes[i] = i;
    std::swap(axes.end()[-1], axes.end()[-2]);
    Shape shape = swapped(x.shape);
    return add(fmt::format("gpt.transpose {} [{}] : {} -> {}", x.name, fmt::join(axes, ", "),
                           type(x.shape), type(shape)),
               shape);
  }
  /// left right, or left rightᵀ, each operand perhaps transposed before and by the matmul.
  Tensor multiply(Tensor left, Tensor right, bool rightTransposed) {
    Shape shape = left.shape;
    shape.back() = rightTransposed ? right.shape.end()[-2] : right.shape.back();
    bool flips[2] = {false, rightTransposed};
    Tensor *operands[2] = {&left, &right};
    for (int i : {0, 1})
      if (coin()) {
        *operands[i] = transpose(*operands[i]);
        flips[i] = !flips[i];
      }
    return add(fmt::format("gpt.matmul {}, {}{}{} : {}, {} -> {}", left.name, right.name,
                           flips[0] ? " transpose_lhs" : "", flips[1] ? " transpose_rhs" : "",
                           type(left.shape), type(right.shape), type(shape)),
               shape);
  }
  /// A map; `scalars` computes %r from %x0, %x1, ….
  Tensor map(const std::vector<std::pair<Tensor, const char *>> &operands, const Shape &shape,
             const std::string &scalars, const char *element = "f32") {
    std::vector<std::string> names, types, scalarTypes;
    for (const auto &[operand, kind] : operands) {
      scalarTypes.push_back(fmt::format("%x{}: {}", names.size(), kind));
      names.push_back(operand.name);
      types.push_back(type(operand.shape, kind));
    }
    return add(
        fmt::format("gpt.map({}) : ({}) -> {} {{\n  ^bb0({}):\n{}    gpt.yield %r : {}\n  }}",
                    fmt::join(names, ", "), fmt::join(types, ", "), type(shape, element),
                    fmt::join(scalarTypes, ", "), scalars, element),
        shape);
  }
  Tensor scale(const Tensor &x) {
    static const char *const forms[] = {
        "    %c = arith.constant 0.3 : f32\n    %r = arith.mulf %x0, %c : f32\n",
        "    %c = arith.constant 0.3 : f32\n    %r = arith.mulf %c, %x0 : f32\n",
        "    %c = arith.constant 3.3 : f32\n    %r = arith.divf %x0, %c : f32\n"};
    return map({{x, "f32"}}, x.shape, forms[pick(3)]);
  }

  Tensor mask(const Tensor &scores) {
    int64_t queries = scores.shape.end()[-2], keys = scores.shape.back();
    Tensor s = add(fmt::format("gpt.iota : {}", type({keys}, "i32")), {keys});
    Tensor t = reshapeIndex(add(fmt::format("gpt.iota : {}", type({queries}, "i32")), {queries}));
    // The condition %c that t sees s, or that it does not.
    static const std::pair<const char *, bool> conditions[] = {
        {"    %c = arith.cmpi sge, %x1, %x2 : i32\n", true},
        {"    %c = arith.cmpi sle, %x2, %x1 : i32\n", true},
        {"    %c = arith.cmpi slt, %x1, %x2 : i32\n", false},
        {"    %c = arith.cmpi sgt, %x2, %x1 : i32\n", false},
        {"    %d = arith.subi %x1, %x2 : i32\n    %z = arith.constant 0 : i32\n"
         "    %c = arith.cmpi sge, %d, %z : i32\n",
         true},
        {"    %one = arith.constant 1 : i32\n    %u = arith.addi %x1, %one : i32\n"
         "    %c = arith.cmpi sgt, %u, %x2 : i32\n",
         true},
        {"    %f = arith.sitofp %x1 : i32 to f32\n    %g = arith.sitofp %x2 : i32 to f32\n"
         "    %c = arith.cmpf olt, %f, %g : f32\n",
         false},
    };
    auto [condition, sees] = conditions[pick(std::size(conditions))];
    const std::string low =
        "    %low = arith.constant 0xFF800000 : f32\n    %zero = arith.constant 0.0 : f32\n";
    std::vector<std::pair<Tensor, const char *>> all{{scores, "f32"}, {t, "i32"}, {s, "i32"}};
    switch (pick(4)) {
    case 0: // selected
      return map(all, scores.shape,
                 low + condition +
                     fmt::format("    %r = arith.select %c, {} : f32\n",
                                 sees ? "%x0, %low" : "%low, %x0"));
    case 1: // added
      return map(
          all, scores.shape,
          low + condition +
              fmt::format("    %m = arith.select %c, {} : f32\n    %r = arith.addf {} : f32\n",
                          sees ? "%zero, %low" : "%low, %zero", coin() ? "%x0, %m" : "%m, %x0"));
    case 2: // scaled in the same map
      if (scaled == 4) {
        scaled = 5;
        return map(
            all, scores.shape,
            low + condition +
                fmt::format("    %k = arith.constant 0.6 : f32\n    %y = arith.mulf %x0, %k : f32\n"
                            "    %r = arith.select %c, {} : f32\n",
                            sees ? "%y, %low" : "%low, %y"));
      }
      [[fallthrough]];
    default: { // by way of a tensor of 0 and 1
      Tensor triangle = map({{s, "i32"}, {t, "i32"}, {s, "i32"}}, {queries, keys},
                            std::string(condition) + "    %r = arith.uitofp %c : i1 to f32\n");
      return map(
          {{scores, "f32"}, {triangle, "f32"}}, scores.shape,
          low +
              fmt::format(
                  "    %c = arith.cmpf {}, %x1, %zero : f32\n    %r = arith.select %c, {} : f32\n",
                  sees ? "one" : "oeq", "%x0, %low"));
    }
    }
  }
  Tensor reshapeIndex(const Tensor &x) {
    Shape shape{x.shape[0], 1};
    return add(
        fmt::format("gpt.reshape {} : {} -> {}", x.name, type(x.shape, "i32"), type(shape, "i32")),
        shape);
  }

  Tensor reduce(const char *kind, const Tensor &x) {
    Shape kept(x.shape.begin(), x.shape.end() - 1), column = kept;
    column.push_back(1);
    return reshape(add(fmt::format("gpt.reduce {} {} [{}] : {} -> {}", kind, x.name, kept.size(),
                                   type(x.shape), type(kept)),
                       kept),
                   column);
  }
  Tensor softmax(const Tensor &x) {
    size_t form = pick(5);
    if (form == 0)
      return add(fmt::format("gpt.softmax {} : {}", x.name, type(x.shape)), x.shape);
    if (form == 1) {
      Shape kept(x.shape.begin(), x.shape.end() - 1), column = kept;
      column.push_back(1);
      Tensor lse = reshape(
          add(fmt::format("gpt.logsumexp {} : {} -> {}", x.name, type(x.shape), type(kept)), kept),
          column);
      return map({{x, "f32"}, {lse, "f32"}}, x.shape,
                 "    %d = arith.subf %x0, %x1 : f32\n    %r = math.exp %d : f32\n");
    }
    const char *exp = "    %d = arith.subf %x0, %x1 : f32\n    %r = math.exp %d : f32\n";
    Tensor max = reduce("max", x);
    Tensor exps = map({{x, "f32"}, {max, "f32"}}, x.shape, exp);
    Tensor sum = reduce("sum", exps);
    if (form == 2)
      return map({{exps, "f32"}, {sum, "f32"}}, x.shape, "    %r = arith.divf %x0, %x1 : f32\n");
    if (form == 3)
      return map({{exps, "f32"}, {sum, "f32"}}, x.shape,
                 "    %one = arith.constant 1.0 : f32\n    %i = arith.divf %one, %x1 : f32\n    %r "
                 "= arith.mulf %i, %x0 : f32\n");
    return map({{x, "f32"}, {max, "f32"}, {sum, "f32"}}, x.shape,
               "    %d = arith.subf %x0, %x1 : f32\n    %e = math.exp %d : f32\n    %r = "
               "arith.divf %e, %x2 : f32\n");
  }

  std::mt19937 random;
  std::string body;
  std::vector<std::string> parameters;
  int count = 0;
  int64_t depth = 1;
  size_t scaled = 0; ///< where the scale stands
};

class FormFlashAttention : public testing::TestWithParam<unsigned> {};
} // namespace

TEST_P(FormFlashAttention, FindsWhatMeansTheSame) {
  Writer writer(GetParam());
  std::string text = writer.write();
  mlir::OwningOpRef<mlir::ModuleOp> module = parseModule(text);
  ASSERT_TRUE(module);
  auto evaluate = [&] {
    reference::Environment environment;
    return llvm::cantFail(reference::evaluate(
        *module, "f", environment, {.precision = reference::Precision::float64, .fallback = {}},
        writer.arguments));
  };
  reference::Tensors expected = evaluate();
  mlir::PassManager manager(module->getContext());
  manager.addNestedPass<mlir::func::FuncOp>(createFormFlashAttentionPass());
  ASSERT_TRUE(succeeded(manager.run(*module)));
  int found = 0, matmuls = 0;
  module->walk([&](gpt::FlashAttentionOp) { ++found; });
  module->walk([&](gpt::MatmulOp) { ++matmuls; });
  EXPECT_EQ(found, 1) << text;
  EXPECT_EQ(matmuls, 0) << text;
  expectNear(evaluate()[0], expected[0], 1e-13, text);
}

INSTANTIATE_TEST_SUITE_P(Ways, FormFlashAttention, testing::Range(0u, 400u));
