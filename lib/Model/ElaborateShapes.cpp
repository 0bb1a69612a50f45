// Shapes: what their names stand for, and whether tensors have them.
#include "Elaborator.h"
#include "Walk.h"

#include <fmt/format.h>

namespace gptc::model {

std::optional<Meaning> Elaborator::lookUpSize(llvm::StringRef name, Frame &frame) {
  if (auto it = frame.names.find(name); it != frame.names.end())
    return it->second;
  if (auto it = frame.sizes.find(name); it != frame.sizes.end())
    return Meaning(it->second.size);
  if (frame.instance) {
    if (auto it = frame.instance->arguments.find(name); it != frame.instance->arguments.end())
      return it->second;
    if (frame.instance->members.contains(name))
      return Meaning(None());
  }
  if (!frame.library->isPrelude() && config_.contains(name))
    return configValue(name);
  if (std::optional<double> number = fixedNumber(name))
    return Meaning(*number);
  return std::nullopt;
}

std::optional<Number> Elaborator::checkSize(Number size, const Frame &frame, const ast::Expr &expr,
                                            int64_t least, int64_t most) {
  std::string text = oneLine(expr.range), found;
  const ast::Expr *exprs[] = {&expr};
  if (std::string value = toString(size.value()); value != text)
    found = value + overrideNote(exprs, frame);
  if (size.isOpaque())
    error(frame, expr.range,
          fmt::format("{} is no size: it must be a polynomial in B and T", text));
  else if (!size.isWhole())
    error(frame, expr.range,
          fmt::format("{} is not whole{}{}", text, found.empty() ? "" : ": found ", found));
  else if (size.value() < least || size.value() > static_cast<double>(most))
    error(frame, expr.range,
          fmt::format("{} is out of range: required {} to {}{}{}", text, least, most,
                      found.empty() ? "" : ", found ", found));
  else
    return size;
  return std::nullopt;
}

std::optional<Dims> Elaborator::evaluateShape(const ast::Shape &shape, Frame &frame) {
  Dims dims;
  bool ok = true;
  for (const ast::Size &size : shape.sizes) {
    std::optional<Number> number;
    if (size.value)
      number = evaluateNumber(*size.value, frame, "a size");
    if (number)
      number = checkSize(*number, frame, *size.value, 1);
    ok &= number.has_value();
    if (number)
      dims.push_back(*number);
  }
  return ok ? std::optional(std::move(dims)) : std::nullopt;
}

//===- Where a size comes from ----------------------------------------------------------------===//

/// `Conv1D(4 * n_embd, n_embd)`: a construction without its named arguments.
static std::string constructionText(const ast::SubmoduleMember &construction) {
  std::string out = construction.module.text + "(";
  bool first = true;
  for (const ast::Argument &argument : construction.arguments)
    if (!argument.name) {
      out += (first ? "" : ", ") + oneLine(argument.range);
      first = false;
    }
  return out + ")";
}

std::string Elaborator::originOf(const ast::Expr &size, const Frame &frame) {
  const auto *name = ast::dynCast<ast::NameExpr>(&size);
  if (name && !frame.names.contains(name->name)) {
    if (auto it = frame.sizes.find(name->name); it != frame.sizes.end())
      return it->second.where.file->kind() == SourceFile::Kind::Prelude
                 ? std::string()
                 : fmt::format("{}, {}", name->name, toString(it->second.where.start()));
    const Instance *instance = frame.instance;
    if (instance && instance->construction && instance->arguments.contains(name->name))
      return fmt::format("{} of {}, {}", name->name, constructionText(*instance->construction),
                         toString(instance->construction->callRange.start()));
    if (auto it = config_.find(name->name); it != config_.end() && !frame.library->isPrelude()) {
      const ConfigValue &value = it->second;
      return value.origin.empty()
                 ? fmt::format("{}, {}", name->name, toString(value.setting->range.start()))
                 : fmt::format("{} comes from {}", name->name, value.origin);
    }
  }
  if (size.range.file->kind() == SourceFile::Kind::Prelude)
    return {};
  std::string place = toString(size.range.start());
  bool isNumber = ast::isa<ast::NumberExpr>(size);
  return isNumber ? place : fmt::format("{}, {}", oneLine(size.range), place);
}

std::string Elaborator::overrideNote(llvm::ArrayRef<const ast::Expr *> exprs, const Frame &frame) {
  std::vector<std::string> notes;
  auto add = [&](std::string note) {
    if (!llvm::is_contained(notes, note))
      notes.push_back(std::move(note));
  };
  std::set<std::string> seen;
  std::function<void(const ast::Expr &, bool)> visit = [&](const ast::Expr &expr, bool inConfig) {
    forEachValueName(expr, [&](const ast::NameExpr &name) {
      if (!seen.insert(name.name).second)
        return;
      if (!inConfig) {
        auto bound = frame.sizes.find(name.name);
        for (Symbol symbol : {Symbol::Batch, Symbol::Sequence})
          if (bound != frame.sizes.end() && bound->second.size.dependsOn(symbol))
            add(fmt::format("{} comes from {}", spelling(symbol), optionOf(symbol)));
        if (bound != frame.sizes.end() || frame.names.contains(name.name))
          return;
      }
      auto it = config_.find(name.name);
      if (it == config_.end())
        return;
      if (!it->second.origin.empty())
        add(fmt::format("{} comes from {}", name.name, it->second.origin));
      else
        visit(*it->second.expr, true);
    });
  };
  for (const ast::Expr *expr : exprs)
    if (expr)
      visit(*expr, false);
  return notes.empty() ? std::string() : fmt::format(" ({})", fmt::join(notes, ", "));
}

//===- Matching -------------------------------------------------------------------------------===//

/// `known * unknown = actual`, where `product` is the pattern's text of the left side.
std::optional<Number> Elaborator::solveFactor(const Number &actual, const Number &known,
                                              const ast::NameExpr &unknown,
                                              const ast::Expr &product, const ast::Expr *axisText,
                                              Frame &frame) {
  Number quotient = Number::divide(actual, known);
  if (!quotient.isOpaque() && quotient.isWhole() && quotient.value() >= 1)
    return quotient;
  std::string values;
  llvm::SmallVector<const ast::Expr *, 4> involved = {axisText};
  for (const ast::Expr *factor : factorsOf(product)) {
    involved.push_back(factor);
    std::optional<Number> number =
        factor == &unknown ? quotient : evaluateNumber(*factor, frame, "a size");
    values += (values.empty() ? "" : " * ") + toString(number ? number->value() : 0);
  }
  bool isSymbolic = quotient.isOpaque() && quotient.isWhole();
  error(frame, product.range,
        fmt::format("{} is not whole{}: required {} = {}, found {} = {}{}", unknown.name,
                    isSymbolic ? " for every B and T" : "",
                    axisText ? oneLine(axisText->range) : actual.toString(), oneLine(product.range),
                    toString(actual.value()), values, overrideNote(involved, frame)));
  return std::nullopt;
}

Elaborator::Fit Elaborator::matchSize(const ast::Expr &expr, const Number &actual,
                                      const ast::Expr *axisText, Frame &frame) {
  const ast::NameExpr *unknown = nullptr;
  Number known = 1;
  bool isKnown = true;
  for (const ast::Expr *factor : factorsOf(expr)) {
    const auto *name = ast::dynCast<ast::NameExpr>(factor);
    if (name && !lookUpSize(name->name, frame)) {
      unknown = name;
      continue;
    }
    std::optional<Number> number = evaluateNumber(*factor, frame, "a size");
    isKnown &= number.has_value();
    if (number)
      known = Number::multiply(known, *number);
  }
  if (!isKnown)
    return Fit::Reported;
  if (!unknown)
    return Number::same(known, actual) ? Fit::Yes : Fit::No;
  std::optional<Number> solved = actual;
  if (unknown != &expr)
    solved = solveFactor(actual, known, *unknown, expr, axisText, frame);
  if (!solved)
    return Fit::Reported;
  frame.sizes[unknown->name] = {*solved, unknown->range};
  return Fit::Yes;
}

/// `[..., 3072]`: the sizes as far as they are known, else as they are written.
std::string Elaborator::requiredText(const ast::Shape &shape, bool isInt, Frame &frame,
                                     const Dims *leading) {
  std::string out = isInt ? "int[" : "[";
  for (const ast::Size &size : shape.sizes) {
    if (!llvm::StringRef(out).ends_with("["))
      out += ", ";
    if (!size.value && leading) {
      std::string sizes = toString(*leading);
      out += sizes.substr(1, sizes.size() - 2);
      continue;
    }
    if (!size.value) {
      out += "...";
      continue;
    }
    bool isKnown = true;
    forEachValueName(*size.value, [&](const ast::NameExpr &name) {
      isKnown &= lookUpSize(name.name, frame).has_value();
    });
    std::optional<Number> number;
    if (isKnown)
      number = evaluateNumber(*size.value, frame, "a size");
    out += number ? number->toString() : oneLine(size.value->range);
  }
  return out + "]";
}

static std::string axisName(size_t axis, size_t rank) {
  static constexpr const char *names[] = {"first", "second", "third", "fourth", "fifth"};
  if (axis + 1 == rank)
    return "last axis";
  return axis < std::size(names) ? fmt::format("{} axis", names[axis])
                                 : fmt::format("axis {}", axis + 1);
}

bool Elaborator::matchShape(const ast::Shape &shape, Tensor *tensor, Frame &scope,
                            std::optional<Dims> &leading, const MatchSite &site) {
  llvm::ArrayRef<Number> dims = tensor->dims;
  llvm::ArrayRef<ast::Size> sizes = shape.sizes;
  bool hasLeading = !sizes.empty() && sizes.front().isEllipsis;
  if (hasLeading)
    sizes = sizes.drop_front();
  if (llvm::any_of(sizes, [](const ast::Size &size) { return !size.value; }))
    return false; // was reported: '...' stands first

  auto report = [&](const std::string &what, const ast::Expr *at, const Dims *axes = nullptr) {
    std::string required = requiredText(shape, site.isInt, scope, axes);
    if (std::string origin = at ? originOf(*at, scope) : std::string(); !origin.empty())
      required += fmt::format("   ({})", origin);
    error(*site.frame, site.range, fmt::format("{}: {}", site.what.str(), what))
        .required(required)
        .found(toString(dims, tensor->isInt));
    return false;
  };
  if (hasLeading ? dims.size() < sizes.size() : dims.size() != sizes.size())
    return report("number of axes does not fit", nullptr);

  size_t leadingCount = dims.size() - sizes.size();
  std::vector<size_t> wrong;
  const ast::Expr *wrongSize = nullptr;
  bool reported = false, leadingFits = true;
  if (hasLeading && leading)
    leadingFits = sameDims(*leading, dims.take_front(leadingCount));
  else if (hasLeading)
    leading = Dims(dims.take_front(leadingCount));
  for (size_t i = 0; i < sizes.size(); ++i) {
    size_t axis = leadingCount + i;
    const ast::Expr *axisText = nullptr;
    if (site.declared && site.declared->shape.sizes.size() + axis >= dims.size())
      axisText = site.declared->shape.sizes[site.declared->shape.sizes.size() + axis - dims.size()]
                     .value.get();
    Fit fit = matchSize(*sizes[i].value, dims[axis], axisText, scope);
    reported |= fit == Fit::Reported;
    if (fit != Fit::No)
      continue;
    wrong.push_back(axis);
    wrongSize = sizes[i].value.get();
  }
  if (!leadingFits)
    return report("leading axes do not fit", nullptr, &*leading);
  if (wrong.size() == 1)
    return report(axisName(wrong.front(), dims.size()) + " does not fit", wrongSize);
  if (!wrong.empty())
    return report("shape does not fit", nullptr);
  return !reported;
}

/// The limits of `T <= block_size`, when the sizes themselves fit.
bool Elaborator::checkLimits(const ast::Shape &shape, llvm::ArrayRef<Number> dims, Frame &scope,
                             const MatchSite &site) {
  for (auto [size, actual] : llvm::zip(llvm::reverse(shape.sizes), llvm::reverse(dims))) {
    if (!size.limit)
      continue;
    std::optional<Number> limit = evaluateNumber(*size.limit, scope, "a limit");
    if (!limit)
      return false;
    if (actual.value() <= limit->value())
      continue;
    std::string most = oneLine(size.limit->range), value = limit->toString();
    if (most != value)
      most += " = " + value;
    error(*site.frame, site.range,
          fmt::format("{}: {} is too large: required at most {}, found {}", site.what.str(),
                      oneLine(size.value->range), most, toString(actual.value())));
    return false;
  }
  return true;
}

bool Elaborator::matchType(const ast::Type &type, Tensor *tensor, Frame &scope, MatchSite site) {
  site.isInt = type.isInt;
  if (type.isInt != tensor->isInt) {
    error(*site.frame, site.range,
          fmt::format("{}: {}", site.what.str(),
                      type.isInt ? "indices (int) are needed"
                                 : "real numbers are needed, not indices"))
        .required(requiredText(type.shape, type.isInt, scope))
        .found(toString(tensor->dims, tensor->isInt));
    return false;
  }
  return matchShape(type.shape, tensor, scope, scope.leading, site) &&
         checkLimits(type.shape, tensor->dims, scope, site);
}

} // namespace gptc::model
