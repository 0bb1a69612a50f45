// Names in functions: signatures, statements and results.
#include "NameChecker.h"
#include "Walk.h"

#include <fmt/format.h>

namespace gptc::model {

/// `softcap(x: [..., C], limit)`: the signature that would let `function` take a tensor.
static std::string tensorSignature(const ast::Function &function) {
  std::string out;
  for (const ast::Input &input : function.signature.inputs)
    out += out.empty() ? fmt::format("{}({}: [..., C]", function.name.text, input.name.text)
                       : ", " + oneLine(input.range);
  return out + ")";
}

void NameChecker::checkFunction(const ast::Function &function, const ast::Module *module,
                                bool isLoss) {
  Scope scope;
  scope.library = &library_;
  scope.module = module;
  scope.function = &function;
  scope.incomplete =
      library_.file().incomplete || function.body.incomplete || (module && module->incomplete);
  for (const ast::Config &config : library_.file().configs)
    scope.incomplete |= config.incomplete;
  const ast::Signature &signature = function.signature;
  if (!module && isElementwise(function)) {
    scope.numbersOnly =
        fmt::format("{} is elementwise: its inputs have no shape", function.name.text);
    scope.hint = tensorSignature(function);
    for (const ast::Type &type : signature.results)
      error(type.range, fmt::format("{}, so its result has none", scope.numbersOnly));
  }
  if (module && module->isModel)
    checkModelSignature(function, *module, isLoss);

  llvm::StringMap<SourceRange> inputs;
  for (const ast::Input &input : signature.inputs) {
    define(inputs, input.name);
    if (input.type)
      checkShape(input.type->shape, scope, Binds::Yes, true);
    if (input.defaultValue)
      check(*input.defaultValue, scope);
    scope.locals.insert(input.name.text);
  }
  for (const ast::Statement &statement : function.body.statements)
    std::visit([&](const auto &node) { checkStatement(node, scope); }, statement);
  for (const ast::ExprPtr &result : function.body.results)
    check(*result, scope);
  if (scope.numbersOnly.empty())
    for (const ast::Type &type : signature.results)
      checkShape(type.shape, scope, Binds::Yes);
}

/// What the data must know: each input of a model has a shape.
void NameChecker::checkModelSignature(const ast::Function &function, const ast::Module &module,
                                      bool isLoss) {
  size_t given = 0; // inputs that are not data
  if (isLoss && module.forward)
    given = std::max(module.forward->signature.results.size(), module.forward->body.results.size());
  for (auto [i, input] : llvm::enumerate(function.signature.inputs)) {
    if (!input.type)
      error(input.range, fmt::format("{} of the model's {} needs a shape, such as {}: [B, C]",
                                     input.name.text, function.name.text, input.name.text));
    if (input.defaultValue)
      error(input.defaultValue->range,
            fmt::format("an input of the model's {} has no default: the data gives it",
                        function.name.text));
    bool isData = !isLoss || i >= given;
    if (isData && input.type)
      for (const ast::Size &size : input.type->shape.sizes)
        if (size.isEllipsis)
          error(size.range, "an input of a model names all of its axes");
    if (isData)
      checkFreeOfEntries(input.name);
    if (isData && findMember(module, input.name.text))
      error(input.range, fmt::format("{} is a member of the model, and cannot be an input too",
                                     input.name.text));
    if (isLoss && isData && module.forward &&
        indexOfInput(module.forward->signature.inputs, input.name.text))
      error(input.range, fmt::format("{} is an input of forward already", input.name.text));
  }
  if (isLoss && function.signature.inputs.size() < given)
    error(function.signature.inputsRange,
          fmt::format("loss takes what forward returns: required {} or more, found {}",
                      counted(given, "input"), function.signature.inputs.size()));
}

void NameChecker::checkStatement(const ast::Assignment &assignment, Scope &scope) {
  for (const ast::ExprPtr &value : assignment.values)
    check(*value, scope);
  for (const ast::Target &target : assignment.targets)
    checkTarget(target, scope);
}

void NameChecker::checkTarget(const ast::Target &target, Scope &scope) {
  const std::string &name = target.name.text;
  const char *what = nullptr;
  switch (resolve(name, scope)) {
  case NameKind::Local:
  case NameKind::Unknown:
  case NameKind::Fixed: break; // the parser has reported fixed names
  case NameKind::Size: what = "a size"; break;
  case NameKind::Argument: what = "an argument of the module"; break;
  case NameKind::Parameter: what = "a parameter"; break;
  case NameKind::State: what = "a state"; break;
  case NameKind::Submodule: what = "a module"; break;
  case NameKind::Config: what = "a config value"; break;
  }
  if (what) {
    Diagnostic &diagnostic =
        error(target.name.range,
              fmt::format("{} is {}: only inputs and locals can be assigned", name, what));
    if (resolve(name, scope) == NameKind::State)
      diagnostic.hint(fmt::format("update {} = ...", name));
  }
  if (target.type) {
    checkTensorAllowed(target.type->range, "a shape", scope);
    checkShape(target.type->shape, scope, Binds::Yes);
  }
  scope.locals.insert(name);
}

void NameChecker::checkStatement(const ast::Update &update, Scope &scope) {
  check(*update.value, scope);
  const std::string &name = update.state.text;
  const ast::ModuleMember *member = scope.module ? findMember(*scope.module, name) : nullptr;
  const auto *tensor = member ? std::get_if<ast::TensorMember>(member) : nullptr;
  if ((tensor && tensor->isState) || (!member && scope.incomplete))
    return;
  std::vector<std::string> states;
  if (scope.module)
    for (const ast::ModuleMember &candidate : scope.module->members)
      if (const auto *state = std::get_if<ast::TensorMember>(&candidate); state && state->isState)
        states.push_back(state->name.text);
  error(update.state.range,
        fmt::format("{} is no state of {}{}", name, scope.module ? "this module" : "a function",
                    suggestion(name, states)));
}

} // namespace gptc::model
