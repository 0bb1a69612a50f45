//===- GPTDialect.td - The gpt dialect: tensors and named operations ------===//

#ifndef GPTC_DIALECT_GPT_GPTDIALECT_TD
#define GPTC_DIALECT_GPT_GPTDIALECT_TD

include "mlir/IR/OpBase.td"

def GPT_Dialect : Dialect {
  let name = "gpt";
  let cppNamespace = "::gptc::gpt";
  let summary = "Named tensor operations for training transformers";
  let description = [{
    The `gpt` dialect is the tensor-level language of the compiler: what a model computes, with names that
    people who train models use, on values with static shapes. It holds

    - *variables*: every tensor that outlives one run of an entry (parameters, optimizer moments, gradients,
      inputs, outputs, the scalars of a step), declared with `gpt.variable`, read with `gpt.read`, written
      with `gpt.write`;
    - *tensor operations*: `gpt.map`, an elementwise operation with a scalar region of `arith` and `math`
      operations; reductions, matmuls, rearrangements, gathers; and named ones (`gpt.layer_norm`,
      `gpt.softmax`, `gpt.attention`, `gpt.cross_entropy`, …) that decompose into the former;
    - *structure*: `gpt.repeat`, copies of a block, and `gpt.fused`, the unit that becomes one kernel.

    **Entries** are functions without arguments. At the *graph* stage there are `@train`, which returns the
    loss, `@evaluate`, which returns the loss and what it can of its terms, and `@logits`, which returns what
    `forward` returns; they read their inputs from variables.

    **Reads and writes.** In an entry every `gpt.read` of a variable sees the value from before the entry
    ran, wherever it stands, except where the same entry accumulates: writes take effect in order.
  }];
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
  let extraClassDeclaration = [{
    void registerAttributes();
  }];
}

#endif // GPTC_DIALECT_GPT_GPTDIALECT_TD
