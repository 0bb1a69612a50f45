// The text of conformance cases.
#include "CaseText.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <functional>

using namespace gptc::test;

std::string gptc::test::makeType(const Shape &shape, bool isIndex) {
  return fmt::format("tensor<{}{}{}>", fmt::join(shape, "x"), shape.empty() ? "" : "x",
                     isIndex ? "i32" : "f32");
}

std::string gptc::test::shapeName(const Shape &shape) {
  return shape.empty() ? "scalar" : fmt::format("{}", fmt::join(shape, "x"));
}

std::string Value::type() const { return makeType(shape, isIndex); }

/// The part of each value that `part` gives, with commas.
static std::string list(const std::vector<Value> &values,
                        const std::function<std::string(const Value &)> &part) {
  std::vector<std::string> parts;
  std::transform(values.begin(), values.end(), std::back_inserter(parts), part);
  return fmt::format("{}", fmt::join(parts, ", "));
}

static std::string types(const std::vector<Value> &values) {
  return list(values, [](const Value &value) { return value.type(); });
}
static std::string names(const std::vector<Value> &values) {
  return list(values, [](const Value &value) { return value.name; });
}

std::string CaseText::declare(const std::string &kind, const Shape &shape, bool isIndex) {
  std::string variable = fmt::format("{}.{}{}", name, kind, variables++);
  bool starts = kind == "parameter" || kind == "state" || kind == "moment";
  declarations +=
      fmt::format("gpt.variable @\"{}\" {}{} : {}\n", variable, kind,
                  starts ? " init(#gpt.init<constant, 0.0, 0.0>)" : "", makeType(shape, isIndex));
  return variable;
}

Value CaseText::variable(const std::string &kind, const Shape &shape, Range range, bool isIndex) {
  Value value{fresh(), shape, isIndex, declare(kind, shape, isIndex)};
  ranges[value.variable] = range;
  body += fmt::format("  {} = gpt.read @\"{}\" : {}\n", value.name, value.variable, value.type());
  return value;
}

std::vector<Value> CaseText::operation(const std::string &text, const std::vector<Value> &operands,
                                       const std::vector<Value> &results) {
  std::vector<Value> made = results;
  for (Value &value : made)
    value.name = fresh();
  body += fmt::format("  {} = {} : {}{}{}\n", names(made), text, types(operands),
                      operands.empty() ? "" : " -> ", types(made));
  return made;
}

std::vector<Value> CaseText::maps(int results, const Shape &shape,
                                  const std::vector<Value> &operands, const std::string &lines) {
  std::vector<Value> made(results, Value{"", shape});
  std::vector<std::string> arguments, yielded, yieldTypes(results, "f32");
  for (size_t i = 0; i < operands.size(); ++i)
    arguments.push_back(fmt::format("%{}: {}", char('a' + i), operands[i].isIndex ? "i32" : "f32"));
  for (int i = 0; i < results; ++i) {
    made[i].name = fresh();
    yielded.push_back(results == 1 ? "%r" : fmt::format("%r{}", i));
  }
  body += fmt::format("  {} = gpt.map({}) : ({}) -> ({}) {{\n  ^bb0({}):\n{}\n    gpt.yield {} : "
                      "{}\n  }}\n",
                      names(made), names(operands), types(operands), types(made),
                      fmt::join(arguments, ", "), lines, fmt::join(yielded, ", "),
                      fmt::join(yieldTypes, ", "));
  return made;
}

Value CaseText::map(const Shape &shape, const std::vector<Value> &operands,
                    const std::string &lines) {
  return maps(1, shape, operands, lines).front();
}

Value CaseText::binary(const std::string &operation, const Value &x, const Value &y) {
  return map(x.shape, {x, y}, "    %r = " + operation + " %a, %b : f32");
}

Value CaseText::reduce(const std::string &kind, const Value &x, const Shape &axes) {
  Shape shape;
  for (size_t axis = 0; axis < x.shape.size(); ++axis)
    if (std::find(axes.begin(), axes.end(), axis) == axes.end())
      shape.push_back(x.shape[axis]);
  return operation(fmt::format("gpt.reduce {} {} [{}]", kind, x.name, fmt::join(axes, ", ")), {x},
                   shape);
}

Value CaseText::reshape(const Value &x, const Shape &shape) {
  return operation("gpt.reshape " + x.name, {x}, {Value{"", shape, x.isIndex}}).front();
}

Value CaseText::transpose(const Value &x, const Shape &permutation) {
  Value result{"", {}, x.isIndex};
  for (int64_t axis : permutation)
    result.shape.push_back(x.shape[axis]);
  return operation(fmt::format("gpt.transpose {} [{}]", x.name, fmt::join(permutation, ", ")), {x},
                   {result})
      .front();
}

Value CaseText::matmul(const Value &x, const Value &y, bool transposeX, bool transposeY) {
  Shape shape = x.shape;
  size_t axes = x.shape.size();
  shape[axes - 2] = x.shape[transposeX ? axes - 1 : axes - 2];
  shape[axes - 1] = y.shape[y.shape.size() - (transposeY ? 2 : 1)];
  return operation(fmt::format("gpt.matmul {}, {}{}{}", x.name, y.name,
                               transposeX ? " transpose_lhs" : "",
                               transposeY ? " transpose_rhs" : ""),
                   {x, y}, shape);
}

Value CaseText::softmax(const Value &x) {
  Value result{fresh(), x.shape};
  body += fmt::format("  {} = gpt.softmax {} : {}\n", result.name, x.name, x.type());
  return result;
}

void CaseText::write(const Value &value, bool accumulate) {
  std::string variable = declare(accumulate ? "gradient" : "output", value.shape, false);
  body += fmt::format("  gpt.write @\"{}\", {}{} : {}\n", variable, value.name,
                      accumulate ? " accumulate" : "", value.type());
}

void CaseText::writeTo(const Value &to, const Value &value) {
  body += fmt::format("  gpt.write @\"{}\", {} : {}\n", to.variable, value.name, value.type());
}

ConformanceModel CaseText::finish() const {
  return {name, declarations + "func.func @\"" + name + "\"() {\n" + body + "  return\n}\n", false,
          ranges, precision};
}

ConformanceModel CaseText::finish(const Value &loss) const {
  return {name,
          fmt::format("{}func.func @train() -> tensor<f32> {{\n{}  return {} : tensor<f32>\n}}\n",
                      declarations, body, loss.name),
          true, ranges, precision};
}
