// The functions that are not written in the language: their inputs, and what builds them.
#ifndef GPTC_LIB_MODEL_BUILTINS_H
#define GPTC_LIB_MODEL_BUILTINS_H

#include "Graph.h"

#include "gptc/Model/AST.h"

#include <string>
#include <vector>

namespace gptc::model {

class BuiltinCall;
class Meaning;

/// What an input of a built-in function takes.
enum class Takes : uint8_t {
  Real,        ///< a tensor; indices become real numbers
  Any,         ///< a tensor of either kind
  Indices,     ///< a tensor of indices
  RealOrNone,  ///< a tensor of real numbers or `none`
  Known,       ///< a number known at compile time
  KnownOrNone, ///< the same or `none`
  Reductions,  ///< a pattern that may reduce
  Pattern,     ///< a pattern
  Sizes,       ///< a number of pieces or a list of their sizes
  Parameters,  ///< `parameters`, a module or a parameter
};

struct BuiltinInput {
  const char *name;
  Takes takes;
  bool isOptional = false;
};

struct Builtin {
  const char *name;
  std::vector<BuiltinInput> inputs;
  Meaning (*build)(BuiltinCall &) = nullptr;
  /// Set for elementwise functions, which have no `build`.
  std::optional<Scalar> scalar = std::nullopt;
  /// The last input may be given any number of times, from one on; einsum's shapes stand apart.
  bool isVariadic = false;
};

/// The function of this name, or null. `min` and `max` of two values are elementwise, of one
/// tensor, with or without a pattern, reductions: `arguments` decides. It may be null to ask for
/// the name only.
const Builtin *findBuiltin(llvm::StringRef name,
                           const std::vector<ast::Argument> *arguments = nullptr);
std::vector<std::string> builtinNames();

/// Whether the arguments of a variadic function are of the kinds, and as many, as it takes.
bool isWellFormed(const Builtin &builtin, const ast::CallExpr &call);

/// A number of the language's fixed names: true, false, inf, pi.
std::optional<double> fixedNumber(llvm::StringRef name);

} // namespace gptc::model

#endif // GPTC_LIB_MODEL_BUILTINS_H
