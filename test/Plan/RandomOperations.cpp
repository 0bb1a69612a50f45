// The operations of random graphs.
#include "RandomGraphBuilder.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <functional>
#include <numeric>

using namespace gptc::test;

static constexpr int64_t mostProducts = 2000000;

static int64_t countOf(const Shape &shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<int64_t>());
}

void RandomGraphBuilder::addOperation() {
  if (modelLike && chance(0.3))
    return matmul();
  using Function = void (RandomGraphBuilder::*)();
  static const std::vector<std::pair<int, Function>> weights{
      {8, &RandomGraphBuilder::mapRandomly},  {1, &RandomGraphBuilder::mapIota},
      {3, &RandomGraphBuilder::updateState},  {5, &RandomGraphBuilder::reduce},
      {4, &RandomGraphBuilder::matmul},       {4, &RandomGraphBuilder::reshape},
      {3, &RandomGraphBuilder::transpose},    {2, &RandomGraphBuilder::split},
      {4, &RandomGraphBuilder::concat},       {2, &RandomGraphBuilder::slice},
      {2, &RandomGraphBuilder::pad},          {3, &RandomGraphBuilder::normalize},
      {1, &RandomGraphBuilder::embed},        {1, &RandomGraphBuilder::embedGrad},
      {1, &RandomGraphBuilder::crossEntropy}, {1, &RandomGraphBuilder::constant}};
  static const std::vector<Function> bag = [] {
    std::vector<Function> bag;
    for (auto [weight, function] : weights)
      bag.insert(bag.end(), weight, function);
    return bag;
  }();
  (this->*oneOf(bag))();
  if (chance(0.15))
    write(values.size() - 1);
}

/// The value, or one computed from it that has a smaller bound.
int RandomGraphBuilder::tame(int value, double bound) {
  if (at(value).bound <= bound)
    return value;
  std::string name = use(value), scalar = typeText(at(value).shape);
  Choice result{"", at(value).shape, 1, 0, 0};
  return append(
      fmt::format("gpt.map({0}) : ({1}) -> {1} {{\n  ^bb0(%a: f32):\n    %b = math.tanh %a : f32\n"
                  "    gpt.yield %b : f32\n  }}",
                  name, scalar),
      {name}, {result});
}

namespace {
struct Scalar {
  std::string name;
  double bound;
};

/// Writes the body of a map: scalars from scalars.
class BodyWriter {
public:
  BodyWriter(std::mt19937 &random, std::vector<Scalar> scalars)
      : random(random), scalars(std::move(scalars)) {}

  std::string text;

  /// Appends a random computation.
  void step() {
    Scalar a = choose(), b = choose();
    switch (std::uniform_int_distribution<int>(0, 10)(random)) {
    case 0:
      return binary("arith.addf", a, b, a.bound + b.bound);
    case 1:
      return binary("arith.subf", a, b, a.bound + b.bound);
    case 2:
    case 3:
      return binary("arith.mulf", a, b, a.bound * b.bound);
    case 4:
      return unary("math.tanh", a, 1);
    case 5:
      unary("math.tanh", a, 1);
      return unary("math.exp", scalars.back(), 2.8);
    case 6:
      return binary("arith.maximumf", a, b, std::max(a.bound, b.bound));
    case 7:
      return binary("arith.minimumf", a, b, std::max(a.bound, b.bound));
    case 8: { // the smaller one of two, spelled with a comparison: continuous
      std::string less = fresh();
      line("{} = arith.cmpf olt, {}, {} : f32", less, a.name, b.name);
      std::string result = fresh();
      line("{} = arith.select {}, {}, {} : f32", result, less, a.name, b.name);
      scalars.push_back({result, std::max(a.bound, b.bound)});
      return;
    }
    case 9: { // √(x² + 1)
      std::string one = fresh();
      line("{} = arith.constant 1.0 : f32", one);
      binary("arith.mulf", a, a, a.bound * a.bound);
      binary("arith.addf", scalars.back(), {one, 1}, a.bound * a.bound + 1);
      return unary("math.sqrt", scalars.back(), a.bound + 1);
    }
    default:
      return unary("arith.negf", a, a.bound);
    }
  }

  /// The last scalar, squashed if it may be large.
  Scalar finish() {
    if (scalars.back().bound > 40)
      unary("math.tanh", scalars.back(), 1);
    return scalars.back();
  }

  template <typename... T> void line(fmt::format_string<T...> format, T &&...parts) {
    text += "    " + fmt::format(format, std::forward<T>(parts)...) + "\n";
  }

private:
  const Scalar &choose() {
    // Late ones more often: nothing should be computed in vain.
    size_t back = std::geometric_distribution<size_t>(0.5)(random);
    return scalars[scalars.size() - 1 - std::min(back, scalars.size() - 1)];
  }
  std::string fresh() { return "%s" + std::to_string(next++); }
  void unary(const char *operation, Scalar a, double bound) {
    std::string result = fresh();
    line("{} = {} {} : f32", result, operation, a.name);
    scalars.push_back({result, bound});
  }
  void binary(const char *operation, Scalar a, Scalar b, double bound) {
    std::string result = fresh();
    line("{} = {} {}, {} : f32", result, operation, a.name, b.name);
    scalars.push_back({result, bound});
  }

  std::mt19937 &random;
  std::vector<Scalar> scalars;
  int next = 0;
};
} // namespace

int RandomGraphBuilder::map(const Shape &shape, std::vector<int> operands) {
  std::vector<std::string> names, types, arguments;
  std::vector<Scalar> scalars;
  for (int &operand : operands) {
    operand = tame(operand, 40);
    names.push_back(use(operand));
    types.push_back(type(operand));
    arguments.push_back(fmt::format("%a{}: f32", scalars.size()));
    scalars.push_back({fmt::format("%a{}", scalars.size()), at(operand).bound});
  }
  BodyWriter body(random, scalars);
  std::vector<std::string> yielded;
  std::vector<Choice> results;
  for (int count = chance(0.15) ? 2 : 1; count > 0; --count) {
    for (int steps = operands.size() + below(3); steps > 0; --steps)
      body.step();
    Scalar last = body.finish();
    yielded.push_back(last.name);
    results.push_back({"", shape, last.bound, 0, 0});
  }
  std::vector<std::string> resultTypes(results.size(), typeText(shape)),
      yieldTypes(results.size(), "f32");
  return append(
      fmt::format("gpt.map({}) : ({}) -> ({}) {{\n  ^bb0({}):\n{}    gpt.yield {} : {}\n  }}",
                  fmt::join(names, ", "), fmt::join(types, ", "), fmt::join(resultTypes, ", "),
                  fmt::join(arguments, ", "), body.text, fmt::join(yielded, ", "),
                  fmt::join(yieldTypes, ", ")),
      names, results);
}

void RandomGraphBuilder::mapRandomly() {
  std::vector<int> operands{real()};
  Shape shape = at(operands[0]).shape;
  // The first operand is itself stretched sometimes.
  if (shape.size() < 4 && chance(0.15))
    shape.insert(shape.begin(), size());
  if (!shape.empty() && shape.back() == 1 && chance(0.3))
    shape.back() = size();
  if (countOf(shape) > mostElements)
    shape = at(operands[0]).shape;
  for (int count = below(3); count > 0; --count)
    operands.push_back(withShape(chance(0.5) ? shape : stretchable(shape)));
  map(shape, operands);
}

// select(row < column, x, y): a mask from positions, as in causal attention.
void RandomGraphBuilder::mapIota() {
  int x = real(1), y = withShape(at(x).shape);
  Shape shape = at(x).shape;
  int columns = append(fmt::format("gpt.iota : {}", typeText({shape.back()}, true)), {},
                       {{"", {shape.back()}, 1, static_cast<int>(shape.back()), 0}});
  int rows = columns;
  if (shape.size() > 1) {
    Shape line{shape[shape.size() - 2]}, upright{line[0], 1};
    int iota = append(fmt::format("gpt.iota : {}", typeText(line, true)), {},
                      {{"", line, 1, static_cast<int>(line[0]), 0}});
    std::string name = use(iota);
    rows = append(fmt::format("gpt.reshape {} : {} -> {}", name, typeText(line, true),
                              typeText(upright, true)),
                  {name}, {{"", upright, 1, static_cast<int>(line[0]), 0}});
  }
  std::vector<std::string> names{use(x), use(y), use(rows), use(columns)};
  append(
      fmt::format(
          "gpt.map({}) : ({}, {}, {}, {}) -> {} {{\n  ^bb0(%a: f32, %b: f32, %i: i32, %j: i32):\n"
          "    %c = arith.cmpi slt, %i, %j : i32\n    %d = arith.select %c, %a, %b : f32\n"
          "    gpt.yield %d : f32\n  }}",
          fmt::join(names, ", "), type(x), type(y), type(rows), type(columns), type(x)),
      names, {{"", shape, std::max(at(x).bound, at(y).bound), 0, 0}});
}

// A variable's new value from its old one.
void RandomGraphBuilder::updateState() {
  static const std::vector<std::string> kinds{"parameter", "state", "moment", "gradient", "output"};
  std::vector<int> written;
  for (int i = 0; i < static_cast<int>(graph.variables.size()); ++i)
    if (graph.variables[i].kind != "input")
      written.push_back(i);
  int variable =
      written.empty() || chance(0.3) ? declare(oneOf(kinds), at(real()).shape) : oneOf(written);
  Shape shape = graph.variables[variable].shape;
  std::vector<int> operands{read(variable)};
  for (int count = below(3); count > 0; --count)
    operands.push_back(withShape(chance(0.7) ? shape : stretchable(shape)));
  std::shuffle(operands.begin(), operands.end(), random);
  int result = map(shape, operands);
  writeTo(variable, result);
}

void RandomGraphBuilder::reduce() {
  static const std::vector<std::string> kinds{"sum", "sum", "max", "min"};
  int x = real(1);
  std::string kind = oneOf(kinds), name = use(x);
  std::vector<int> axes;
  Shape result;
  double count = 1;
  bool columns = chance(0.3); // over all axes but the last
  for (size_t axis = 0; axis < at(x).shape.size(); ++axis)
    if (columns ? axis + 1 < at(x).shape.size() : chance(0.5)) {
      axes.push_back(axis);
      count *= at(x).shape[axis];
    } else {
      result.push_back(at(x).shape[axis]);
    }
  append(fmt::format("gpt.reduce {} {} [{}] : {} -> {}", kind, name, fmt::join(axes, ", "), type(x),
                     typeText(result)),
         {name}, {{"", result, at(x).bound * (kind == "sum" ? std::sqrt(count) : 1), 0, 0}});
}

void RandomGraphBuilder::matmul() {
  int lhs = tame(real(2), 40);
  Shape left = at(lhs).shape;
  bool shared = left.size() == 2 || chance(0.6);
  bool transposeLhs = (!shared || left.size() == 2) && chance(0.4), transposeRhs = chance(0.5);
  int64_t k = left[left.size() - (transposeLhs ? 2 : 1)],
          rows = left[left.size() - (transposeLhs ? 1 : 2)];
  int64_t columns = size();
  Shape right(left.begin(), left.end() - 2), result(left.begin(), left.end() - 2);
  if (shared)
    right.clear();
  result.push_back(rows);
  result.push_back(columns);
  right.push_back(transposeRhs ? columns : k);
  right.push_back(transposeRhs ? k : columns);
  if (countOf(result) > mostElements || countOf(right) > mostElements ||
      countOf(result) * k > mostProducts)
    return;
  int rhs = tame(withShape(right), 40);
  std::vector<std::string> names{use(lhs), use(rhs)};
  append(fmt::format("gpt.matmul {}{}{} : {}, {} -> {}", fmt::join(names, ", "),
                     transposeLhs ? " transpose_lhs" : "", transposeRhs ? " transpose_rhs" : "",
                     type(lhs), type(rhs), typeText(result)),
         names, {{"", result, at(lhs).bound * at(rhs).bound * std::sqrt(k), 0, 0}});
}

void RandomGraphBuilder::reshape() {
  int x = any();
  Shape shape = at(x).shape;
  for (int changes = 1 + below(3); changes > 0; --changes) {
    size_t axis = shape.empty() ? 0 : below(shape.size());
    switch (below(4)) {
    case 0: // two axes become one
      if (axis + 1 < shape.size()) {
        shape[axis] *= shape[axis + 1];
        shape.erase(shape.begin() + axis + 1);
      }
      break;
    case 1: // one axis becomes two
      for (int64_t divisor : {4, 3, 2, 5, 7})
        if (shape.size() < 4 && axis < shape.size() && shape[axis] % divisor == 0 &&
            shape[axis] > divisor) {
          shape[axis] /= divisor;
          shape.insert(shape.begin() + axis + below(2), divisor);
          break;
        }
      break;
    case 2:
      if (shape.size() < 4)
        shape.insert(shape.begin() + below(shape.size() + 1), 1);
      break;
    default:
      if (axis < shape.size() && shape[axis] == 1)
        shape.erase(shape.begin() + axis);
    }
  }
  std::string name = use(x);
  append(fmt::format("gpt.reshape {} : {} -> {}", name, type(x), typeText(shape, at(x).limit != 0)),
         {name}, {{"", shape, at(x).bound, at(x).limit, 0}});
}

void RandomGraphBuilder::transpose() {
  int x = any();
  if (at(x).shape.size() < 2)
    return;
  std::vector<int> permutation(at(x).shape.size());
  std::iota(permutation.begin(), permutation.end(), 0);
  std::shuffle(permutation.begin(), permutation.end(), random);
  Shape shape;
  for (int axis : permutation)
    shape.push_back(at(x).shape[axis]);
  std::string name = use(x);
  append(fmt::format("gpt.transpose {} [{}] : {} -> {}", name, fmt::join(permutation, ", "),
                     type(x), typeText(shape, at(x).limit != 0)),
         {name}, {{"", shape, at(x).bound, at(x).limit, 0}});
}
