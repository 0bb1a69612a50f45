// Variables that passes add to a module.
#ifndef GPTC_DIALECT_GPT_VARIABLES_H
#define GPTC_DIALECT_GPT_VARIABLES_H

#include "gptc/Dialect/GPT/GPTOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"

namespace gptc::gpt {

/// Outputs have a prefix of their own, since entries and parameters may be named as they are.
inline constexpr llvm::StringLiteral outputPrefix = "output:";

/// A variable's attribute with the shape under which it is kept, where that is padded behind its
/// axes. Its type stays what the description says; reads and writes have the shape with the pads,
/// which are exactly 0.
inline constexpr llvm::StringLiteral paddedAttribute = "padded";

/// The type of a variable as it is kept: what reads give and writes take.
mlir::RankedTensorType getStoredType(VariableOp variable);

/// The variables of a module, by name. New ones go behind those that it has.
class Variables {
public:
  explicit Variables(mlir::ModuleOp module);

  /// The variable of that name, null if there is none.
  VariableOp lookUp(llvm::StringRef name) const {
    return llvm::dyn_cast_or_null<VariableOp>(symbols.lookup(name));
  }
  /// All variables of a kind, in the order of the module.
  llvm::SmallVector<VariableOp> getAll(VariableKind kind);

  /// Declares a variable. One that is there with the same kind and type is returned; if the name is
  /// taken by another, an error is emitted.
  mlir::FailureOr<VariableOp> declare(mlir::Location loc, const llvm::Twine &name,
                                      VariableKind kind, mlir::Type type);
  /// The same for one that belongs to `owner`, such as its gradient, and is named `prefix` and its
  /// name.
  mlir::FailureOr<VariableOp> declareFor(VariableOp owner, llvm::StringRef prefix,
                                         VariableKind kind, mlir::Type type);

private:
  mlir::ModuleOp module;
  /// All symbols of the module, and its last variable.
  llvm::StringMap<mlir::Operation *> symbols;
  mlir::Operation *last = nullptr;
};

/// Emits a read of a variable.
mlir::Value createRead(mlir::OpBuilder &builder, mlir::Location loc, VariableOp variable);
/// Emits a write of a variable.
WriteOp createWrite(mlir::OpBuilder &builder, mlir::Location loc, VariableOp variable,
                    mlir::Value value, bool accumulate = false);

} // namespace gptc::gpt

#endif // GPTC_DIALECT_GPT_VARIABLES_H
