// Expressions: names, operators, conditions.
#include "Elaborator.h"

#include <fmt/format.h>

namespace gptc::model {

using ast::BinaryOp;

std::string Meaning::describe() const {
  if (const Number *known = number())
    return known->toString();
  if (const Tensor *held = tensor())
    return model::toString(held->dims, held->isInt);
  if (isNone())
    return "none";
  if (const Tuple *values = tuple())
    return fmt::format("{} values", values->size());
  return isPoison() ? "an error" : "a module";
}

Meaning Elaborator::evaluate(const ast::Expr &expr, Frame &frame) {
  struct Level {
    explicit Level(size_t &depth) : depth(++depth) {}
    ~Level() { --depth; }
    size_t &depth;
  } level(depth_);
  if (depth_ > maxDepth) {
    error(frame, expr.range, "calls and expressions are nested too deep");
    return Poison();
  }
  switch (expr.kind()) {
  case ast::ExprKind::Error: return Poison();
  case ast::ExprKind::Number: return ast::cast<ast::NumberExpr>(expr).value;
  case ast::ExprKind::Name: return evaluateName(ast::cast<ast::NameExpr>(expr), frame);
  case ast::ExprKind::Unary: {
    const auto &unary = ast::cast<ast::UnaryExpr>(expr);
    if (unary.op == ast::UnaryOp::Negate)
      return applyScalar(Scalar::Negate, evaluate(*unary.operand, frame), frame, expr.range, "-");
    std::optional<bool> condition = evaluateCondition(*unary.operand, frame, "not");
    return condition ? Meaning(*condition ? 0.0 : 1.0) : Meaning();
  }
  case ast::ExprKind::Binary: return evaluateBinary(ast::cast<ast::BinaryExpr>(expr), frame);
  case ast::ExprKind::Conditional: {
    const auto &conditional = ast::cast<ast::ConditionalExpr>(expr);
    std::optional<bool> condition = evaluateCondition(*conditional.condition, frame, "if");
    if (!condition)
      return Poison();
    return evaluate(*condition ? *conditional.value : *conditional.otherwise, frame);
  }
  case ast::ExprKind::Call: return evaluateCall(ast::cast<ast::CallExpr>(expr), frame);
  case ast::ExprKind::Member: return evaluateMember(ast::cast<ast::MemberExpr>(expr), frame);
  case ast::ExprKind::Index: return evaluateIndex(ast::cast<ast::IndexExpr>(expr), frame);
  }
  return Poison();
}

Meaning Elaborator::evaluateName(const ast::NameExpr &name, Frame &frame) {
  if (auto it = frame.names.find(name.name); it != frame.names.end())
    return it->second;
  if (auto it = frame.sizes.find(name.name); it != frame.sizes.end())
    return it->second.size;
  if (frame.instance) {
    if (auto it = frame.instance->arguments.find(name.name); it != frame.instance->arguments.end())
      return it->second;
    const Instance *owner = nullptr;
    if (const Member *member = findMember(name, frame, owner)) {
      if (member->variable && frame.takesTensors())
        return useVariable(*member->variable, frame, name.range);
      if (member->variable)
        return Poison(); // was reported
      if (member->isPoison)
        return Poison();
      return member->module ? Meaning() : Meaning(None()); // a module was reported
    }
  }
  if (!frame.library->isPrelude() && config_.contains(name.name))
    return configValue(name.name);
  if (name.name == "training")
    return training ? 1.0 : 0.0;
  if (name.name == "none")
    return None();
  if (std::optional<double> number = fixedNumber(name.name))
    return *number;
  // The name was found in the text, but on a side of a condition that is not built.
  if (namesAreSound_)
    error(frame, name.range,
          fmt::format("{} has no value here: what gives it one is not built when training is {}",
                      name.name, training ? "true" : "false"));
  return Poison();
}

/// The member that a name or a path of names leads to, and the module it is in.
const Member *Elaborator::findMember(const ast::Expr &path, Frame &frame, const Instance *&owner) {
  llvm::StringRef name;
  if (const auto *first = ast::dynCast<ast::NameExpr>(&path)) {
    owner = frame.instance;
    name = first->name;
  } else if (const auto *deeper = ast::dynCast<ast::MemberExpr>(&path)) {
    const Instance *above = nullptr;
    const Member *module = findMember(*deeper->object, frame, above);
    owner = module && !module->isRepeat && !module->instances.empty() ? module->instances.front()
                                                                      : nullptr;
    name = deeper->member.text;
  }
  if (!owner)
    return nullptr;
  auto it = owner->members.find(name);
  return it == owner->members.end() ? nullptr : &it->second;
}

Meaning Elaborator::evaluateMember(const ast::MemberExpr &member, Frame &frame) {
  const Instance *owner = nullptr;
  const Member *found = findMember(member, frame, owner);
  if (!found || found->isPoison || !frame.takesTensors())
    return Poison();
  if (found->variable)
    return useVariable(*found->variable, frame, member.range);
  return found->module ? Meaning() : Meaning(None()); // a module was reported
}

Meaning Elaborator::evaluateParameters(const ast::Expr &expr, Frame &frame) {
  const auto *name = ast::dynCast<ast::NameExpr>(&expr);
  if (name && name->name == "parameters")
    return static_cast<const Member *>(&rootMember_);
  const Instance *owner = nullptr;
  const Member *member = findMember(expr, frame, owner);
  return member && member->module ? Meaning(member) : evaluate(expr, frame);
}

std::optional<bool> Elaborator::evaluateCondition(const ast::Expr &expr, Frame &frame,
                                                  llvm::StringRef what) {
  Meaning meaning = evaluate(expr, frame);
  if (const Number *number = meaning.number())
    return number->isTrue();
  if (!meaning.isPoison()) {
    Diagnostic &diagnostic =
        error(frame, expr.range,
              fmt::format("'{}' needs a condition known at compile time, found {}", what.str(),
                          meaning.describe()));
    if (meaning.tensor())
      diagnostic.hint("tensors use where(condition, a, b)");
  }
  return std::nullopt;
}

std::optional<Number> Elaborator::evaluateNumber(const ast::Expr &expr, Frame &frame,
                                                 llvm::StringRef what) {
  Meaning meaning = evaluate(expr, frame);
  if (const Number *number = meaning.number())
    return *number;
  if (!meaning.isPoison())
    error(frame, expr.range,
          fmt::format("{} must be a number known at compile time, found {}", what.str(),
                      meaning.describe()));
  return std::nullopt;
}

static std::optional<Scalar> scalarOf(BinaryOp op) {
  switch (op) {
  case BinaryOp::Equal: return Scalar::Equal;
  case BinaryOp::NotEqual: return Scalar::NotEqual;
  case BinaryOp::Less: return Scalar::Less;
  case BinaryOp::LessEqual: return Scalar::LessEqual;
  case BinaryOp::Greater: return Scalar::Greater;
  case BinaryOp::GreaterEqual: return Scalar::GreaterEqual;
  case BinaryOp::Add: return Scalar::Add;
  case BinaryOp::Subtract: return Scalar::Subtract;
  case BinaryOp::Multiply: return Scalar::Multiply;
  case BinaryOp::Divide: return Scalar::Divide;
  case BinaryOp::Remainder: return Scalar::Remainder;
  case BinaryOp::Power: return Scalar::Power;
  default: return std::nullopt;
  }
}

Meaning Elaborator::evaluateBinary(const ast::BinaryExpr &binary, Frame &frame) {
  if (binary.op == BinaryOp::MatMul)
    return evaluateMatmul(binary, frame);
  if (binary.op == BinaryOp::And || binary.op == BinaryOp::Or) {
    // The second operand counts, and must be known, only where the first does not decide.
    bool decisive = binary.op == BinaryOp::Or;
    std::optional<bool> first = evaluateCondition(*binary.lhs, frame, spelling(binary.op));
    if (!first || *first == decisive)
      return first ? Meaning(decisive ? 1.0 : 0.0) : Meaning();
    std::optional<bool> second = evaluateCondition(*binary.rhs, frame, spelling(binary.op));
    return second ? Meaning(*second ? 1.0 : 0.0) : Meaning();
  }
  Meaning lhs = evaluate(*binary.lhs, frame), rhs = evaluate(*binary.rhs, frame);
  Scalar scalar = *scalarOf(binary.op);
  bool isEquality = scalar == Scalar::Equal || scalar == Scalar::NotEqual;
  if (isEquality && (lhs.isNone() || rhs.isNone()) && !lhs.isPoison() && !rhs.isPoison())
    return (lhs.isNone() && rhs.isNone()) == (scalar == Scalar::Equal) ? 1.0 : 0.0;
  return applyScalar(scalar, {lhs, rhs}, frame, binary.opRange, spelling(binary.op),
                     {binary.lhs.get(), binary.rhs.get()});
}

static Number computeNumber(Scalar scalar, llvm::ArrayRef<Number> operands) {
  switch (scalar) {
  case Scalar::Add: return Number::add(operands[0], operands[1]);
  case Scalar::Subtract: return Number::subtract(operands[0], operands[1]);
  case Scalar::Multiply: return Number::multiply(operands[0], operands[1]);
  case Scalar::Divide: return Number::divide(operands[0], operands[1]);
  case Scalar::Negate: return Number::subtract(0, operands[0]);
  default: break;
  }
  llvm::SmallVector<double, 3> values;
  for (const Number &operand : operands)
    values.push_back(operand.value());
  return Number::apply(operands, compute(scalar, values));
}

Meaning Elaborator::applyScalar(Scalar scalar, llvm::ArrayRef<Meaning> operands, Frame &frame,
                                SourceRange range, llvm::StringRef label,
                                llvm::ArrayRef<const ast::Expr *> texts) {
  llvm::SmallVector<Number, 3> numbers;
  llvm::SmallVector<Tensor *, 3> tensors;
  for (auto [i, operand] : llvm::enumerate(operands)) {
    if (operand.isPoison())
      return Poison();
    if (const Number *number = operand.number()) {
      numbers.push_back(*number);
    } else if (Tensor *tensor = operand.tensor()) {
      tensors.push_back(tensor);
    } else {
      error(frame, i < texts.size() ? texts[i]->range : range,
            fmt::format("{}: required a number or a tensor, found {}", label.str(),
                        operand.describe()));
      return Poison();
    }
  }
  if (tensors.empty())
    return computeNumber(scalar, numbers);
  if (!checkStretch(tensors, frame, range, label,
                    texts.size() == tensors.size() ? texts : llvm::ArrayRef<const ast::Expr *>()))
    return Poison();
  at(frame, range);
  llvm::SmallVector<Tensor *, 3> all;
  for (const Meaning &operand : operands)
    all.push_back(operand.tensor() ? operand.tensor() : graph.constant(operand.number()->value()));
  return graph.map(scalar, all);
}

/// `rearrange(score, [B, 1] -> [B])`, where that makes `from` fit `to`; else empty.
static std::string dropAxisHint(const Tensor &from, const Tensor &to, const ast::Expr *text) {
  llvm::ArrayRef<Number> dims = from.dims;
  if (dims.empty() || !dims.back().isOne() || !sameDims(dims.drop_back(), to.dims))
    return {};
  bool isName = text && (ast::isa<ast::NameExpr>(*text) || ast::isa<ast::MemberExpr>(*text));
  std::string name(isName ? text->range.text() : "...");
  return fmt::format("rearrange({}, {} -> {})", name, toString(dims), toString(to.dims));
}

bool Elaborator::checkStretch(llvm::ArrayRef<Tensor *> tensors, Frame &frame, SourceRange range,
                              llvm::StringRef label, llvm::ArrayRef<const ast::Expr *> texts) {
  for (Tensor *result : tensors)
    if (llvm::all_of(tensors, [&](Tensor *t) { return stretchesTo(t->dims, result->dims); }))
      return true;
  // The first two that neither fits the other; three that fit pairwise are reported as a whole.
  for (size_t i = 0; i < tensors.size(); ++i)
    for (size_t j = i + 1; j < tensors.size(); ++j) {
      const Tensor &a = *tensors[i], &b = *tensors[j];
      if (stretchesTo(a.dims, b.dims) || stretchesTo(b.dims, a.dims))
        continue;
      bool onlyOnes = true;
      for (size_t k = 1; k <= std::min(a.dims.size(), b.dims.size()); ++k) {
        const Number &left = a.dims[a.dims.size() - k], &right = b.dims[b.dims.size() - k];
        onlyOnes &= left.isOne() || right.isOne() || Number::same(left, right);
      }
      std::string shapes = fmt::format("{} with {}", toString(a.dims), toString(b.dims));
      Diagnostic &diagnostic = error(
          frame, range,
          fmt::format("{}: {}: {}", label.str(),
                      onlyOnes ? "both operands would be stretched" : "shapes do not fit", shapes));
      bool written = !texts.empty();
      std::string hint = dropAxisHint(a, b, written ? texts[i] : nullptr);
      if (hint.empty())
        hint = dropAxisHint(b, a, written ? texts[j] : nullptr);
      if (!hint.empty())
        diagnostic.hint(hint);
      return false;
    }
  std::string shapes;
  for (Tensor *tensor : tensors)
    shapes += (shapes.empty() ? "" : ", ") + toString(tensor->dims);
  error(frame, range,
        fmt::format("{}: no operand has the shape of the result: {}", label.str(), shapes));
  return false;
}

Tensor *Elaborator::toTensor(const Meaning &meaning, Frame &frame, SourceRange range,
                             llvm::StringRef what) {
  if (Tensor *tensor = meaning.tensor())
    return tensor;
  if (const Number *number = meaning.number()) {
    at(frame, range);
    return graph.constant(number->value());
  }
  if (!meaning.isPoison())
    error(frame, range,
          fmt::format("{} must be a tensor, found {}", what.str(), meaning.describe()));
  return nullptr;
}

Meaning Elaborator::evaluateMatmul(const ast::BinaryExpr &binary, Frame &frame) {
  Meaning leftMeaning = evaluate(*binary.lhs, frame), rightMeaning = evaluate(*binary.rhs, frame);
  if (!frame.takesTensors())
    return Poison(); // was reported
  Tensor *lhs = toTensor(leftMeaning, frame, binary.lhs->range, "an operand of @");
  Tensor *rhs = toTensor(rightMeaning, frame, binary.rhs->range, "an operand of @");
  if (!lhs || !rhs)
    return Poison();
  llvm::ArrayRef<Number> left = lhs->dims, right = rhs->dims;
  bool fits = left.size() >= 2 && right.size() >= 2 && Number::same(left.back(), right.end()[-2]);
  if (fits) {
    left = left.drop_back(2);
    right = right.drop_back(2);
    fits = stretchesTo(left, right) || stretchesTo(right, left);
  }
  if (!fits) {
    error(frame, binary.opRange, "@: shapes do not fit")
        .required("[..., M, K] @ [..., K, N]")
        .found(fmt::format("{} @ {}", toString(lhs->dims), toString(rhs->dims)));
    return Poison();
  }
  at(frame, binary.opRange);
  return graph.matmul(graph.real(lhs), graph.real(rhs));
}

} // namespace gptc::model
