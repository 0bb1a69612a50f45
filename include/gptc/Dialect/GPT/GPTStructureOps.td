//===- GPTStructureOps.td - Copies of blocks, and fused kernels -----------===//

#ifndef GPTC_DIALECT_GPT_GPTSTRUCTUREOPS_TD
#define GPTC_DIALECT_GPT_GPTSTRUCTUREOPS_TD

include "gptc/Dialect/GPT/GPTBase.td"

def GPT_RepeatOp : GPT_Op<"repeat", [SingleBlock, RecursiveMemoryEffects]> {
  let summary = "Run copies of a block one after another";
  let description = [{
    The region runs `count` times; its arguments are the values carried from copy to copy, its yielded
    values the next ones. Copy i reads and writes the variables whose names have i in place of their first
    `*`. Values from above may be used.

    ```mlir
    %y = gpt.repeat 12 iter(%x) : (tensor<4x64x768xf32>) -> tensor<4x64x768xf32> {
    ^bb0(%a: tensor<4x64x768xf32>):
      %w = gpt.read @"h.*.weight" : tensor<768xf32>
      ...
      gpt.yield %b : tensor<4x64x768xf32>
    }
    ```
    (Q1) Arguments, yielded values and results have the types of the operands. (Q2) `count` is at least 0.
  }];
  let arguments = (ins I64Attr:$count, Variadic<GPT_Tensor>:$inits);
  let results = (outs Variadic<GPT_Tensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$count `iter` `(` $inits `)` attr-dict `:` functional-type($inits, $results) $body";
  let hasVerifier = 1;
}

def GPT_FusedOp : GPT_Op<"fused", [Pure, IsolatedFromAbove, SingleBlock]> {
  let summary = "Operations that become one kernel";
  let description = [{
    The region computes the results from the operands with tensor operations: `gpt.map`, `gpt.reduce`,
    `gpt.iota`, `gpt.embedding`, `gpt.embedding_grad`, rearrangements that are views; or it is one
    `gpt.flash_attention` or `gpt.flash_attention_grad`. A `gpt.matmul` at the beginning is a product that the
    library computes, and the rest its epilogue. Which schedule runs it is found by analysis.

    ```mlir
    %p = gpt.fused(%x) : (tensor<4x8xf32>) -> tensor<4x8xf32> {
    ^bb0(%a: tensor<4x8xf32>):
      ...
      gpt.yield %r : tensor<4x8xf32>
    }
    ```
    (U1) Region arguments have the operands' types, yielded values the results'.
  }];
  let arguments = (ins Variadic<GPT_Tensor>:$operands);
  let results = (outs Variadic<GPT_Tensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "`(` $operands `)` attr-dict `:` functional-type($operands, $results) $body";
  let hasVerifier = 1;
}

#endif // GPTC_DIALECT_GPT_GPTSTRUCTUREOPS_TD
