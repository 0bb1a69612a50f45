//===- GPTShapeOps.td - Operations that move values without computing -----===//

#ifndef GPTC_DIALECT_GPT_GPTSHAPEOPS_TD
#define GPTC_DIALECT_GPT_GPTSHAPEOPS_TD

include "gptc/Dialect/GPT/GPTBase.td"

def GPT_ReshapeOp : GPT_Op<"reshape", [Pure, Differentiable]> {
  let summary = "The same elements in row-major order under another shape";
  let description = [{
    ```mlir
    %y = gpt.reshape %x : tensor<4x64x768xf32> -> tensor<4x64x12x64xf32>
    ```
    (S1) Element type and number of elements stay.
  }];
  let arguments = (ins GPT_Tensor:$input);
  let results = (outs GPT_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def GPT_TransposeOp : GPT_ValueOp<"transpose", [Differentiable]> {
  let summary = "Permute the axes";
  let description = [{
    Axis `i` of the result is axis `permutation[i]` of the input.

    ```mlir
    %y = gpt.transpose %x [0, 2, 1, 3] : tensor<4x64x12x64xf32> -> tensor<4x12x64x64xf32>
    ```
    (T1) `permutation` is a permutation of the input's axes.
  }];
  let arguments = (ins GPT_Tensor:$input, DenseI64ArrayAttr:$permutation);
  let results = (outs GPT_Tensor:$result);
  let assemblyFormat = "$input $permutation attr-dict `:` type($input) `->` type($result)";
  let hasFolder = 1;
}

def GPT_SplitOp : GPT_Op<"split", [Pure, Differentiable]> {
  let summary = "Cut a tensor into pieces along an axis";
  let description = [{
    The pieces are the results, in order; their sizes along `axis` add up to the input's.

    ```mlir
    %q, %k, %v = gpt.split %qkv axis 2 : tensor<4x64x2304xf32> -> tensor<4x64x768xf32>, tensor<4x64x768xf32>, tensor<4x64x768xf32>
    ```
    (P1) The results' sizes along `axis` add up to the input's; other axes agree.
  }];
  let arguments = (ins GPT_Tensor:$input, I64Attr:$axis);
  let results = (outs Variadic<GPT_Tensor>:$results);
  let assemblyFormat = "$input `axis` $axis attr-dict `:` type($input) `->` type($results)";
  let hasVerifier = 1;
}

def GPT_ConcatOp : GPT_ValueOp<"concat", [Differentiable]> {
  let summary = "Join tensors along an axis";
  let description = [{
    ```mlir
    %y = gpt.concat %a, %b axis 1 : tensor<2x3xf32>, tensor<2x5xf32> -> tensor<2x8xf32>
    ```
    (C1) Element types and the other axes agree.
  }];
  let arguments = (ins Variadic<GPT_Tensor>:$inputs, I64Attr:$axis);
  let results = (outs GPT_Tensor:$result);
  let assemblyFormat = "$inputs `axis` $axis attr-dict `:` type($inputs) `->` type($result)";
}

def GPT_SliceOp : GPT_ValueOp<"slice", [Differentiable]> {
  let summary = "A contiguous part of a tensor";
  let description = [{
    `result[i] = input[offsets + i]` for `0 ≤ i < sizes`.

    ```mlir
    %y = gpt.slice %x [0, 2] [8, 1] : tensor<8x3xi32> -> tensor<8x1xi32>
    ```
    (L1) The part lies within the input.
  }];
  let arguments = (ins GPT_Tensor:$input, DenseI64ArrayAttr:$offsets, DenseI64ArrayAttr:$sizes);
  let results = (outs GPT_Tensor:$result);
  let assemblyFormat = "$input $offsets $sizes attr-dict `:` type($input) `->` type($result)";
  let hasFolder = 1;
}

def GPT_PadOp : GPT_ValueOp<"pad", [Differentiable]> {
  let summary = "Put zeros around a tensor";
  let description = [{
    `low[i]` zeros in front of axis `i` and `high[i]` behind it.

    ```mlir
    %y = gpt.pad %x [0, 1] [0, 0] : tensor<8x3xf32> -> tensor<8x4xf32>
    ```
    (D1) `low` and `high` are not negative, one entry an axis.
  }];
  let arguments = (ins GPT_Tensor:$input, DenseI64ArrayAttr:$low, DenseI64ArrayAttr:$high);
  let results = (outs GPT_Tensor:$result);
  let assemblyFormat = "$input $low $high attr-dict `:` type($input) `->` type($result)";
}

#endif // GPTC_DIALECT_GPT_GPTSHAPEOPS_TD
