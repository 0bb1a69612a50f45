// Declarations: what is defined twice, config, modules and their members, recursion.
#include "NameChecker.h"
#include "Walk.h"

#include <fmt/format.h>

namespace gptc::model {

bool checkNames(const Library &library, DiagnosticEngine &diagnostics) {
  return NameChecker(library, diagnostics).checkFile();
}

void checkConfigValue(const ast::Expr &expr, const Library &library,
                      DiagnosticEngine &diagnostics) {
  NameChecker(library, diagnostics).checkConfigValue(expr);
}

bool NameChecker::checkFile() {
  const ast::File &file = library_.file();
  checkConfig();
  llvm::StringMap<SourceRange> functions, modules;
  for (const ast::Function &function : file.functions) {
    define(functions, function.name);
    checkFunction(function, nullptr, false);
  }
  for (const ast::Module &module : file.modules) {
    define(modules, module.name);
    checkModule(module);
  }
  return checkRecursion();
}

void NameChecker::define(llvm::StringMap<SourceRange> &names, const ast::Identifier &name) {
  auto [it, isNew] = names.try_emplace(name.text, name.range);
  if (!isNew)
    error(name.range, fmt::format("{} is defined twice", name.text))
        .note(it->second, "the first time is here");
}

//===- Config ---------------------------------------------------------------------------------===//

Scope NameChecker::configScope() const {
  Scope scope;
  scope.library = &library_;
  scope.numbersOnly = "a config value is a number";
  scope.incomplete = library_.file().incomplete;
  for (const ast::Config &config : library_.file().configs)
    scope.incomplete |= config.incomplete;
  return scope;
}

void NameChecker::checkConfigValue(const ast::Expr &expr) {
  Scope scope = configScope();
  check(expr, scope);
}

void NameChecker::checkConfig() {
  llvm::StringMap<SourceRange> values, presets;
  std::vector<std::string> names;
  bool isIncomplete = library_.file().incomplete;
  for (const ast::Config &config : library_.file().configs) {
    isIncomplete |= config.incomplete;
    for (const ast::Setting &setting : config.settings) {
      define(values, setting.name);
      names.push_back(setting.name.text);
      checkConfigValue(*setting.value);
    }
  }
  for (const ast::Preset &preset : library_.file().presets) {
    define(presets, preset.name);
    llvm::StringMap<SourceRange> settings;
    for (const ast::Setting &setting : preset.settings) {
      define(settings, setting.name);
      if (!values.contains(setting.name.text) && !isIncomplete)
        error(setting.name.range, fmt::format("there is no config value {}{}", setting.name.text,
                                              suggestion(setting.name.text, names)));
      checkConfigValue(*setting.value);
    }
  }
}

//===- Modules --------------------------------------------------------------------------------===//

Scope NameChecker::memberScope(const ast::Module &module, std::string numbersOnly) const {
  Scope scope = configScope();
  scope.module = &module;
  scope.numbersOnly = std::move(numbersOnly);
  scope.incomplete |= module.incomplete;
  return scope;
}

void NameChecker::checkModule(const ast::Module &module) {
  llvm::StringMap<SourceRange> names;
  Scope scope = memberScope(module, "an argument of a module is a number");
  if (module.isModel && !module.parameters.empty())
    error(module.parameters.front().range, "a model takes no arguments").hint("use config");
  for (const ast::Input &input : module.parameters) {
    define(names, input.name);
    if (input.type)
      error(input.type->range, "an argument of a module is a number: it has no shape");
    if (input.defaultValue)
      check(*input.defaultValue, scope);
  }
  for (const ast::ModuleMember &member : module.members) {
    std::visit([&](const auto &node) { define(names, node.name); }, member);
    if (const auto *tensor = std::get_if<ast::TensorMember>(&member)) {
      checkTensor(*tensor, module);
      if (module.isModel)
        checkFreeOfEntries(tensor->name);
    }
    if (const auto *submodule = std::get_if<ast::SubmoduleMember>(&member))
      checkSubmodule(*submodule, module);
  }
  if (module.forward)
    checkFunction(*module.forward, &module, false);
  if (module.loss)
    checkFunction(*module.loss, &module, true);
  if (module.loss && !module.isModel)
    error(module.loss->name.range, "only the model has a loss");
}

/// The graph's functions and the model's own tensors share one space of names.
void NameChecker::checkFreeOfEntries(const ast::Identifier &name) {
  static constexpr llvm::StringLiteral entries[] = {
      "train",           "evaluate", "logits", "accumulate_first", "accumulate_middle",
      "accumulate_last", "prefill",  "decode"};
  if (llvm::is_contained(entries, name.text))
    error(name.range, fmt::format("{} is the name of an entry: a tensor of the model needs another",
                                  name.text));
}

void NameChecker::checkTensor(const ast::TensorMember &member, const ast::Module &module) {
  Scope scope = memberScope(module, "a size is a number");
  checkShape(member.shape, scope, Binds::No);
  scope.numbersOnly = "an argument of an initialiser is a number";
  checkInitializer(*member.initializer, scope);
  scope.numbersOnly = "decay is known at compile time";
  llvm::StringMap<SourceRange> options;
  for (const ast::Setting &option : member.options) {
    define(options, option.name);
    if (option.name.text != "decay" || member.isState)
      error(option.name.range,
            member.isState
                ? fmt::format("a state has no option {}", option.name.text)
                : fmt::format("a parameter has no option {}; it has decay", option.name.text));
    check(*option.value, scope);
  }
}

void NameChecker::checkInitializer(const ast::Expr &expr, Scope &scope) {
  if (const auto *conditional = ast::dynCast<ast::ConditionalExpr>(&expr)) {
    check(*conditional->condition, scope);
    checkInitializer(*conditional->value, scope);
    return checkInitializer(*conditional->otherwise, scope);
  }
  const auto *name = ast::dynCast<ast::NameExpr>(&expr);
  if (name && (name->name == "zeros" || name->name == "ones" || name->name == "none"))
    return;
  const auto *call = ast::dynCast<ast::CallExpr>(&expr);
  const auto *callee = call ? ast::dynCast<ast::NameExpr>(call->callee.get()) : nullptr;
  Parameters inputs;
  if (callee && callee->name == "constant")
    inputs.list = {{"c"}};
  else if (callee && callee->name == "normal")
    inputs.list = {{"std"}};
  else if (callee && callee->name == "uniform")
    inputs.list = {{"low"}, {"high"}};
  if (inputs.list.empty()) {
    if (ast::isa<ast::ErrorExpr>(expr))
      return;
    Diagnostic &diagnostic = error(expr.range, "an initialiser is zeros, ones, constant(c), "
                                               "normal(std) or uniform(low, high)");
    if (ast::isa<ast::NumberExpr>(expr)) {
      std::string number = oneLine(expr.range);
      diagnostic.hint(fmt::format("constant({}) or normal({})", number, number));
    }
    return;
  }
  matchArguments(callee->name, inputs, call->arguments, expr.range);
  for (const ast::Argument &argument : call->arguments) {
    if (argument.shape || argument.name)
      error(argument.range, fmt::format("{} takes numbers, without names", callee->name));
    if (argument.value)
      check(*argument.value, scope);
  }
}

void NameChecker::checkSubmodule(const ast::SubmoduleMember &member, const ast::Module &module) {
  Scope scope = memberScope(module, "an argument of a module is a number");
  if (member.repeat) {
    check(*member.repeat->count, scope);
    if (member.repeat->index)
      scope.locals.insert(member.repeat->index->text);
  }
  if (Found<ast::Module> found = library_.module(member.module.text)) {
    if (found.node->isModel)
      error(member.module.range, "the model cannot be a member");
    return checkConstruction(member, *found.node, scope);
  }
  for (const ast::Argument &argument : member.arguments)
    if (argument.value)
      check(*argument.value, scope);
  if (scope.incomplete)
    return;
  if (library_.function(member.module.text) || findBuiltin(member.module.text))
    error(member.module.range,
          fmt::format("{} is a function, not a module: call it in forward", member.module.text));
  else
    error(member.module.range, fmt::format("unknown module {}{}", member.module.text,
                                           suggestion(member.module.text, library_.moduleNames())));
}

//===- Recursion ------------------------------------------------------------------------------===//

namespace {

/// A use of a function or module inside another one.
struct Use {
  const void *target;
  SourceRange range;
  std::string name;
};

/// Finds uses that lead back to themselves, and chains of them that are too long to follow.
class CycleFinder {
public:
  llvm::DenseMap<const void *, std::vector<Use>> uses;
  using Report = llvm::function_ref<void(const Use &, bool isCycle)>;

  /// The length of the longest chain from `node`.
  unsigned visit(const void *node, Report report, unsigned depth = 0) {
    if (auto it = heights_.find(node); it != heights_.end())
      return it->second;
    heights_[node] = active;
    unsigned height = 0;
    for (const Use &use : uses[node]) {
      unsigned below = depth < longest ? visit(use.target, report, depth + 1) : longest;
      if (below == active || below >= longest)
        report(use, below == active); // and counts as none, so that it is reported once
      else
        height = std::max(height, below + 1);
    }
    return heights_[node] = height;
  }

private:
  static constexpr unsigned longest = 200;
  static constexpr unsigned active = UINT_MAX;
  llvm::DenseMap<const void *, unsigned> heights_;
};

} // namespace

bool NameChecker::checkRecursion() {
  const ast::File &file = library_.file();
  CycleFinder functions, modules;
  for (const ast::Function &function : file.functions) {
    std::vector<Use> &uses = functions.uses[&function];
    auto add = [&](const ast::Expr &expr) {
      const auto *call = ast::dynCast<ast::CallExpr>(&expr);
      const auto *name = call ? ast::dynCast<ast::NameExpr>(call->callee.get()) : nullptr;
      if (Found<ast::Function> found =
              name ? library_.function(name->name) : Found<ast::Function>())
        uses.push_back({found.node, name->range, name->name});
    };
    walk(function.body, add);
    for (const ast::Input &input : function.signature.inputs)
      if (input.defaultValue)
        walk(*input.defaultValue, add);
  }
  for (const ast::Module &module : file.modules)
    for (const ast::ModuleMember &member : module.members)
      if (const auto *submodule = std::get_if<ast::SubmoduleMember>(&member))
        if (Found<ast::Module> found = library_.module(submodule->module.text))
          modules.uses[&module].push_back(
              {found.node, submodule->module.range, submodule->module.text});

  bool isRecursive = false;
  auto isModel = [&](const void *node) { return node == file.model(); };
  auto reporter = [&](const char *what) {
    return [this, what, &isRecursive, &isModel](const Use &use, bool isCycle) {
      isRecursive = true;
      if (isModel(use.target))
        return; // was reported: the model cannot be a member
      error(use.range, isCycle ? fmt::format("{} {}", use.name, what)
                               : fmt::format("{} is nested too deep", use.name));
    };
  };
  auto reportFunction = reporter("calls itself: functions are inlined and do not recurse");
  auto reportModule = reporter("contains itself");
  for (const ast::Function &function : file.functions)
    functions.visit(&function, reportFunction);
  for (const ast::Module &module : file.modules)
    modules.visit(&module, reportModule);
  return isRecursive;
}

} // namespace gptc::model
