// Names in shapes and patterns: known ones are checked, capitalised unknown ones are bound.
#include "NameChecker.h"
#include "Walk.h"

#include "llvm/ADT/StringExtras.h"

#include <fmt/format.h>

namespace gptc::model {

void NameChecker::checkShape(const ast::Shape &shape, Scope &scope, Binds binds, bool mayLimit) {
  for (const ast::Size &size : shape.sizes) {
    if (size.isEllipsis && &size != &shape.sizes.front())
      error(size.range, "'...' stands for leading axes: it comes first");
    if (size.isEllipsis && binds == Binds::No)
      error(size.range, "'...' has no sizes here");
    if (!size.value)
      continue;
    checkSize(*size.value, scope, binds);
    if (!size.limit)
      continue;
    if (!mayLimit)
      error(size.range, "a limit stands only in the type of an input");
    check(*size.limit, scope);
  }
}

static bool isCapital(llvm::StringRef name) { return llvm::isUpper(name.front()); }

void NameChecker::checkSize(const ast::Expr &expr, Scope &scope, Binds binds) {
  unsigned bound = 0;
  for (const ast::Expr *factor : factorsOf(expr)) {
    const auto *name = ast::dynCast<ast::NameExpr>(factor);
    if (!name) {
      // Inside of a sum or a quotient nothing can be solved for.
      Scope inner = scope;
      forEachValueName(*factor, [&](const ast::NameExpr &part) {
        if (resolve(part.name, inner) != NameKind::Unknown)
          return;
        if (isCapital(part.name) && binds == Binds::Yes && !scope.incomplete)
          error(part.range, fmt::format("{} is not known yet and cannot be solved for in {}",
                                        part.name, oneLine(factor->range)));
        else
          checkSizeName(part, scope, Binds::No);
        inner.sizes.insert(part.name); // reported
      });
      check(*factor, inner);
      continue;
    }
    bool isNew = resolve(name->name, scope) == NameKind::Unknown;
    checkSizeName(*name, scope, binds);
    if (isNew && scope.sizes.contains(name->name) && ++bound == 2)
      error(expr.range, fmt::format("{} has two unknown sizes: only one can be solved for",
                                    oneLine(expr.range)));
  }
}

void NameChecker::checkSizeName(const ast::NameExpr &name, Scope &scope, Binds binds) {
  switch (resolve(name.name, scope)) {
  case NameKind::Unknown: break;
  case NameKind::Parameter:
  case NameKind::State:
  case NameKind::Submodule:
    error(name.range, fmt::format("{} is no size: it is a member of the module", name.name));
    return;
  default: return;
  }
  if (isCapital(name.name) && binds == Binds::Yes) {
    scope.sizes.insert(name.name);
    return;
  }
  if (scope.incomplete)
    return;
  error(name.range,
        fmt::format("unknown size {}{}{}", name.name, suggestion(name.name, visibleNames(scope)),
                    binds == Binds::Yes
                        ? " (only a name that begins with a capital can be bound here)"
                        : ""));
}

//===- Patterns -------------------------------------------------------------------------------===//

/// The name or number that a factor is known by; empty for 1 and for what is neither.
static std::string keyOf(const ast::Expr &factor) {
  if (const auto *name = ast::dynCast<ast::NameExpr>(&factor))
    return name->name;
  const auto *number = ast::dynCast<ast::NumberExpr>(&factor);
  return number && number->value != 1 ? fmt::format("{}", number->value) : std::string();
}

/// Collects the names and numbers of one side; false if not all of it could be read.
bool NameChecker::checkPatternSide(const ast::Shape &shape, Scope &scope, Binds binds,
                                   llvm::StringMap<SourceRange> &keys) {
  bool ok = true;
  for (const ast::Size &size : shape.sizes) {
    if (size.isEllipsis) {
      if (&size != &shape.sizes.front()) {
        error(size.range, "'...' stands for leading axes: it comes first");
        ok = false;
      }
      keys["..."] = size.range;
      continue;
    }
    if (!size.value)
      continue;
    if (size.limit)
      error(size.range, "a limit stands only in the type of an input");
    bool isProduct = true;
    for (const ast::Expr *factor : factorsOf(*size.value)) {
      bool isFactor = ast::isa<ast::NameExpr>(*factor) || ast::isa<ast::NumberExpr>(*factor);
      isProduct &= isFactor;
      if (!isFactor && !ast::isa<ast::ErrorExpr>(*factor))
        error(factor->range, "an element of a pattern is a product of names and numbers");
      std::string key = isFactor ? keyOf(*factor) : std::string();
      if (!key.empty() && !keys.try_emplace(key, factor->range).second)
        error(factor->range, fmt::format("{} stands twice on one side of a pattern", key))
            .hint("give each axis a name of its own, as [T, S] for a square");
    }
    if (isProduct && binds == Binds::Yes)
      checkSize(*size.value, scope, binds);
    ok &= isProduct;
  }
  return ok;
}

/// Reports what stands on one side only: `before` are the shapes on the left.
void NameChecker::checkRightSide(const ast::Shape &after, llvm::ArrayRef<const ast::Shape *> before,
                                 bool mayReduce, Scope &scope) {
  llvm::StringMap<SourceRange> left, right;
  bool ok = true;
  for (const ast::Shape *shape : before) {
    llvm::StringMap<SourceRange> keys;
    ok &= checkPatternSide(*shape, scope, Binds::Yes, keys);
    for (const auto &entry : keys)
      left.try_emplace(entry.getKey(), entry.getValue());
  }
  if (!checkPatternSide(after, scope, Binds::No, right) || !ok)
    return; // what is missing may stand in what could not be read
  auto reportMissing = [&](const llvm::StringMap<SourceRange> &in,
                           const llvm::StringMap<SourceRange> &other, const char *side,
                           const char *more) {
    for (const auto &entry : in)
      if (!other.contains(entry.getKey()))
        error(entry.getValue(), fmt::format("{} stands only on the {} of the pattern{}",
                                            entry.getKey().str(), side, more));
  };
  reportMissing(right, left, "right", "");
  if (!mayReduce)
    reportMissing(left, right, "left", "; sum, mean, max, min and var reduce an axis");
}

void NameChecker::checkPattern(const ast::Argument &pattern, bool mayReduce, Scope &scope) {
  checkRightSide(*pattern.after, &*pattern.shape, mayReduce, scope);
}

} // namespace gptc::model
