// Visiting the names and calls inside a piece of syntax, in the order of the text.
#ifndef GPTC_LIB_MODEL_WALK_H
#define GPTC_LIB_MODEL_WALK_H

#include "gptc/Model/AST.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"

namespace gptc::model {

using ExprVisitor = llvm::function_ref<void(const ast::Expr &)>;

/// Calls `visit` for each expression directly inside, those in shapes and patterns too.
void forEachChild(const ast::Expr &expr, ExprVisitor visit);
/// The same for the statements and results of a body.
void forEachChild(const ast::Body &body, ExprVisitor visit);

/// Calls `visit` for `expr` and for each expression inside it, at any depth.
void walk(const ast::Expr &expr, ExprVisitor visit);
/// The same for all expressions of a body.
void walk(const ast::Body &body, ExprVisitor visit);

/// Calls `visit` for the names inside that stand for values: all but those of called functions.
void forEachValueName(const ast::Expr &expr, llvm::function_ref<void(const ast::NameExpr &)> visit);

/// The factors of `a * b * c`, from left to right; one for anything else.
llvm::SmallVector<const ast::Expr *, 4> factorsOf(const ast::Expr &expr);

/// The text of a range on one line, each run of spaces and line ends as one space.
std::string oneLine(SourceRange range);

} // namespace gptc::model

#endif // GPTC_LIB_MODEL_WALK_H
