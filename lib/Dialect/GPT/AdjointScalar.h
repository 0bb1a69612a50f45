// Derivatives of scalar operations: what a rule sees, and the table of rules.
#ifndef GPTC_LIB_DIALECT_GPT_ADJOINTSCALAR_H
#define GPTC_LIB_DIALECT_GPT_ADJOINTSCALAR_H

#include "gptc/Dialect/GPT/Scalar.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

namespace gptc::gpt {

/// Reverse mode over the region of a map. Everything is emitted at the builder's insertion point,
/// the end of the block that will be the adjoint map's region; `primal` holds the forward scalars
/// that this block gets as arguments, others are recomputed from them.
class ScalarAdjoints {
public:
  ScalarAdjoints(mlir::OpBuilder &builder, llvm::DenseMap<mlir::Value, mlir::Value> primal)
      : builder(builder), primal(std::move(primal)) {}

  /// Marks a real forward scalar as one whose adjoint is wanted, and what depends on it.
  void activate(mlir::Value argument) { active.insert(argument); }
  void propagateActivity(mlir::Block &block);
  bool isActive(mlir::Value scalar) const { return active.contains(scalar); }

  /// Adds to the adjoint of a forward scalar, if it is active.
  void add(mlir::Value scalar, mlir::Value adjoint);
  /// The adjoint of a forward scalar so far; null where it is zero.
  mlir::Value of(mlir::Value scalar) const { return adjoints.lookup(scalar); }
  /// Applies the rules of a forward block, last operation first.
  void run(mlir::Block &block);

  /// The value of a forward scalar here, recomputed if it is not at hand.
  mlir::Value getPrimal(mlir::Value scalar);
  bool isAtHand(mlir::Value scalar) const { return primal.contains(scalar); }

private:
  friend class ScalarRule;
  mlir::OpBuilder &builder;
  llvm::DenseMap<mlir::Value, mlir::Value> primal, adjoints;
  llvm::DenseSet<mlir::Value> active;
};

/// One operation y = f(x₀, x₁, …) seen by its rule, which hands each operand its adjoint. A rule
/// may compute what turns out to be unwanted: what is not used is erased afterwards.
class ScalarRule {
public:
  ScalarRule(ScalarAdjoints &all, mlir::Operation *op) : op(op), all(all) {}

  mlir::Operation *const op;
  /// The adjoint of y.
  Scalar dy() { return wrap(all.of(op->getResult(0))); }
  /// The forward operand xᵢ, the forward result y.
  Scalar x(unsigned i = 0) { return wrap(all.getPrimal(op->getOperand(i))); }
  Scalar y() { return wrap(all.getPrimal(op->getResult(0))); }
  /// Whether y need not be recomputed.
  bool hasResult() const { return all.isAtHand(op->getResult(0)); }
  bool isActive(unsigned i) const { return all.isActive(op->getOperand(i)); }
  /// The number that operand i is, if it is a constant.
  std::optional<double> getConstant(unsigned i) const;

  void add(unsigned i, Scalar adjoint) { all.add(op->getOperand(i), adjoint.value()); }
  void addTo(mlir::Value scalar, Scalar adjoint) { all.add(scalar, adjoint.value()); }

private:
  Scalar wrap(mlir::Value value) { return {all.builder, op->getLoc(), value}; }
  ScalarAdjoints &all;
};

/// Whether the result's derivative is zero wherever it exists (floor, round, …).
bool isPiecewiseConstant(mlir::Operation *op);

using ScalarRuleFunction = void (*)(ScalarRule &);
/// The rule of an operation, null if there is none.
ScalarRuleFunction getScalarRule(mlir::Operation *op);

} // namespace gptc::gpt

#endif // GPTC_LIB_DIALECT_GPT_ADJOINTSCALAR_H
