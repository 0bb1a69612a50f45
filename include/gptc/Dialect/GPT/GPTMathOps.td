//===- GPTMathOps.td - Reductions, matmuls, gathers -----------------------===//

#ifndef GPTC_DIALECT_GPT_GPTMATHOPS_TD
#define GPTC_DIALECT_GPT_GPTMATHOPS_TD

include "gptc/Dialect/GPT/GPTBase.td"

def GPT_ReduceOp : GPT_ValueOp<"reduce", [Differentiable]> {
  let summary = "Combine the elements along axes";
  let description = [{
    The reduced axes are gone from the result. Along an axis of size 0 `sum` is 0, `max` −∞, `min` ∞. NaN among
    the elements makes NaN. The gradient of `max` and `min` goes to the elements that equal the result, in
    equal parts.

    ```mlir
    %s = gpt.reduce sum %x [0, 1] : tensor<4x64x768xf32> -> tensor<768xf32>
    ```
    (E1) `axes` are distinct axes of the input, ascending.
  }];
  let arguments = (ins GPT_ReduceKindAttr:$kind, GPT_RealTensor:$input, DenseI64ArrayAttr:$axes);
  let results = (outs GPT_RealTensor:$result);
  let assemblyFormat = "`` $kind $input $axes attr-dict `:` type($input) `->` type($result)";
}

def GPT_MatmulOp : GPT_Op<"matmul", [Pure, InferTypeOpAdaptorWithIsCompatible, Differentiable]> {
  let summary = "Matrix product of the last two axes";
  let description = [{
    `result[…, m, n] = Σₖ lhs[…, m, k] · rhs[…, k, n]`, where `transpose_lhs` reads `lhs[…, k, m]` and
    `transpose_rhs` reads `rhs[…, n, k]`. Leading axes agree, or `rhs` has two axes and serves them all.

    Products are added up in float32, whatever the operands' type, and rounded to the result's once. With `tf32` float32
    operands are rounded to TensorFloat-32 first, which has float32's exponents and 10 bits of fraction.

    ```mlir
    %y = gpt.matmul %x, %w : tensor<4x64x768xf32>, tensor<768x3072xf32> -> tensor<4x64x3072xf32>
    %z = gpt.matmul %x, %e transpose_rhs : tensor<4x64x768xf32>, tensor<50257x768xf32> -> tensor<4x64x50257xf32>
    %g = gpt.matmul %x, %d transpose_lhs : tensor<256x768xbf16>, tensor<256x3072xbf16> -> tensor<768x3072xf32>
    ```
    Constraints:
    - (X1) both operands have two axes or more;
    - (X2) leading axes agree, or `rhs` has two axes and, if `lhs` has more, `lhs` is not transposed;
    - (X3) the sizes of `k` agree;
    - (X4) the operands have one element type, and so has the result, or it is float32;
    - (X5) `tf32` is for float32 operands.
  }];
  let arguments = (ins GPT_RealTensor:$lhs, GPT_RealTensor:$rhs, UnitAttr:$transpose_lhs, UnitAttr:$transpose_rhs, UnitAttr:$tf32);
  let results = (outs GPT_RealTensor:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs (`transpose_lhs` $transpose_lhs^)? (`transpose_rhs` $transpose_rhs^)? (`tf32` $tf32^)? attr-dict
    `:` type($lhs) `,` type($rhs) `->` type($result)
  }];
  let hasVerifier = 1;
}

def GPT_EmbeddingOp : GPT_ValueOp<"embedding", [Differentiable]> {
  let summary = "Rows of a table by index";
  let description = [{
    `result[…, c] = table[indices[…], c]`. Indices lie within the table: the runtime checks its data.

    ```mlir
    %x = gpt.embedding %tokens, %wte : tensor<4x64xi32>, tensor<50257x768xf32> -> tensor<4x64x768xf32>
    ```
    (B1) The table has two axes.
  }];
  let arguments = (ins GPT_IntTensor:$indices, GPT_RealTensor:$table);
  let results = (outs GPT_RealTensor:$result);
  let assemblyFormat = "$indices `,` $table attr-dict `:` type($indices) `,` type($table) `->` type($result)";
}

def GPT_ArgsortOp : GPT_Op<"argsort", [Pure]> {
  let summary = "The stable permutation that sorts all elements";
  let description = [{
    `indices` flattened in row-major order; `indices[result[i]] ≤ indices[result[i + 1]]`, equal ones in their order.

    ```mlir
    %order = gpt.argsort %tokens : tensor<4x64xi32> -> tensor<256xi32>
    ```
    (O1) The result has one axis and as many elements as the input.
  }];
  let arguments = (ins GPT_IntTensor:$indices);
  let results = (outs GPT_IntTensor:$result);
  let assemblyFormat = "$indices attr-dict `:` type($indices) `->` type($result)";
  let hasVerifier = 1;
}

def GPT_EmbeddingGradOp : GPT_Op<"embedding_grad", [Pure]> {
  let summary = "The adjoint of an embedding's table: rows summed by index";
  let description = [{
    `result[v, c] = Σ over n with indices[n] = v of adjoint[n, c]`, the terms added in the order of `order`,
    the sorted permutation of the indices: the same bits every time, without atomics.

    ```mlir
    %dt = gpt.embedding_grad %tokens, %order, %dx : tensor<4x64xi32>, tensor<256xi32>, tensor<4x64x768xf32> -> tensor<50257x768xf32>
    ```
    (G1) `adjoint` has the shape of `indices` and one more axis, the result's second. (G2) `order` has one axis and as many elements as `indices`.
  }];
  let arguments = (ins GPT_IntTensor:$indices, GPT_IntTensor:$order, GPT_RealTensor:$adjoint);
  let results = (outs GPT_RealTensor:$result);
  let assemblyFormat = [{
    $indices `,` $order `,` $adjoint attr-dict `:` type($indices) `,` type($order) `,` type($adjoint) `->` type($result)
  }];
  let hasVerifier = 1;
}

def GPT_PickOp : GPT_ValueOp<"pick", [Differentiable, Decomposable]> {
  let summary = "One element of each row, by index";
  let description = [{
    `result[…] = input[…, indices[…]]`, 0 where the index is outside the row.

    ```mlir
    %y = gpt.pick %logp, %targets : tensor<4x64x27xf32>, tensor<4x64xi32> -> tensor<4x64xf32>
    ```
    (K1) `indices` has the input's shape without its last axis.
  }];
  let arguments = (ins GPT_RealTensor:$input, GPT_IntTensor:$indices);
  let results = (outs GPT_RealTensor:$result);
  let assemblyFormat = "$input `,` $indices attr-dict `:` type($input) `,` type($indices) `->` type($result)";
}

#endif // GPTC_DIALECT_GPT_GPTMATHOPS_TD
