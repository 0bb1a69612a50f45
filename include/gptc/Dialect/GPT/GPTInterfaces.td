//===- GPTInterfaces.td - What passes ask of operations -------------------===//

#ifndef GPTC_DIALECT_GPT_GPTINTERFACES_TD
#define GPTC_DIALECT_GPT_GPTINTERFACES_TD

include "mlir/IR/OpBase.td"

def DifferentiableOpInterface : OpInterface<"DifferentiableOpInterface"> {
  let cppNamespace = "::gptc::gpt";
  let description = [{
    An operation that reverse-mode differentiation passes through. The pass visits operations in reverse
    order; one that has an adjoint for some result, and an operand that leads to a parameter, is asked to
    emit the adjoints of its operands. Operands and results of the forward operation may be used: whatever
    is used becomes a saved value.
  }];
  let methods = [
    InterfaceMethod<[{
      Emits, at the builder's insertion point, the adjoints of the operands, and gives each to
      `gradients.add(operand, adjoint)`. `gradients.of(result)` is the adjoint of a result, null where it
      is known to be zero; `gradients.needs(operand)` says whether an adjoint is wanted. Adjoints have the
      type of their primal value.
    }], "void", "buildAdjoint", (ins "::mlir::OpBuilder &":$builder, "::gptc::gpt::Gradients &":$gradients)>,
  ];
}

def DecomposableOpInterface : OpInterface<"DecomposableOpInterface"> {
  let cppNamespace = "::gptc::gpt";
  let description = [{
    A named operation that is a composition of `gpt.map`, `gpt.reduce`, `gpt.matmul` and rearrangements.
    Decomposing keeps the meaning; it is how a named operation reaches a kernel that has no schedule of its own.
  }];
  let methods = [
    InterfaceMethod<[{
      Emits the composition before the operation and returns the replacement of each result.
    }], "::llvm::SmallVector<::mlir::Value>", "decompose", (ins "::mlir::OpBuilder &":$builder)>,
    InterfaceMethod<[{
      Whether a kernel runs the operation as it is, so that it is decomposed only where it is named.
    }], "bool", "hasKernel", (ins), [{}], [{ return false; }]>,
  ];
}

#endif // GPTC_DIALECT_GPT_GPTINTERFACES_TD
