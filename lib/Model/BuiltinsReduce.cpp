// Functions that sum: reductions along patterns, einsum, and the sum of squares of parameters.
#include "BuiltinCall.h"
#include "Patterns.h"

#include <fmt/format.h>

namespace gptc::model {

namespace {

/// What a reduction works on: the tensor split into factors, those to reduce, and the result's
/// shape.
struct Reduction {
  Tensor *split;                   ///< with the axes of the left side
  llvm::SmallVector<int64_t> axes; ///< of `split`
  FactorAxes kept;                 ///< what is left of them
  FactorAxes after;                ///< the order of the right side
  Dims merged;                     ///< its sizes
  Number count = 1;                ///< of elements that become one

  /// A tensor with the axes `kept` in the shape of the right side.
  Tensor *finish(Graph &graph, Tensor *reduced) const {
    return graph.reshape(arrange(graph, {reduced, kept}, after), merged);
  }
  /// The same so that it stretches along what was reduced.
  Tensor *keepAxes(Graph &graph, Tensor *reduced) const {
    Dims dims = split->dims;
    for (int64_t axis : axes)
      dims[axis] = 1;
    return graph.reshape(reduced, dims);
  }
};

} // namespace

static std::optional<Reduction> readReduction(BuiltinCall &call) {
  Reduction reduction;
  Tensor *x = call.tensor(0);
  Factored factored{x, {}};
  if (call.has(1)) {
    PatternReader reader(call.elaborator, call.frame, call.builtin.name);
    const ast::Argument &pattern = *call.arguments[1];
    std::optional<Factored> matched = reader.match(*pattern.shape, x, call.expr(0), call.range(0));
    std::optional<FactorAxes> after;
    if (matched)
      after = reader.readAfter(*pattern.after, reduction.merged);
    if (!after || !agree(*matched, *after, true))
      return std::nullopt;
    factored = std::move(*matched);
    reduction.after = std::move(*after);
  } else {
    for (auto [i, size] : llvm::enumerate(x->dims))
      factored.axes.add(std::to_string(i), size);
  }
  call.at();
  for (auto [i, key] : llvm::enumerate(factored.axes.keys)) {
    const Number &size = factored.axes.sizes[i];
    if (reduction.after.find(key)) {
      reduction.kept.add(key, size);
      continue;
    }
    reduction.axes.push_back(i);
    reduction.count = Number::multiply(reduction.count, size);
  }
  reduction.split = call.graph.reshape(x, factored.axes.sizes);
  return reduction;
}

static Meaning buildReduction(BuiltinCall &call, gpt::ReduceKind kind) {
  std::optional<Reduction> reduction = readReduction(call);
  if (!reduction)
    return Poison();
  Tensor *reduced = call.graph.reduce(kind, reduction->split, reduction->axes);
  return reduction->finish(call.graph, reduced);
}

Meaning buildSum(BuiltinCall &call) { return buildReduction(call, gpt::ReduceKind::sum); }
Meaning buildMax(BuiltinCall &call) { return buildReduction(call, gpt::ReduceKind::max); }
Meaning buildMin(BuiltinCall &call) { return buildReduction(call, gpt::ReduceKind::min); }

static Tensor *divide(Graph &graph, Tensor *tensor, double divisor) {
  return graph.map(Scalar::Divide, {tensor, graph.constant(divisor)}, tensor->dims);
}

Meaning buildMean(BuiltinCall &call) {
  std::optional<Reduction> reduction = readReduction(call);
  if (!reduction)
    return Poison();
  Tensor *sum = call.graph.reduce(gpt::ReduceKind::sum, reduction->split, reduction->axes);
  return divide(call.graph, reduction->finish(call.graph, sum), reduction->count.value());
}

Meaning buildVar(BuiltinCall &call) {
  std::optional<Reduction> reduction = readReduction(call);
  if (!reduction)
    return Poison();
  double count = reduction->count.value(), divisor = count - call.number(2).value();
  if (divisor <= 0)
    return call.fail(call.range(2),
                     fmt::format("correction must be below the {} elements, found {}",
                                 toString(count), call.number(2).toString()));
  Graph &graph = call.graph;
  Tensor *x = reduction->split;
  graph.materialize(x); // it is read twice
  Tensor *sum = graph.reduce(gpt::ReduceKind::sum, x, reduction->axes);
  Tensor *mean = reduction->keepAxes(graph, divide(graph, sum, count));
  Tensor *centered = graph.map(Scalar::Subtract, {x, mean}, x->dims);
  Tensor *squares = graph.map(Scalar::Multiply, {centered, centered}, x->dims);
  Tensor *total = graph.reduce(gpt::ReduceKind::sum, squares, reduction->axes);
  return divide(graph, reduction->finish(graph, total), divisor);
}

Meaning buildEinsum(BuiltinCall &call) {
  const std::vector<ast::Argument> &arguments = call.call.arguments;
  size_t count = arguments.size() / 2; // tensors, then as many shapes
  PatternReader reader(call.elaborator, call.frame, "einsum");
  std::vector<Factored> operands;
  bool ok = true;
  for (size_t i = 0; i < count; ++i) {
    const ast::Argument &argument = arguments[i];
    Meaning value = call.elaborator.evaluate(*argument.value, call.frame);
    Tensor *tensor =
        call.elaborator.toTensor(value, call.frame, argument.range, "an argument of einsum");
    std::optional<Factored> factored;
    if (tensor)
      factored =
          reader.match(*arguments[count + i].shape, tensor, argument.value.get(), argument.range);
    ok &= factored.has_value();
    if (factored)
      operands.push_back(std::move(*factored));
  }
  Dims merged;
  std::optional<FactorAxes> after;
  if (ok)
    after = reader.readAfter(*arguments.back().after, merged);
  if (!after || !agree(operands, *after, true))
    return Poison();
  call.at();
  return call.graph.reshape(contract(call.graph, std::move(operands), *after), merged);
}

Meaning buildL2(BuiltinCall &call) {
  const Meaning &of = call.values[0];
  if (Tensor *tensor = of.tensor())
    return call.graph.sumOfSquares(tensor);
  if (!of.member())
    return call.fail(
        call.range(0),
        fmt::format("parameters, a module or a parameter is needed, found {}", of.describe()));
  Tensor *sum = call.elaborator.sumOfSquares(*of.member(), call.frame);
  return sum ? sum : call.graph.constant(0);
}

} // namespace gptc::model
