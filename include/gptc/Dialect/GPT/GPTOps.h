// The gpt dialect: its attributes, interfaces and operations.
#ifndef GPTC_DIALECT_GPT_GPTOPS_H
#define GPTC_DIALECT_GPT_GPTOPS_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "gptc/Dialect/GPT/GPTEnums.h.inc"

#include "gptc/Dialect/GPT/GPTDialect.h.inc"

#define GET_ATTRDEF_CLASSES
#include "gptc/Dialect/GPT/GPTAttributes.h.inc"

namespace gptc::gpt {

/// What an operation sees of differentiation while it emits its adjoint.
class Gradients {
public:
  virtual ~Gradients() = default;
  /// The adjoint of a result; null where it is zero.
  virtual mlir::Value of(mlir::Value result) = 0;
  /// Whether an adjoint of this operand leads to a parameter.
  virtual bool needs(mlir::Value operand) = 0;
  /// Adds to the adjoint of an operand; `adjoint` has the operand's type.
  virtual void add(mlir::Value operand, mlir::Value adjoint) = 0;
};

/// The name prefixes of variables that the compiler adds.
inline constexpr llvm::StringLiteral gradientPrefix = "gradient:";
inline constexpr llvm::StringLiteral firstMomentPrefix = "moment1:";
inline constexpr llvm::StringLiteral secondMomentPrefix = "moment2:";
inline constexpr llvm::StringLiteral stepPrefix = "step:";
inline constexpr llvm::StringLiteral orderPrefix = "order:";

/// Whether `from` stretches to `to`: aligned at the last axes, each size equal, 1, or missing in front.
bool isBroadcastable(llvm::ArrayRef<int64_t> from, llvm::ArrayRef<int64_t> to);

} // namespace gptc::gpt

#include "gptc/Dialect/GPT/GPTInterfaces.h.inc"

#define GET_OP_CLASSES
#include "gptc/Dialect/GPT/GPTOps.h.inc"

#endif // GPTC_DIALECT_GPT_GPTOPS_H
