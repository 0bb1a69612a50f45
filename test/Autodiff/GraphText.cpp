// Writes the text of a function in the gpt dialect.
#include "GraphText.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

using namespace gptc::test;

std::string gptc::test::makeType(const Shape &shape, bool isIndex) {
  return fmt::format("tensor<{}{}{}>", fmt::join(shape, "x"), shape.empty() ? "" : "x",
                     isIndex ? "i32" : "f64");
}

std::string gptc::test::join(const Shape &numbers) {
  return fmt::format("[{}]", fmt::join(numbers, ", "));
}

long gptc::test::countElements(const Shape &shape) {
  long product = 1;
  for (long size : shape)
    product *= size;
  return product;
}

std::string Node::type() const { return makeType(shape, isIndex); }

Node GraphText::fresh(const Shape &shape, bool isIndex) {
  return {fmt::format("%v{}", count++), shape, isIndex};
}

Node GraphText::variable(const std::string &name, const std::string &kind, const Shape &shape,
                         bool isIndex) {
  Node node = fresh(shape, isIndex);
  declarations +=
      fmt::format("gpt.variable @\"{}\" {}{} : {}\n", name, kind,
                  kind == "parameter" ? " init(<constant, 0.0, 0.0>)" : "", node.type());
  add(fmt::format("{} = gpt.read @\"{}\" : {}\n", node.name, name, node.type()));
  return node;
}

Node GraphText::map(const Shape &shape, const std::vector<Node> &operands,
                    const std::string &lines) {
  Node node = fresh(shape);
  std::string names, types, arguments;
  for (size_t i = 0; i < operands.size(); ++i) {
    const char *comma = i ? ", " : "";
    names += comma + operands[i].name;
    types += comma + operands[i].type();
    arguments += fmt::format("{}%{}: {}", comma, static_cast<char>('a' + i),
                             operands[i].isIndex ? "i32" : "f64");
  }
  add(fmt::format("{} = gpt.map({}) : ({}) -> {} {{\n^bb0({}):\n{}\ngpt.yield %r : f64\n}}\n",
                  node.name, names, types, node.type(), arguments, lines));
  return node;
}

Node GraphText::op(const std::string &text, const std::vector<Node> &operands, const Shape &shape) {
  Node node = fresh(shape);
  std::string types;
  for (const Node &operand : operands)
    types += (types.empty() ? "" : ", ") + operand.type();
  add(fmt::format("{} = {} : {} -> {}\n", node.name, text, types, node.type()));
  return node;
}

Node GraphText::reduce(const std::string &kind, const Node &x, const Shape &axes) {
  Shape shape;
  for (long i = 0; i < x.rank(); ++i)
    if (std::find(axes.begin(), axes.end(), i) == axes.end())
      shape.push_back(x.shape[i]);
  return op(fmt::format("gpt.reduce {} {} {}", kind, x.name, join(axes)), {x}, shape);
}

Node GraphText::reshape(const Node &x, const Shape &shape) {
  Node node = fresh(shape, x.isIndex);
  add(fmt::format("{} = gpt.reshape {} : {} -> {}\n", node.name, x.name, x.type(), node.type()));
  return node;
}

Node GraphText::column(const Node &x) {
  Shape shape = x.shape;
  shape.push_back(1);
  return reshape(x, shape);
}

Node GraphText::transpose(const Node &x, const Shape &permutation) {
  Shape shape;
  for (long axis : permutation)
    shape.push_back(x.shape[axis]);
  return op(fmt::format("gpt.transpose {} {}", x.name, join(permutation)), {x}, shape);
}

Node GraphText::matmul(const Node &x, const Node &y, bool transposeRhs) {
  Shape shape = x.shape;
  shape.back() = y.shape[y.rank() - (transposeRhs ? 2 : 1)];
  return op(
      fmt::format("gpt.matmul {}, {}{}", x.name, y.name, transposeRhs ? " transpose_rhs" : ""),
      {x, y}, shape);
}

Node GraphText::slice(const Node &x, const Shape &offsets, const Shape &sizes) {
  return op(fmt::format("gpt.slice {} {} {}", x.name, join(offsets), join(sizes)), {x}, sizes);
}

Node GraphText::pad(const Node &x, const Shape &low, const Shape &high) {
  Shape shape = x.shape;
  for (long i = 0; i < x.rank(); ++i)
    shape[i] += low[i] + high[i];
  return op(fmt::format("gpt.pad {} {} {}", x.name, join(low), join(high)), {x}, shape);
}

Node GraphText::concat(const Node &x, const Node &y, long axis) {
  Shape shape = x.shape;
  shape[axis] += y.shape[axis];
  return op(fmt::format("gpt.concat {}, {} axis {}", x.name, y.name, axis), {x, y}, shape);
}

std::vector<Node> GraphText::split(const Node &x, const Shape &sizes, long axis) {
  std::vector<Node> pieces;
  std::string names, types;
  for (long size : sizes) {
    Shape shape = x.shape;
    shape[axis] = size;
    pieces.push_back(fresh(shape));
    names += (names.empty() ? "" : ", ") + pieces.back().name;
    types += (types.empty() ? "" : ", ") + pieces.back().type();
  }
  add(fmt::format("{} = gpt.split {} axis {} : {} -> {}\n", names, x.name, axis, x.type(), types));
  return pieces;
}

Node GraphText::iota(long size) {
  Node node = fresh({size}, true);
  add(fmt::format("{} = gpt.iota : {}\n", node.name, node.type()));
  return node;
}

Node GraphText::mean(const Node &x, const Shape &axes) {
  Shape kept = x.shape;
  long number = 1;
  for (long axis : axes)
    number *= kept[axis], kept[axis] = 1;
  Node sum = reshape(reduce("sum", x, axes), kept);
  return map(kept, {sum},
             fmt::format("%n = arith.constant {}.0 : f64\n%r = arith.divf %a, %n : f64", number));
}

std::string GraphText::finish(const Node &loss) const {
  return fmt::format("{}func.func @train() -> tensor<f64> {{\n{}return {} : tensor<f64>\n}}\n",
                     declarations, body, loss.name);
}
