// Writing MLIR text for op fixtures.
#include "test/lib/Oracle/TextBuilder.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

using namespace gptc;
using namespace gptc::test;

static TextValue describe(const std::string &prefix, const NamedTensor &tensor) {
  return {prefix + tensor.name, tensor.value.getShape().vec(), tensor.value.isReal()};
}

TextValue TextBuilder::input(const std::string &name) const {
  return describe("in_", {name, fixture.input(name)});
}

std::vector<TextValue> TextBuilder::inputs() const {
  std::vector<TextValue> values;
  for (const NamedTensor &tensor : fixture.inputs)
    values.push_back(describe("in_", tensor));
  return values;
}

TextValue TextBuilder::output(const std::string &name) const {
  for (const NamedTensor &tensor : fixture.outputs)
    if (tensor.name == name)
      return describe("out_", tensor);
  return {};
}

std::string TextBuilder::type(const TextValue &value) const {
  return fmt::format("tensor<{}{}{}>", fmt::join(value.shape, "x"), value.shape.empty() ? "" : "x",
                     value.isReal ? real : "i32");
}

std::string TextBuilder::types(const std::vector<TextValue> &values) const {
  std::vector<std::string> list;
  for (const TextValue &value : values)
    list.push_back(type(value));
  return fmt::format("{}", fmt::join(list, ", "));
}

void TextBuilder::line(std::string operation) {
  for (size_t at; (at = operation.find("REAL")) != std::string::npos;)
    operation.replace(at, 4, real);
  text += "  " + operation + "\n";
}

TextValue TextBuilder::op(const TextValue &result, const std::string &operation,
                          const std::vector<TextValue> &operands) {
  line(fmt::format("%{} = {} : {} -> {}", result.name, operation, types(operands), type(result)));
  return result;
}

TextValue TextBuilder::map(const std::string &name, const std::vector<TextValue> &operands,
                           const TextValue &like, const std::string &region) {
  std::vector<std::string> names, arguments;
  char letter = 'a';
  for (const TextValue &operand : operands) {
    names.push_back("%" + operand.name);
    arguments.push_back(fmt::format("%{}: {}", letter++, operand.isReal ? real : "i32"));
  }
  TextValue result{name, like.shape, true};
  line(fmt::format("%{} = gpt.map({}) : ({}) -> {} {{\n^bb0({}):\n{}\ngpt.yield %y : REAL\n}}",
                   name, fmt::join(names, ", "), types(operands), type(result),
                   fmt::join(arguments, ", "), region));
  return result;
}

TextValue TextBuilder::reshape(const std::string &name, const TextValue &value,
                               std::vector<int64_t> shape) {
  return op({name, std::move(shape), value.isReal}, "gpt.reshape %" + value.name, {value});
}

TextValue TextBuilder::reduce(const std::string &name, const std::string &kind,
                              const TextValue &value, const std::vector<int64_t> &axes) {
  TextValue result{name, {}};
  for (int64_t axis = 0; axis < static_cast<int64_t>(value.shape.size()); ++axis)
    if (std::find(axes.begin(), axes.end(), axis) == axes.end())
      result.shape.push_back(value.shape[axis]);
  return op(result, fmt::format("gpt.reduce {} %{} [{}]", kind, value.name, fmt::join(axes, ", ")),
            {value});
}

TextValue TextBuilder::scalar(const std::string &name, double value) {
  line(fmt::format("%{} = arith.constant dense<{:.17e}> : tensor<REAL>", name, value));
  return {name, {}};
}
