// Names in expressions: what they stand for, and where a tensor may stand.
#include "NameChecker.h"
#include "Walk.h"

#include "gptc/Model/Lexer.h"

#include <fmt/format.h>

namespace gptc::model {

const ast::ModuleMember *NameChecker::findMember(const ast::Module &module,
                                                 llvm::StringRef name) const {
  auto [it, isNew] = members_.try_emplace(&module);
  if (isNew)
    for (const ast::ModuleMember &member : module.members)
      std::visit([&](const auto &node) { it->second.try_emplace(node.name.text, &member); },
                 member);
  return it->second.lookup(name);
}

NameKind NameChecker::resolve(llvm::StringRef name, const Scope &scope) const {
  if (scope.locals.contains(name))
    return NameKind::Local;
  if (scope.sizes.contains(name))
    return NameKind::Size;
  if (scope.module) {
    if (indexOfInput(scope.module->parameters, name))
      return NameKind::Argument;
    if (const ast::ModuleMember *member = findMember(*scope.module, name)) {
      const auto *tensor = std::get_if<ast::TensorMember>(member);
      return !tensor           ? NameKind::Submodule
             : tensor->isState ? NameKind::State
                               : NameKind::Parameter;
    }
  }
  if (scope.library->hasConfig(name))
    return NameKind::Config;
  return isFixedName(name.str()) ? NameKind::Fixed : NameKind::Unknown;
}

std::vector<std::string> NameChecker::visibleNames(const Scope &scope) const {
  std::vector<std::string> names;
  if (diagnostics_.errorCount() > DiagnosticEngine::maxRendered)
    return names; // nobody reads the guess
  for (const auto &entry : scope.locals)
    names.push_back(entry.getKey().str());
  for (const auto &entry : scope.sizes)
    names.push_back(entry.getKey().str());
  std::sort(names.begin(), names.end()); // the sets have no order of their own
  if (scope.module) {
    for (const ast::Input &input : scope.module->parameters)
      names.push_back(input.name.text);
    for (const ast::ModuleMember &member : scope.module->members)
      names.push_back(std::visit([](const auto &node) { return node.name.text; }, member));
  }
  for (const ast::Config &config : scope.library->file().configs)
    for (const ast::Setting &setting : config.settings)
      names.push_back(setting.name.text);
  for (const std::string &name : fixedNames())
    names.push_back(name);
  return names;
}

void NameChecker::checkTensorAllowed(SourceRange range, const std::string &what,
                                     const Scope &scope) {
  if (scope.numbersOnly.empty())
    return;
  Diagnostic &diagnostic =
      error(range, fmt::format("{} needs a tensor, but {}", what, scope.numbersOnly));
  if (!scope.hint.empty())
    diagnostic.hint(scope.hint);
}

void NameChecker::check(const ast::Expr &expr, Scope &scope) {
  switch (expr.kind()) {
  case ast::ExprKind::Error:
  case ast::ExprKind::Number: return;
  case ast::ExprKind::Name: return checkName(ast::cast<ast::NameExpr>(expr), scope);
  case ast::ExprKind::Unary: return check(*ast::cast<ast::UnaryExpr>(expr).operand, scope);
  case ast::ExprKind::Binary: {
    const auto &binary = ast::cast<ast::BinaryExpr>(expr);
    check(*binary.lhs, scope);
    check(*binary.rhs, scope);
    if (binary.op == ast::BinaryOp::MatMul)
      checkTensorAllowed(binary.opRange, "@", scope);
    return;
  }
  case ast::ExprKind::Conditional: {
    const auto &conditional = ast::cast<ast::ConditionalExpr>(expr);
    check(*conditional.condition, scope);
    check(*conditional.value, scope);
    return check(*conditional.otherwise, scope);
  }
  case ast::ExprKind::Call: return checkCall(ast::cast<ast::CallExpr>(expr), scope);
  case ast::ExprKind::Member: return checkMember(ast::cast<ast::MemberExpr>(expr), scope);
  case ast::ExprKind::Index: {
    const auto &index = ast::cast<ast::IndexExpr>(expr);
    check(*index.object, scope);
    checkTensorAllowed(index.range, "an index", scope);
    bool hasEllipsis = false;
    for (const ast::IndexItem &item : index.items) {
      bool isEllipsis = item.kind == ast::IndexItem::Kind::Ellipsis;
      if (isEllipsis && hasEllipsis)
        error(item.range, "'...' stands once in an index");
      hasEllipsis |= isEllipsis;
      for (const ast::ExprPtr *part : {&item.position, &item.lower, &item.upper})
        if (*part)
          check(**part, scope);
    }
    return;
  }
  }
}

void NameChecker::checkName(const ast::NameExpr &name, Scope &scope) {
  switch (resolve(name.name, scope)) {
  case NameKind::Local:
  case NameKind::Size:
  case NameKind::Argument:
  case NameKind::Config: return;
  case NameKind::Fixed:
    if (name.name == "parameters")
      error(name.range, "parameters stands only in l2(parameters)");
    if (name.name == "training" && !scope.function)
      error(name.range, "training has a value only inside of functions");
    return;
  case NameKind::Parameter:
  case NameKind::State: return checkTensorAllowed(name.range, name.name, scope);
  case NameKind::Submodule:
    error(name.range, fmt::format("{} is a module, not a tensor", name.name))
        .hint(fmt::format("call it: {}(x)", name.name));
    return;
  case NameKind::Unknown: break;
  }
  if (scope.incomplete)
    return;
  if (scope.library->function(name.name) || findBuiltin(name.name))
    error(name.range, fmt::format("{} is a function", name.name))
        .hint(fmt::format("call it: {}(x)", name.name));
  else if (scope.library->module(name.name))
    error(name.range, fmt::format("{} is a module: it can only be a member", name.name))
        .hint(fmt::format("name = {}(...) above forward", name.name));
  else if (name.name == "zeros" || name.name == "ones")
    error(name.range,
          fmt::format("{} is an initialiser: it stands only after a parameter", name.name));
  else
    error(name.range,
          fmt::format("unknown name {}{}", name.name, suggestion(name.name, visibleNames(scope))));
}

NameChecker::Path NameChecker::findPath(const ast::Expr &expr, Scope &scope) {
  auto lookUp = [&](const ast::Module &module, const Library *library, llvm::StringRef name) {
    Path path;
    path.member = findMember(module, name);
    if (!path)
      return path;
    if (const auto *submodule = std::get_if<ast::SubmoduleMember>(path.member)) {
      Found<ast::Module> found = library->module(submodule->module.text);
      path.module = found.node;
      path.library = found.library;
      path.isRepeat = submodule->repeat.has_value();
    }
    return path;
  };
  if (const auto *name = ast::dynCast<ast::NameExpr>(&expr)) {
    if (!scope.module || scope.locals.contains(name->name))
      return {};
    return lookUp(*scope.module, scope.library, name->name);
  }
  const auto *member = ast::dynCast<ast::MemberExpr>(&expr);
  Path object = member ? findPath(*member->object, scope) : Path();
  if (!object)
    return {};
  std::string text = oneLine(member->object->range);
  if (object.isRepeat) {
    error(member->range,
          fmt::format("{} is repeated: a single copy of it cannot be reached", text));
    return {};
  }
  if (!object.module) {
    if (std::holds_alternative<ast::TensorMember>(*object.member))
      error(member->member.range, fmt::format("{} is a tensor: it has no members", text));
    return {};
  }
  Path path = lookUp(*object.module, object.library, member->member.text);
  if (path || object.module->incomplete)
    return path;
  std::vector<std::string> names;
  for (const ast::ModuleMember &candidate : object.module->members)
    names.push_back(std::visit([](const auto &node) { return node.name.text; }, candidate));
  error(member->member.range,
        fmt::format("{} has no member {}{}", object.module->name.text, member->member.text,
                    suggestion(member->member.text, names)));
  return {};
}

void NameChecker::checkMember(const ast::MemberExpr &member, Scope &scope) {
  // The first name of the path decides whether there is one at all.
  const ast::Expr *first = &member;
  while (const auto *deeper = ast::dynCast<ast::MemberExpr>(first))
    first = deeper->object.get();
  const auto *name = ast::dynCast<ast::NameExpr>(first);
  if (!name) {
    check(*first, scope);
    error(member.member.range, "only modules have members");
    return;
  }
  NameKind kind = resolve(name->name, scope);
  if (kind != NameKind::Submodule && kind != NameKind::Parameter && kind != NameKind::State) {
    size_t errors = diagnostics_.errorCount();
    checkName(*name, scope);
    if (kind != NameKind::Unknown && errors == diagnostics_.errorCount())
      error(member.member.range, fmt::format("{} is no module: it has no members", name->name));
    return;
  }
  Path path = findPath(member, scope);
  if (!path)
    return;
  if (std::holds_alternative<ast::SubmoduleMember>(*path.member)) {
    std::string text = oneLine(member.range);
    error(member.range, fmt::format("{} is a module, not a tensor", text))
        .hint(fmt::format("call it: {}(x)", text));
    return;
  }
  checkTensorAllowed(member.range, oneLine(member.range), scope);
}

} // namespace gptc::model
