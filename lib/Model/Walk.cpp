// Walks over the syntax tree.
#include "Walk.h"

#include <cctype>

namespace gptc::model {

static void forEachChild(const ast::Shape &shape, ExprVisitor visit) {
  for (const ast::Size &size : shape.sizes) {
    if (size.value)
      visit(*size.value);
    if (size.limit)
      visit(*size.limit);
  }
}

static void forEachChild(const std::vector<ast::Argument> &arguments, ExprVisitor visit) {
  for (const ast::Argument &argument : arguments) {
    if (argument.value)
      visit(*argument.value);
    if (argument.shape)
      forEachChild(*argument.shape, visit);
    if (argument.after)
      forEachChild(*argument.after, visit);
  }
}

void forEachChild(const ast::Expr &expr, ExprVisitor visit) {
  switch (expr.kind()) {
  case ast::ExprKind::Error:
  case ast::ExprKind::Number:
  case ast::ExprKind::Name: return;
  case ast::ExprKind::Unary: return visit(*ast::cast<ast::UnaryExpr>(expr).operand);
  case ast::ExprKind::Binary: {
    const auto &binary = ast::cast<ast::BinaryExpr>(expr);
    visit(*binary.lhs);
    return visit(*binary.rhs);
  }
  case ast::ExprKind::Conditional: {
    const auto &conditional = ast::cast<ast::ConditionalExpr>(expr);
    visit(*conditional.value);
    visit(*conditional.condition);
    return visit(*conditional.otherwise);
  }
  case ast::ExprKind::Call: {
    const auto &call = ast::cast<ast::CallExpr>(expr);
    visit(*call.callee);
    return forEachChild(call.arguments, visit);
  }
  case ast::ExprKind::Member: return visit(*ast::cast<ast::MemberExpr>(expr).object);
  case ast::ExprKind::Index: {
    const auto &index = ast::cast<ast::IndexExpr>(expr);
    visit(*index.object);
    for (const ast::IndexItem &item : index.items)
      for (const ast::ExprPtr *part : {&item.position, &item.lower, &item.upper})
        if (*part)
          visit(**part);
    return;
  }
  }
}

void forEachChild(const ast::Body &body, ExprVisitor visit) {
  for (const ast::Statement &statement : body.statements) {
    if (const auto *update = std::get_if<ast::Update>(&statement)) {
      visit(*update->value);
      continue;
    }
    const auto &assignment = std::get<ast::Assignment>(statement);
    for (const ast::ExprPtr &value : assignment.values)
      visit(*value);
    for (const ast::Target &target : assignment.targets)
      if (target.type)
        forEachChild(target.type->shape, visit);
  }
  for (const ast::ExprPtr &result : body.results)
    visit(*result);
}

void walk(const ast::Expr &expr, ExprVisitor visit) {
  visit(expr);
  forEachChild(expr, [&](const ast::Expr &child) { walk(child, visit); });
}

void walk(const ast::Body &body, ExprVisitor visit) {
  forEachChild(body, [&](const ast::Expr &child) { walk(child, visit); });
}

void forEachValueName(const ast::Expr &expr,
                      llvm::function_ref<void(const ast::NameExpr &)> visit) {
  if (const auto *name = ast::dynCast<ast::NameExpr>(&expr))
    return visit(*name);
  const auto *call = ast::dynCast<ast::CallExpr>(&expr);
  const ast::Expr *function = nullptr;
  if (call && ast::isa<ast::NameExpr>(*call->callee))
    function = call->callee.get();
  forEachChild(expr, [&](const ast::Expr &child) {
    if (&child != function)
      forEachValueName(child, visit);
  });
}

static void collectFactors(const ast::Expr &expr, llvm::SmallVectorImpl<const ast::Expr *> &out) {
  const auto *binary = ast::dynCast<ast::BinaryExpr>(&expr);
  if (!binary || binary->op != ast::BinaryOp::Multiply) {
    out.push_back(&expr);
    return;
  }
  collectFactors(*binary->lhs, out);
  collectFactors(*binary->rhs, out);
}

llvm::SmallVector<const ast::Expr *, 4> factorsOf(const ast::Expr &expr) {
  llvm::SmallVector<const ast::Expr *, 4> factors;
  collectFactors(expr, factors);
  return factors;
}

std::string oneLine(SourceRange range) {
  std::string out;
  for (char c : range.text()) {
    bool isSpace = std::isspace(static_cast<unsigned char>(c));
    if (!isSpace || (!out.empty() && out.back() != ' '))
      out += isSpace ? ' ' : c;
  }
  return out;
}

} // namespace gptc::model
