// The table of built-in functions, and how their arguments are prepared.
#include "BuiltinCall.h"

#include <fmt/format.h>

#include <limits>
#include <numbers>

namespace gptc::model {

static std::vector<Builtin> makeTable() {
  using enum Takes;
  auto scalar = [](const char *name, Scalar function, std::vector<const char *> names) {
    Builtin builtin{name, {}, nullptr, function};
    for (const char *input : names)
      builtin.inputs.push_back({input, Real});
    return builtin;
  };
  auto reduction = [](const char *name, Meaning (*build)(BuiltinCall &)) {
    return Builtin{name, {{"x", Real}, {"pattern", Reductions, true}}, build};
  };
  return {
      scalar("exp", Scalar::Exp, {"x"}),
      scalar("log", Scalar::Log, {"x"}),
      scalar("sqrt", Scalar::Sqrt, {"x"}),
      scalar("rsqrt", Scalar::Rsqrt, {"x"}),
      scalar("sin", Scalar::Sin, {"x"}),
      scalar("cos", Scalar::Cos, {"x"}),
      scalar("tanh", Scalar::Tanh, {"x"}),
      scalar("sigmoid", Scalar::Sigmoid, {"x"}),
      scalar("erf", Scalar::Erf, {"x"}),
      scalar("abs", Scalar::Abs, {"x"}),
      scalar("min", Scalar::Min, {"a", "b"}),
      scalar("max", Scalar::Max, {"a", "b"}),
      scalar("where", Scalar::Where, {"condition", "a", "b"}),
      {"linear", {{"x", Real}, {"w", Real}, {"b", RealOrNone, true}}, buildLinear},
      {"einsum", {{"x", Pattern}}, buildEinsum, std::nullopt, true},
      {"rearrange", {{"x", Any}, {"pattern", Pattern}}, buildRearrange},
      {"transpose", {{"x", Any}}, buildTranspose},
      {"split", {{"x", Any}, {"pieces", Sizes}}, buildSplit},
      {"concat", {{"x", Any}}, buildConcat, std::nullopt, true},
      reduction("sum", buildSum),
      reduction("mean", buildMean),
      reduction("max", buildMax),
      reduction("min", buildMin),
      {"var", {{"x", Real}, {"pattern", Reductions, true}, {"correction", Known, true}}, buildVar},
      {"embedding", {{"i", Indices}, {"table", Real}}, buildEmbedding},
      {"pick", {{"x", Real}, {"i", Indices}}, buildPick},
      {"cross_entropy", {{"logits", Real}, {"targets", Indices}}, buildCrossEntropy},
      {"softmax", {{"x", Real}}, buildSoftmax},
      {"logsumexp", {{"x", Real}}, buildLogsumexp},
      {"layer_norm",
       {{"x", Real}, {"w", RealOrNone, true}, {"b", RealOrNone, true}, {"eps", Known, true}},
       buildLayerNorm},
      {"attention",
       {{"q", Real},
        {"k", Real},
        {"v", Real},
        {"causal", Known, true},
        {"window", KnownOrNone, true},
        {"scale", Known, true},
        {"dropout", Known, true}},
       buildAttention},
      {"shift", {{"x", Real}, {"n", Known}}, buildShift},
      {"arange", {{"n", Known}}, buildArange},
      {"tril", {{"n", Known}}, buildTril},
      {"random", {{"x", Real}}, buildRandom},
      {"detach", {{"x", Real}}, buildDetach},
      {"l2", {{"parameters", Parameters}}, buildL2},
  };
}

static const std::vector<Builtin> &table() {
  static const std::vector<Builtin> builtins = makeTable();
  return builtins;
}

const Builtin *findBuiltin(llvm::StringRef name, const std::vector<ast::Argument> *arguments) {
  const Builtin *found = nullptr;
  for (const Builtin &builtin : table()) {
    if (name != builtin.name)
      continue;
    // Of min and max the elementwise ones come first.
    bool isElementwise =
        !arguments || (arguments->size() >= 2 && llvm::all_of(*arguments, [](const auto &argument) {
                         return !argument.shape;
                       }));
    if (!found || !isElementwise)
      found = &builtin;
  }
  return found;
}

std::vector<std::string> builtinNames() {
  std::vector<std::string> names;
  for (const Builtin &builtin : table())
    if (names.empty() || names.back() != builtin.name)
      names.push_back(builtin.name);
  return names;
}

std::optional<double> fixedNumber(llvm::StringRef name) {
  if (name == "true" || name == "false")
    return name == "true" ? 1 : 0;
  if (name == "inf")
    return std::numeric_limits<double>::infinity();
  if (name == "pi")
    return std::numbers::pi;
  return std::nullopt;
}

bool isWellFormed(const Builtin &builtin, const ast::CallExpr &call) {
  llvm::ArrayRef<ast::Argument> arguments = call.arguments;
  size_t tensors = arguments.size();
  if (builtin.inputs.front().takes == Takes::Pattern) { // einsum: as many shapes as tensors
    tensors /= 2;
    llvm::ArrayRef<ast::Argument> shapes = arguments.drop_front(tensors);
    if (shapes.size() != tensors)
      return false;
    for (const ast::Argument &shape : shapes)
      if (!shape.shape || shape.isPattern() != (&shape == &shapes.back()))
        return false;
  }
  return tensors > 0 && llvm::all_of(arguments.take_front(tensors),
                                     [](const ast::Argument &a) { return a.value && !a.name; });
}

//===- Calls ----------------------------------------------------------------------------------===//

Meaning Elaborator::callBuiltin(const Builtin &builtin, const ast::CallExpr &call, Frame &frame) {
  if (builtin.scalar) {
    llvm::SmallVector<Meaning, 3> operands(builtin.inputs.size());
    llvm::SmallVector<const ast::Expr *, 3> texts(builtin.inputs.size());
    for (auto [i, argument] : llvm::enumerate(call.arguments)) {
      if (i >= operands.size() || !argument.value)
        return Poison(); // was reported
      operands[i] = evaluate(*argument.value, frame);
      texts[i] = argument.value.get();
    }
    return applyScalar(*builtin.scalar, operands, frame, call.callee->range, builtin.name, texts);
  }
  if (!frame.takesTensors())
    return Poison(); // was reported
  BuiltinCall prepared(*this, frame, builtin, call);
  return prepared.prepare() ? prepared.build() : Meaning();
}

bool BuiltinCall::prepare() {
  if (builtin.isVariadic)
    return isWellFormed(builtin, call);
  bool ok = true;
  for (auto [i, argument] : llvm::enumerate(call.arguments)) {
    size_t index = i;
    if (argument.name)
      for (index = 0; index < builtin.inputs.size(); ++index)
        if (argument.name->text == builtin.inputs[index].name)
          break;
    if (index >= builtin.inputs.size())
      return false; // was reported
    arguments[index] = &argument;
    ok &= prepare(index, argument);
  }
  for (size_t i = 0; i < builtin.inputs.size(); ++i)
    ok &= builtin.inputs[i].isOptional || has(i);
  return ok;
}

bool BuiltinCall::prepare(size_t index, const ast::Argument &argument) {
  const BuiltinInput &input = builtin.inputs[index];
  Takes takes = input.takes;
  if (takes == Takes::Pattern || takes == Takes::Reductions)
    return argument.isPattern();
  if (takes == Takes::Sizes && argument.shape)
    return !argument.isPattern();
  if (!argument.value)
    return false;
  bool isParameters = takes == Takes::Parameters;
  Meaning value = isParameters ? elaborator.evaluateParameters(*argument.value, frame)
                               : elaborator.evaluate(*argument.value, frame);
  values[index] = value;
  bool takesNone = takes == Takes::RealOrNone || takes == Takes::KnownOrNone;
  if (value.isPoison() || isParameters || (takesNone && value.isNone()))
    return !value.isPoison();
  std::string what = fmt::format("{} of {}", input.name, builtin.name);
  if (takes == Takes::Known || takes == Takes::KnownOrNone || takes == Takes::Sizes) {
    if (value.number())
      return true;
    elaborator.error(
        frame, argument.range,
        fmt::format("{} must be a number known at compile time, found {}", what, value.describe()));
    return false;
  }
  Tensor *tensor = elaborator.toTensor(value, frame, argument.range, what);
  if (!tensor)
    return false;
  if (takes == Takes::Indices && !tensor->isInt) {
    failShape(argument.range, "indices (int) are needed", "int[...]", toString(tensor->dims));
    return false;
  }
  if (takes == Takes::Real || takes == Takes::RealOrNone) {
    elaborator.at(frame, argument.range);
    tensor = graph.real(tensor);
  }
  values[index] = tensor;
  return true;
}

Meaning BuiltinCall::build() {
  at();
  return builtin.build(*this);
}

Number BuiltinCall::number(size_t i, Number otherwise) const {
  const Number *given = values[i].number();
  return given ? *given : otherwise;
}

Meaning BuiltinCall::fail(SourceRange range, std::string message) {
  elaborator.error(frame, range, fmt::format("{}: {}", builtin.name, message));
  return Poison();
}

Meaning BuiltinCall::failShape(SourceRange range, std::string message, std::string required,
                               std::string found) {
  elaborator.error(frame, range, fmt::format("{}: {}", builtin.name, message))
      .required(required)
      .found(found);
  return Poison();
}

} // namespace gptc::model
