// Calls and constructions: what is called, and whether the arguments are what it takes.
#include "NameChecker.h"
#include "Walk.h"

#include <fmt/format.h>

namespace gptc::model {

std::string counted(size_t count, llvm::StringRef noun) {
  return fmt::format("{} {}{}", count, noun.str(), count == 1 ? "" : "s");
}

static std::string joined(llvm::ArrayRef<std::string> names, llvm::StringRef separator = ", ") {
  return fmt::format("{}", fmt::join(names.begin(), names.end(), separator.str()));
}

static std::string describe(NameKind kind) {
  switch (kind) {
  case NameKind::Parameter: return "a parameter";
  case NameKind::State: return "a state";
  case NameKind::Config: return "a config value";
  case NameKind::Fixed: return "a fixed name";
  case NameKind::Size: return "a size";
  default: return "a value";
  }
}

static Parameters parametersOf(const std::vector<ast::Input> &inputs) {
  Parameters parameters;
  for (const ast::Input &input : inputs)
    parameters.list.push_back({input.name.text, input.defaultValue != nullptr});
  return parameters;
}

std::vector<std::optional<size_t>>
NameChecker::matchArguments(llvm::StringRef name, const Parameters &inputs,
                            const std::vector<ast::Argument> &arguments, SourceRange callRange) {
  std::vector<std::optional<size_t>> matched(arguments.size());
  std::vector<bool> given(inputs.list.size());
  bool named = false, silent = false;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const ast::Argument &argument = arguments[i];
    std::optional<size_t> index;
    if (argument.name) {
      named = true;
      std::vector<std::string> names;
      for (auto [j, input] : llvm::enumerate(inputs.list)) {
        names.push_back(input.name);
        if (input.name == argument.name->text)
          index = j;
      }
      if (!index) {
        std::string guess = suggestion(argument.name->text, names);
        std::string all = names.empty() ? "" : fmt::format("; it has {}", joined(names));
        error(argument.range, fmt::format("{} has no input {}{}", name.str(), argument.name->text,
                                          guess.empty() ? all : guess));
        silent = true;
        continue;
      }
    } else if (named) {
      error(argument.range, "a positional argument follows a named one");
      silent = true;
      continue;
    } else if (i >= inputs.list.size()) {
      error(argument.range, fmt::format("{} takes {}, found {}", name.str(),
                                        counted(inputs.list.size(), "input"), arguments.size()));
      return matched;
    } else {
      index = i;
    }
    if (given[*index])
      error(argument.range,
            fmt::format("{} of {} is given twice", inputs.list[*index].name, name.str()));
    given[*index] = true;
    matched[i] = index;
  }
  std::vector<std::string> missing;
  for (auto [input, isGiven] : llvm::zip(inputs.list, given))
    if (!input.isOptional && !isGiven)
      missing.push_back(input.name);
  if (!missing.empty() && !silent)
    error(callRange, fmt::format("{}: {} {} missing", name.str(), joined(missing, " and "),
                                 missing.size() == 1 ? "is" : "are"));
  return matched;
}

void NameChecker::checkArguments(llvm::StringRef name, const std::vector<ast::Input> &inputs,
                                 const ast::CallExpr &call, Scope &scope) {
  matchArguments(name, parametersOf(inputs), call.arguments, call.range);
  for (const ast::Argument &argument : call.arguments) {
    if (argument.shape)
      error(argument.range,
            fmt::format("{} takes no {}", name.str(), argument.isPattern() ? "pattern" : "shape"));
    else if (argument.value)
      check(*argument.value, scope);
  }
}

void NameChecker::checkCall(const ast::CallExpr &call, Scope &scope) {
  if (const auto *name = ast::dynCast<ast::NameExpr>(call.callee.get()))
    return checkNamedCall(call, *name, scope);
  auto checkAll = [&] {
    for (const ast::Argument &argument : call.arguments)
      if (argument.value)
        check(*argument.value, scope);
  };
  const auto *member = ast::dynCast<ast::MemberExpr>(call.callee.get());
  if (!member) {
    error(call.callee->range, "only functions and modules are called");
    return checkAll();
  }
  size_t errors = diagnostics_.errorCount();
  Path path = findPath(*member, scope);
  if (path.module)
    return checkForwardCall(call, *path.module, scope);
  if (path && std::holds_alternative<ast::TensorMember>(*path.member))
    error(member->range, fmt::format("{} is a tensor, not a function", oneLine(member->range)));
  else if (!path && diagnostics_.errorCount() == errors)
    checkMember(*member, scope);
  checkAll();
}

void NameChecker::checkForwardCall(const ast::CallExpr &call, const ast::Module &module,
                                   Scope &scope) {
  std::string name = oneLine(call.callee->range);
  checkTensorAllowed(call.callee->range, name, scope);
  if (module.forward)
    return checkArguments(name, module.forward->signature.inputs, call, scope);
  for (const ast::Argument &argument : call.arguments)
    if (argument.value)
      check(*argument.value, scope);
}

void NameChecker::checkNamedCall(const ast::CallExpr &call, const ast::NameExpr &name,
                                 Scope &scope) {
  NameKind kind = resolve(name.name, scope);
  if (kind == NameKind::Submodule) {
    Path path = findPath(name, scope);
    if (path.module)
      return checkForwardCall(call, *path.module, scope);
  } else if (Found<ast::Function> function = scope.library->function(name.name)) {
    if (!isElementwise(*function.node))
      checkTensorAllowed(name.range, name.name, scope);
    return checkArguments(name.name, function.node->signature.inputs, call, scope);
  } else if (findBuiltin(name.name)) {
    return checkBuiltinCall(call, name.name, scope);
  } else if (kind != NameKind::Unknown) {
    error(name.range, fmt::format("{} is {}, not a function", name.name, describe(kind)));
  } else if (!scope.incomplete) {
    reportUnknownFunction(name, scope);
  }
  for (const ast::Argument &argument : call.arguments)
    if (argument.value)
      check(*argument.value, scope);
}

void NameChecker::reportUnknownFunction(const ast::NameExpr &name, const Scope &scope) {
  if (scope.library->module(name.name)) {
    error(name.range, fmt::format("{} is a module: it can only be a member", name.name))
        .hint(fmt::format("name = {}(...) above forward", name.name));
  } else if (name.name == "normal" || name.name == "uniform" || name.name == "constant") {
    error(name.range,
          fmt::format("{} is an initialiser: it stands only after a parameter", name.name));
  } else {
    std::vector<std::string> names = scope.library->functionNames();
    if (scope.module)
      for (const ast::ModuleMember &member : scope.module->members)
        if (const auto *submodule = std::get_if<ast::SubmoduleMember>(&member))
          names.push_back(submodule->name.text);
    error(name.range,
          fmt::format("unknown function {}{}", name.name, suggestion(name.name, names)));
  }
}

//===- Built-in functions ---------------------------------------------------------------------===//

void NameChecker::checkBuiltinCall(const ast::CallExpr &call, llvm::StringRef name, Scope &scope) {
  const Builtin &builtin = *findBuiltin(name, &call.arguments);
  if (!builtin.scalar)
    checkTensorAllowed(call.callee->range, name.str(), scope);
  if (name == "einsum")
    return checkEinsum(call, scope);
  std::vector<std::optional<size_t>> matched;
  if (builtin.isVariadic) {
    if (call.arguments.empty())
      error(call.range, fmt::format("{} takes 1 input or more, found 0", builtin.name));
    for (const ast::Argument &argument : call.arguments)
      if (argument.name)
        error(argument.range, fmt::format("{} takes no named input", builtin.name));
    matched.assign(call.arguments.size(), 0);
  } else {
    Parameters parameters;
    for (const BuiltinInput &input : builtin.inputs)
      parameters.list.push_back({input.name, input.isOptional});
    matched = matchArguments(name, parameters, call.arguments, call.range);
  }
  for (auto [argument, index] : llvm::zip(call.arguments, matched)) {
    if (index)
      checkBuiltinArgument(call, builtin, builtin.inputs[*index], argument, scope);
    else if (argument.value)
      check(*argument.value, scope);
  }
}

void NameChecker::checkBuiltinArgument(const ast::CallExpr &call, const Builtin &builtin,
                                       const BuiltinInput &input, const ast::Argument &argument,
                                       Scope &scope) {
  bool wantsPattern = input.takes == Takes::Pattern || input.takes == Takes::Reductions;
  if (wantsPattern) {
    if (argument.isPattern())
      return checkPattern(argument, input.takes == Takes::Reductions, scope);
    error(argument.range, fmt::format("{} needs a pattern here", builtin.name))
        .hint("a pattern is written [before] -> [after]");
    if (argument.value)
      check(*argument.value, scope);
    return;
  }
  if (argument.shape) {
    if (input.takes == Takes::Sizes && !argument.isPattern())
      return checkShape(*argument.shape, scope, Binds::No);
    error(argument.range, fmt::format("{} takes no {} here", builtin.name,
                                      argument.isPattern() ? "pattern" : "shape"));
    return;
  }
  const ast::Expr &value = *argument.value;
  if (input.takes == Takes::Parameters) {
    const auto *name = ast::dynCast<ast::NameExpr>(&value);
    if (name && name->name == "parameters")
      return;
    if (name ? resolve(name->name, scope) == NameKind::Submodule : bool(findPath(value, scope)))
      return;
  }
  check(value, scope);
}

void NameChecker::checkEinsum(const ast::CallExpr &call, Scope &scope) {
  size_t tensors = 0;
  for (const ast::Argument &argument : call.arguments) {
    if (!argument.value)
      continue;
    ++tensors;
    check(*argument.value, scope);
  }
  if (!isWellFormed(*findBuiltin("einsum"), call)) {
    error(call.range, fmt::format("einsum needs a shape for each tensor and one after the arrow: "
                                  "found {} and {}",
                                  counted(tensors, "tensor"),
                                  counted(call.arguments.size() - tensors, "shape")))
        .hint("einsum(x, y, [M, K], [K, N] -> [M, N])");
    return;
  }
  auto shapes = llvm::ArrayRef(call.arguments).drop_front(tensors);
  llvm::SmallVector<const ast::Shape *> before;
  for (const ast::Argument &argument : shapes)
    before.push_back(&*argument.shape);
  checkRightSide(*shapes.back().after, before, true, scope);
}

//===- Constructions --------------------------------------------------------------------------===//

void NameChecker::reportNoParameter(const ast::Argument &argument, const ast::Module &module) {
  std::vector<std::string> tensors, all;
  for (const ast::ModuleMember &member : module.members)
    if (const auto *tensor = std::get_if<ast::TensorMember>(&member); tensor && !tensor->isState)
      tensors.push_back(tensor->name.text);
  all = tensors;
  for (const ast::Input &input : module.parameters)
    all.push_back(input.name.text);
  const std::vector<std::string> &listed = tensors.empty() ? all : tensors;
  std::string guess = suggestion(argument.name->text, all);
  std::string rest = listed.empty() ? "" : fmt::format("; it has {}", joined(listed));
  Diagnostic &diagnostic =
      error(argument.range, fmt::format("{} has no parameter \"{}\"{}", module.name.text,
                                        argument.name->text, guess.empty() ? rest : guess));
  if (guess.empty() && !tensors.empty() && argument.value &&
      ast::isa<ast::NumberExpr>(*argument.value))
    diagnostic.hint(
        fmt::format("{} = normal({})", tensors.front(), oneLine(argument.value->range)));
}

void NameChecker::checkConstruction(const ast::SubmoduleMember &member, const ast::Module &module,
                                    Scope &scope) {
  Parameters parameters = parametersOf(module.parameters);
  for (const ast::ModuleMember &inner : module.members)
    if (const auto *tensor = std::get_if<ast::TensorMember>(&inner); tensor && !tensor->isState)
      parameters.list.push_back({tensor->name.text, true});
  size_t positional = 0;
  bool silent = module.incomplete;
  llvm::StringSet<> given;
  for (const ast::Argument &argument : member.arguments) {
    if (argument.shape) {
      error(argument.range, fmt::format("{} takes numbers, no {}", module.name.text,
                                        argument.isPattern() ? "pattern" : "shape"));
      silent = true;
      continue;
    }
    std::string name;
    if (argument.name) {
      name = argument.name->text;
    } else if (positional < module.parameters.size() && positional == given.size()) {
      name = module.parameters[positional++].name.text;
    } else {
      if (!silent)
        error(argument.range,
              positional < module.parameters.size()
                  ? "a positional argument follows a named one"
                  : fmt::format("{} takes {}, found {}", module.name.text,
                                counted(module.parameters.size(), "argument"), positional + 1));
      silent = true;
      check(*argument.value, scope);
      continue;
    }
    bool isNumber = indexOfInput(module.parameters, name).has_value();
    bool isKnown = llvm::any_of(parameters.list, [&](const auto &one) { return one.name == name; });
    if (!isKnown && !silent) {
      reportNoParameter(argument, module);
      silent = true;
    }
    if (!given.insert(name).second)
      error(argument.range, fmt::format("{} of {} is given twice", name, module.name.text));
    if (isNumber)
      check(*argument.value, scope);
    else if (isKnown)
      checkInitializer(*argument.value, scope);
  }
  std::vector<std::string> missing;
  for (const Parameters::One &one : parameters.list)
    if (!one.isOptional && !given.contains(one.name))
      missing.push_back(one.name);
  if (!missing.empty() && !silent)
    error(member.callRange,
          fmt::format("{}: {} {} missing", module.name.text, joined(missing, " and "),
                      missing.size() == 1 ? "is" : "are"));
}

} // namespace gptc::model
