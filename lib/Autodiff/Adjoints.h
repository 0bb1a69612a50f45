// The adjoints of one function while it is differentiated.
#ifndef GPTC_LIB_AUTODIFF_ADJOINTS_H
#define GPTC_LIB_AUTODIFF_ADJOINTS_H

#include "gptc/Dialect/GPT/Variables.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/MapVector.h"

namespace gptc {

/// Collects adjoints. The contributions to a value's adjoint are added up when it is asked for;
/// those to a parameter go to its gradient variable as they come, so that they need not be kept:
/// the first write replaces, later ones accumulate.
class Adjoints : public gpt::Gradients {
public:
  Adjoints(mlir::OpBuilder &builder, const gpt::Variables &variables)
      : builder(builder), variables(variables) {}

  /// Finds what depends on parameters in `block`.
  void findActive(mlir::Block &block);
  /// The parameter through which a value is active, null if it is not.
  gpt::VariableOp getSource(mlir::Value value) const { return active.lookup(value); }
  /// Whether something was written to the gradient of a parameter.
  bool isWritten(gpt::VariableOp parameter) const { return written.contains(parameter); }
  /// Whether a result of `op` has an adjoint.
  bool reaches(mlir::Operation *op) const;

  mlir::Value of(mlir::Value result) override;
  bool needs(mlir::Value operand) override { return active.contains(operand); }
  void add(mlir::Value operand, mlir::Value adjoint) override;

private:
  mlir::OpBuilder &builder;
  const gpt::Variables &variables;
  llvm::DenseMap<mlir::Value, gpt::VariableOp> active;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<mlir::Value, 2>> contributions;
  llvm::DenseSet<mlir::Operation *> written;
};

} // namespace gptc

#endif // GPTC_LIB_AUTODIFF_ADJOINTS_H
