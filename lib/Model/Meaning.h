// What expressions mean while a model is elaborated, and the tree of its modules.
#ifndef GPTC_LIB_MODEL_MEANING_H
#define GPTC_LIB_MODEL_MEANING_H

#include "Graph.h"
#include "Library.h"

#include <deque>
#include <variant>

namespace gptc::model {

struct Instance;
struct Member;
struct Variable;

/// `none`.
struct None {};
/// Depends on something that was reported; whatever depends on it in turn stays silent.
struct Poison {};

/// The value of an expression.
class Meaning {
public:
  using Tuple = std::vector<Meaning>;

  Meaning(Poison = {}) {}
  Meaning(Number number) : value_(std::move(number)) {}
  Meaning(double number) : value_(Number(number)) {}
  Meaning(None none) : value_(none) {}
  Meaning(Tensor *tensor) : value_(tensor) {}
  Meaning(const Member *member) : value_(member) {}
  Meaning(Tuple values) : value_(std::move(values)) {}

  bool isPoison() const { return std::holds_alternative<Poison>(value_); }
  bool isNone() const { return std::holds_alternative<None>(value_); }
  const Number *number() const { return std::get_if<Number>(&value_); }
  Tensor *tensor() const { return get<Tensor *>(); }
  /// A module, as l2 takes it; nowhere else does one have a value.
  const Member *member() const { return get<const Member *>(); }
  const Tuple *tuple() const { return std::get_if<Tuple>(&value_); }

  /// For messages: `[B, T, 768]`, `0.1`, `none`, `a module`.
  std::string describe() const;

private:
  template <typename T> T get() const {
    const T *held = std::get_if<T>(&value_);
    return held ? *held : nullptr;
  }
  std::variant<Poison, Number, None, Tensor *, const Member *, Tuple> value_;
};

/// A parameter or state tensor, with `*` in its path for each index of enclosing copies.
struct Variable {
  std::string path;
  SourceRange place; ///< of the declaration, or of the prelude module's construction
  mlir::Location location;
  Dims dims;
  gpt::InitKind kind = gpt::InitKind::constant;
  double a = 0, b = 0;
  bool isState = false;
  bool decays = false;
  bool isUsed = false;
  llvm::SmallVector<int64_t, 2> copies; ///< the counts of the `*`, outermost first

  explicit Variable(mlir::Location location) : location(location) {}
};

/// What a member's name stands for.
struct Member {
  Variable *variable = nullptr; ///< a tensor; null for a module or a parameter that is `none`
  const ast::Module *module = nullptr; ///< a module's definition; else null
  std::vector<Instance *> instances;   ///< a module's; several or none where each copy is its own
  bool isRepeat = false;
  /// The number of copies of the one instance, whose path has a `*` for the index; else nothing.
  std::optional<int64_t> copies;
  bool isPoison = false;
};

/// A module at its place in the model.
struct Instance {
  const ast::Module *module = nullptr;
  const Library *library = nullptr;
  const ast::SubmoduleMember *construction = nullptr; ///< null for the model
  std::string path;
  mlir::StringAttr pathName; ///< the path for locations; null for the model
  llvm::SmallVector<int64_t, 2> copies;
  llvm::StringMap<Meaning> arguments;
  llvm::MapVector<llvm::StringRef, Member> members; ///< in the order of their declaration
  bool isPoison = false;    ///< the shape of a tensor, or an argument, was wrong
  unsigned randomCount = 0; ///< calls of `random` so far in this entry
};

/// A size that a name of a shape stands for, and where it was bound.
struct BoundSize {
  Number size;
  SourceRange where;
};

/// A function being elaborated: the names that its text sees.
struct Frame {
  const Library *library = nullptr;
  const ast::Function *function = nullptr; ///< null in config, module arguments and the like
  Instance *instance = nullptr; ///< the module whose members are seen; null in a file's defs
  Instance *place = nullptr;    ///< the module whose forward this is, or that called the def
  const Frame *caller = nullptr;
  SourceRange callRange;                      ///< of the call, in the caller's text
  std::optional<mlir::Location> callLocation; ///< of the call, with its own callers
  llvm::StringRef name;                       ///< of the function, for messages
  bool isElementwise = false;

  /// False where everything is a number: in config, constructions and elementwise functions.
  bool takesTensors() const { return function && !isElementwise; }

  llvm::StringMap<Meaning> names;
  llvm::StringMap<BoundSize> sizes;
  llvm::StringMap<const ast::Type *> types; ///< the types that inputs were declared with
  std::optional<Dims> leading;              ///< what `...` stands for
};

} // namespace gptc::model

#endif // GPTC_LIB_MODEL_MEANING_H
