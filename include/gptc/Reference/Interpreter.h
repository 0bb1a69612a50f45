// The reference interpreter: what the operations of the gpt dialect mean, executable.
//
// It evaluates an entry at any tensor-level stage (graph, forward, training, optimized), with plain
// loops and no cleverness that could hide an error. In float64 it is what every other way of
// computing the same thing is compared with; in float32 it shows how much of a difference is
// rounding.
#ifndef GPTC_REFERENCE_INTERPRETER_H
#define GPTC_REFERENCE_INTERPRETER_H

#include "gptc/Reference/Tensor.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"

#include <functional>
#include <optional>

namespace gptc::reference {

/// What scalar arithmetic is done in. `float64` is double throughout, whatever the types say. In
/// `float32` each operation is computed in float, and its result rounded further where its type is
/// narrower.
enum class Precision { float64, float32 };

/// The variables by name, without the pads of those that are kept padded. A name with `*` never
/// stands here: under gpt.repeat each copy has its own.
using Environment = llvm::StringMap<Tensor>;

using Tensors = llvm::SmallVector<Tensor, 2>;

struct Options {
  Precision precision = Precision::float64;
  /// Asked for operations that the interpreter does not know: gives their results, or none if it
  /// does not know them either. Test dialects come in here.
  std::function<std::optional<llvm::Expected<Tensors>>(mlir::Operation *, llvm::ArrayRef<Tensor>)>
      fallback;
  /// Told of each operation that ran, with its operands and results, in order; under gpt.repeat for
  /// every copy.
  std::function<void(mlir::Operation *, llvm::ArrayRef<Tensor>, llvm::ArrayRef<Tensor>)> observe =
      {};
};

/// Runs `function` and returns what it returns.
///
/// Each gpt.read gives the value that the variable had before the run; writes take effect in
/// `environment` in order, and stay there also when an operation after them fails. Errors begin
/// with the location of the operation: a variable that is missing or has another shape, a write to
/// a padded variable whose pads are not 0, an index outside of a table, an operation that is not of
/// this level. Valid IR never crashes it.
llvm::Expected<Tensors> evaluate(mlir::func::FuncOp function, Environment &environment,
                                 const Options &options = {},
                                 llvm::ArrayRef<Tensor> arguments = {});

/// The same for the function of this name in `module`.
llvm::Expected<Tensors> evaluate(mlir::ModuleOp module, llvm::StringRef name,
                                 Environment &environment, const Options &options = {},
                                 llvm::ArrayRef<Tensor> arguments = {});

} // namespace gptc::reference

#endif // GPTC_REFERENCE_INTERPRETER_H
