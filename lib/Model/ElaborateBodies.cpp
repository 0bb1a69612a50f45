// Bodies of functions: statements, results, and which values are computed once.
#include "Elaborator.h"
#include "Walk.h"

#include <fmt/format.h>

namespace gptc::model {

/// A condition of numbers that are known already; nothing where it is not that simple.
std::optional<bool> Elaborator::peekCondition(const ast::Expr &expr, Frame &frame) {
  bool isKnown = true;
  walk(expr, [&](const ast::Expr &inner) {
    const auto *name = ast::dynCast<ast::NameExpr>(&inner);
    if (!name) {
      isKnown &= inner.kind() != ast::ExprKind::Call && inner.kind() != ast::ExprKind::Index &&
                 inner.kind() != ast::ExprKind::Member && inner.kind() != ast::ExprKind::Error;
      return;
    }
    std::optional<Meaning> meaning = lookUpSize(name->name, frame);
    isKnown &= name->name == "training" || name->name == "none" || (meaning && meaning->number());
  });
  return isKnown ? evaluateCondition(expr, frame, "if") : std::nullopt;
}

/// How often `name` stands in what is built of `expr`.
unsigned Elaborator::countUses(const ast::Expr &expr, llvm::StringRef name, Frame &frame) {
  if (const auto *found = ast::dynCast<ast::NameExpr>(&expr))
    return found->name == name;
  unsigned count = 0;
  auto countInside = [&](const ast::Expr &inner) { count += countUses(inner, name, frame); };
  const auto *conditional = ast::dynCast<ast::ConditionalExpr>(&expr);
  if (!conditional) {
    forEachChild(expr, countInside);
    return count;
  }
  std::optional<bool> condition = peekCondition(*conditional->condition, frame);
  unsigned value = countUses(*conditional->value, name, frame);
  unsigned otherwise = countUses(*conditional->otherwise, name, frame);
  return condition ? (*condition ? value : otherwise) : std::max(value, otherwise);
}

const Elaborator::BodyNames &Elaborator::namesOf(const ast::Function &function) {
  auto [it, isNew] = bodyNames_.try_emplace(&function);
  BodyNames &names = it->second;
  if (isNew)
    walk(function.body, [&](const ast::Expr &expr) {
      names.hasConditions |= ast::isa<ast::ConditionalExpr>(expr);
      if (const auto *name = ast::dynCast<ast::NameExpr>(&expr))
        ++names.uses[name->name];
    });
  return names;
}

/// A value that its name stands for more than once is computed once: a tensor from here on.
void Elaborator::keep(llvm::StringRef name, Frame &frame) {
  Tensor *tensor = frame.names[name].tensor();
  if (!tensor || tensor->value || tensor->isConstant() || !frame.takesTensors())
    return;
  const BodyNames &names = namesOf(*frame.function);
  unsigned uses = names.uses.lookup(name);
  if (uses > 1 && names.hasConditions) {
    uses = 0; // only what is built counts
    forEachChild(frame.function->body,
                 [&](const ast::Expr &expr) { uses += countUses(expr, name, frame); });
  }
  if (uses > 1)
    graph.materialize(tensor);
}

bool Elaborator::evaluateBody(const ast::Function &function, Frame &frame,
                              std::vector<Meaning> &results) {
  for (const ast::Statement &statement : function.body.statements) {
    if (const auto *assignment = std::get_if<ast::Assignment>(&statement))
      assign(*assignment, frame);
    else
      update(std::get<ast::Update>(statement), frame);
  }
  for (const ast::ExprPtr &result : function.body.results)
    results.push_back(evaluate(*result, frame));
  if (results.size() == 1)
    if (const Meaning::Tuple *values = results.front().tuple())
      results = Meaning::Tuple(*values);

  const std::vector<ast::Type> &types = function.signature.results;
  bool ok = true;
  if (!types.empty() && types.size() != results.size()) {
    if (!results.front().isPoison())
      error(frame, function.body.resultsRange,
            fmt::format("{} returns {} value{}, its signature says {}", function.name.text,
                        results.size(), results.size() == 1 ? "" : "s", types.size()));
    return false;
  }
  for (size_t i = 0; i < results.size(); ++i) {
    ok &= !results[i].isPoison();
    if (i >= types.size() || results[i].isPoison() || frame.isElementwise)
      continue;
    bool isWhole = function.body.results.size() == results.size();
    SourceRange range = isWhole ? function.body.results[i]->range : function.body.resultsRange;
    std::string what = fmt::format("result of {}", function.name.text);
    Tensor *tensor = toTensor(results[i], frame, range, what);
    if (tensor)
      results[i] = tensor;
    MatchSite site{what, range, &frame};
    ok &= tensor && matchType(types[i], tensor, frame, site);
  }
  return ok;
}

void Elaborator::assign(const ast::Assignment &assignment, Frame &frame) {
  std::vector<Meaning> values;
  for (const ast::ExprPtr &value : assignment.values)
    values.push_back(evaluate(*value, frame));
  size_t count = assignment.targets.size();
  if (values.size() == 1 && values.front().tuple())
    values = Meaning::Tuple(*values.front().tuple());
  bool isPoison = assignment.values.size() == 1 && values.size() == 1 && values.front().isPoison();
  if (values.size() != count && !isPoison)
    error(frame, assignment.range,
          fmt::format("{} name{} for {} value{}", count, count == 1 ? "" : "s", values.size(),
                      values.size() == 1 ? "" : "s"));
  for (size_t i = 0; i < count; ++i) {
    Meaning value = values.size() == count ? values[i] : Meaning();
    SourceRange range =
        assignment.values.size() == count ? assignment.values[i]->range : assignment.range;
    assignTarget(assignment.targets[i], std::move(value), range, frame);
  }
}

void Elaborator::assignTarget(const ast::Target &target, Meaning value, SourceRange range,
                              Frame &frame) {
  llvm::StringRef name = target.name.text;
  if (!frame.names.contains(name) && lookUpSize(name, frame))
    return; // was reported: only inputs and locals can be assigned
  frame.types.erase(name);
  if (target.type && !value.isPoison() && !frame.isElementwise) {
    Tensor *tensor = toTensor(value, frame, range, name);
    MatchSite site{name, range, &frame};
    if (tensor && matchType(*target.type, tensor, frame, site)) {
      value = tensor;
      frame.types[name] = &*target.type;
    } else {
      value = Poison();
    }
  }
  frame.names[name] = std::move(value);
  keep(name, frame);
}

void Elaborator::update(const ast::Update &update, Frame &frame) {
  if (!training)
    return;
  Meaning value = evaluate(*update.value, frame);
  auto it = frame.instance->members.find(update.state.text);
  if (value.isPoison() || it == frame.instance->members.end() || !it->second.variable)
    return;
  Variable &state = *it->second.variable;
  Tensor *tensor = toTensor(value, frame, update.value->range, update.state.text);
  if (!tensor)
    return;
  if (!sameDims(tensor->dims, state.dims)) {
    error(frame, update.value->range,
          fmt::format("update {}: shape does not fit", update.state.text))
        .required(toString(state.dims))
        .found(toString(tensor->dims, tensor->isInt));
    return;
  }
  at(frame, update.range);
  mlir::Value written = graph.materialize(graph.real(tensor));
  gpt::WriteOp::create(graph.builder, graph.location, state.path, written, false);
  state.isUsed = true;
}

} // namespace gptc::model
