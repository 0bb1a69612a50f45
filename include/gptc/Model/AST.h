// The syntax tree of a description, node for node the grammar of the language.
//
// Nodes own their children, carry the range of text that they came from, and mean nothing yet:
// names are not resolved, numbers not evaluated. Parentheses leave no node (a parenthesised
// expression's range includes them). Visit with a switch on `kind()` and `cast<>`, or `std::visit`
// for the variants. Depth is bounded by the parser (maxExpressionDepth), so recursion is safe.
#ifndef GPTC_MODEL_AST_H
#define GPTC_MODEL_AST_H

#include "gptc/Model/Source.h"

#include <cassert>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace gptc::ast {

/// No expression is deeper than this, counted in nodes; `a + b + ... ` counts each operator.
inline constexpr unsigned maxExpressionDepth = 256;

/// A name where it stands.
struct Identifier {
  std::string text;
  SourceRange range;
};

//===------------------------------------------------------------------------------------------===//
// Expressions
//===------------------------------------------------------------------------------------------===//

enum class ExprKind { Error, Number, Name, Unary, Binary, Conditional, Call, Member, Index };

struct Expr {
  virtual ~Expr() = default;
  ExprKind kind() const { return kind_; }

  SourceRange range;
  /// 1 for a leaf, else one more than the deepest child's.
  unsigned depth = 1;

protected:
  Expr(ExprKind kind, SourceRange range) : range(range), kind_(kind) {}

private:
  ExprKind kind_;
};

using ExprPtr = std::unique_ptr<Expr>;

/// True when `expr` is a node of class `T`.
template <typename T> bool isa(const Expr &expr) { return expr.kind() == T::classKind; }

/// `expr` as a `T`, which it must be.
template <typename T> const T &cast(const Expr &expr) {
  assert(isa<T>(expr) && "cast to the wrong kind of expression");
  return static_cast<const T &>(expr);
}

/// `expr` as a `T`, or null when it is something else (or null itself).
template <typename T> const T *dynCast(const Expr *expr) {
  return expr && isa<T>(*expr) ? static_cast<const T *>(expr) : nullptr;
}

/// What stands where an expression could not be read; it was reported. Whatever depends on it
/// stays silent.
struct ErrorExpr : Expr {
  static constexpr ExprKind classKind = ExprKind::Error;
  explicit ErrorExpr(SourceRange range) : Expr(classKind, range) {}
};

struct NumberExpr : Expr {
  static constexpr ExprKind classKind = ExprKind::Number;
  NumberExpr(SourceRange range, double value) : Expr(classKind, range), value(value) {}
  double value; ///< finite and not negative
};

/// A name: a config value, argument, local, member, bound size, or one of the fixed names
/// `true false none inf pi training parameters`.
struct NameExpr : Expr {
  static constexpr ExprKind classKind = ExprKind::Name;
  NameExpr(SourceRange range, std::string name) : Expr(classKind, range), name(std::move(name)) {}
  std::string name;
};

enum class UnaryOp { Negate, Not };

struct UnaryExpr : Expr {
  static constexpr ExprKind classKind = ExprKind::Unary;
  UnaryExpr(SourceRange range, UnaryOp op, ExprPtr operand)
      : Expr(classKind, range), op(op), operand(std::move(operand)) {}
  UnaryOp op;
  ExprPtr operand;
};

enum class BinaryOp {
  Or,
  And,
  Equal,
  NotEqual,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  Add,
  Subtract,
  Multiply,
  Divide,
  Remainder,
  MatMul,
  Power,
};

struct BinaryExpr : Expr {
  static constexpr ExprKind classKind = ExprKind::Binary;
  BinaryExpr(SourceRange range, BinaryOp op, SourceRange opRange, ExprPtr lhs, ExprPtr rhs)
      : Expr(classKind, range), op(op), opRange(opRange), lhs(std::move(lhs)), rhs(std::move(rhs)) {
  }
  BinaryOp op;
  SourceRange opRange; ///< the operator itself
  ExprPtr lhs, rhs;
};

/// `value if condition else otherwise`; only one side is built.
struct ConditionalExpr : Expr {
  static constexpr ExprKind classKind = ExprKind::Conditional;
  ConditionalExpr(SourceRange range, ExprPtr value, ExprPtr condition, ExprPtr otherwise)
      : Expr(classKind, range), value(std::move(value)), condition(std::move(condition)),
        otherwise(std::move(otherwise)) {}
  ExprPtr value, condition, otherwise;
};

/// One element of a shape: `...`, or a sum, in an input's type perhaps limited: `T <= block_size`.
struct Size {
  SourceRange range;
  bool isEllipsis = false;
  ExprPtr value; ///< null only for `...`
  ExprPtr limit; ///< null where there is no `<=`
};

/// `[B, T, n_embd]`; a scalar's is `[]`. As an argument also a list, as in `split(x, [a, b])`.
struct Shape {
  SourceRange range;
  std::vector<Size> sizes;
};

/// `name = value` or `value` in a call, where the value is an expression, a shape, or a pattern
/// `[before] -> [after]`: exactly one of `value` and `shape` is set.
struct Argument {
  SourceRange range;
  std::optional<Identifier> name;
  ExprPtr value;
  std::optional<Shape> shape;
  std::optional<Shape> after; ///< right side of a pattern; only with `shape`

  bool isPattern() const { return after.has_value(); }
};

/// `callee(arguments)`. The grammar lets any postfix expression be called; meaning allows a
/// function's name and a member's path.
struct CallExpr : Expr {
  static constexpr ExprKind classKind = ExprKind::Call;
  CallExpr(SourceRange range, ExprPtr callee, std::vector<Argument> arguments,
           SourceRange argumentsRange)
      : Expr(classKind, range), callee(std::move(callee)), arguments(std::move(arguments)),
        argumentsRange(argumentsRange) {}
  ExprPtr callee;
  std::vector<Argument> arguments;
  SourceRange argumentsRange; ///< with the parentheses
};

/// `object.member`.
struct MemberExpr : Expr {
  static constexpr ExprKind classKind = ExprKind::Member;
  MemberExpr(SourceRange range, ExprPtr object, Identifier member)
      : Expr(classKind, range), object(std::move(object)), member(std::move(member)) {}
  ExprPtr object;
  Identifier member;
};

/// One element of `x[...]`: `...`, a slice `lower:upper` (either may be missing) or one position.
struct IndexItem {
  enum class Kind { Ellipsis, Slice, Position };
  SourceRange range;
  Kind kind = Kind::Position;
  ExprPtr position; ///< Position only
  ExprPtr lower;    ///< Slice only; null when missing
  ExprPtr upper;    ///< Slice only; null when missing
};

/// `object[items]`; never without items.
struct IndexExpr : Expr {
  static constexpr ExprKind classKind = ExprKind::Index;
  IndexExpr(SourceRange range, ExprPtr object, std::vector<IndexItem> items)
      : Expr(classKind, range), object(std::move(object)), items(std::move(items)) {}
  ExprPtr object;
  std::vector<IndexItem> items;
};

//===------------------------------------------------------------------------------------------===//
// Signatures and bodies
//===------------------------------------------------------------------------------------------===//

/// `[B, T, V]`, real, or `int[B, T]`, indices.
struct Type {
  SourceRange range;
  bool isInt = false;
  Shape shape;
};

/// An input of a function or an argument of a module: `x: [B, T]`, `p`, `eps = 1e-5`.
struct Input {
  SourceRange range;
  Identifier name;
  std::optional<Type> type; ///< none: a number
  ExprPtr defaultValue;     ///< null: must be given
};

/// `(inputs) -> results`.
struct Signature {
  SourceRange range;
  std::vector<Input> inputs;
  SourceRange inputsRange;   ///< with the parentheses
  std::vector<Type> results; ///< empty when there is no `->`: then not stated
};

/// `x`, or `x: [B, T]`, on the left of `=`.
struct Target {
  SourceRange range;
  Identifier name;
  std::optional<Type> type;
};

/// `a, b = split(x, 2)` or `a, b = b, a`: one value for all targets, or one each.
struct Assignment {
  SourceRange range;
  std::vector<Target> targets;
  std::vector<ExprPtr> values;
};

/// `update state = value`.
struct Update {
  SourceRange range;
  Identifier state;
  ExprPtr value;
};

using Statement = std::variant<Assignment, Update>;

/// `= value`, or the indented block of statements that ends in `return`.
struct Body {
  SourceRange range;
  std::vector<Statement> statements;
  std::vector<ExprPtr> results; ///< empty only when incomplete
  SourceRange resultsRange;     ///< the value, or the `return` line
  bool isBlock = false;
  bool incomplete = false; ///< a statement could not be read
};

//===------------------------------------------------------------------------------------------===//
// Declarations
//===------------------------------------------------------------------------------------------===//

/// `name = value` in `config`, in a preset, or after a parameter's initialiser.
struct Setting {
  SourceRange range;
  Identifier name;
  ExprPtr value;
};

/// `config: ...`; a file may have several, read as one.
struct Config {
  SourceRange range;
  std::vector<Setting> settings;
  bool incomplete = false;
};

/// `preset name: ...`.
struct Preset {
  SourceRange range;
  Identifier name;
  std::vector<Setting> settings;
  bool incomplete = false;
};

/// A `def`, or the `forward` or `loss` of a module; the name of those two is the keyword.
struct Function {
  SourceRange range;
  Identifier name;
  Signature signature;
  Body body;
};

/// `param name: shape = initializer, options` or the same with `state`.
struct TensorMember {
  SourceRange range;
  bool isState = false;
  Identifier name;
  Shape shape;
  ExprPtr initializer;
  std::vector<Setting> options; ///< `decay = true`
};

/// `repeat index in count:` before a member's module.
struct Repeat {
  SourceRange range; ///< without the colon
  std::optional<Identifier> index;
  ExprPtr count;
};

/// `name = Module(arguments)`, perhaps repeated.
struct SubmoduleMember {
  SourceRange range;
  Identifier name;
  std::optional<Repeat> repeat;
  Identifier module;
  std::vector<Argument> arguments;
  SourceRange callRange; ///< `Module(arguments)`
};

using ModuleMember = std::variant<TensorMember, SubmoduleMember>;

/// `module Name(parameters): members, forward, loss`, or the file's `model`.
struct Module {
  SourceRange range;
  bool isModel = false;
  Identifier name;
  std::vector<Input> parameters;
  std::vector<ModuleMember> members;
  std::optional<Function> forward; ///< none only when incomplete
  std::optional<Function> loss;
  bool incomplete = false; ///< a member, `forward` or `loss` could not be read
};

/// A comment, from `#` to the end of its line; the tree does not place it, the formatter does.
struct Comment {
  SourceRange range;
  bool ownLine = false; ///< nothing else stands on the line
};

/// A whole file; each list is in source order.
struct File {
  const SourceFile *source = nullptr;
  std::vector<Config> configs;
  std::vector<Preset> presets;
  std::vector<Function> functions;
  std::vector<Module> modules; ///< the model included
  std::vector<Comment> comments;
  bool incomplete = false; ///< a declaration could not be read: names may be missing

  /// The first `model`, or null.
  const Module *model() const;
};

/// `+`, `<=`, `and`: as it is written.
const char *spelling(BinaryOp op);
const char *spelling(UnaryOp op);

/// The tree as text without places, one node a line: equal trees print equal, different ones do
/// not. For tests and for the formatter, which checks itself with it.
std::string dump(const File &file);
std::string dump(const Expr &expr);

} // namespace gptc::ast

#endif // GPTC_MODEL_AST_H
