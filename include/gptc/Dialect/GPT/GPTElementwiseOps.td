//===- GPTElementwiseOps.td - Elementwise operations and generators -------===//

#ifndef GPTC_DIALECT_GPT_GPTELEMENTWISEOPS_TD
#define GPTC_DIALECT_GPT_GPTELEMENTWISEOPS_TD

include "gptc/Dialect/GPT/GPTBase.td"

def GPT_YieldOp : GPT_Op<"yield", [Pure, Terminator, ReturnLike]> {
  let summary = "Hand values to the enclosing operation";
  let description = [{
    ```mlir
    gpt.yield %sum, %product : f32, f32
    ```
  }];
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
  let builders = [OpBuilder<(ins), [{ build($_builder, $_state, ::mlir::ValueRange()); }]>];
}

def GPT_MapOp : GPT_Op<"map", [Pure, IsolatedFromAbove, SingleBlock, SameVariadicResultSize, Differentiable]> {
  let summary = "Compute each element from the operands' elements";
  let description = [{
    The region computes scalars from scalars, with `arith` and `math` operations. Operands line up with the
    results at their last axes; an axis of size 1, or one that is missing in front, is stretched:
    `result[i] = region(operands[broadcast(i)])`. All results have one shape.

    ```mlir
    %y = gpt.map(%x, %bias) : (tensor<4x64x3072xf32>, tensor<3072xf32>) -> tensor<4x64x3072xf32> {
    ^bb0(%a: f32, %b: f32):
      %0 = arith.addf %a, %b : f32
      %1 = math.tanh %0 : f32
      gpt.yield %1 : f32
    }
    ```
    Constraints:
    - (M1) the results have one shape;
    - (M2) each operand's shape broadcasts to it;
    - (M3) region arguments are the operands' element types, in order;
    - (M4) the yielded values have the results' element types;
    - (M5) the region holds `arith` and `math` operations only.
  }];
  let arguments = (ins Variadic<GPT_Tensor>:$operands);
  let results = (outs Variadic<GPT_Tensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    `(` $operands `)` attr-dict `:` functional-type($operands, $results) $body
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The shape that all results share.
    ::llvm::ArrayRef<int64_t> getShape() {
      return ::mlir::cast<::mlir::RankedTensorType>(getResult(0).getType()).getShape();
    }
    ::mlir::Block *getBlock() { return &getBody().front(); }
    YieldOp getYield();
    using BodyBuilder = ::llvm::function_ref<::llvm::SmallVector<::mlir::Value>(
        ::mlir::OpBuilder &, ::mlir::Location, ::mlir::ValueRange)>;
  }];
  let builders = [
    /// Builds the region by calling `body` with the scalar arguments; results have `shape` and the types it returns.
    OpBuilder<(ins "::llvm::ArrayRef<int64_t>":$shape, "::mlir::ValueRange":$operands,
      "::llvm::function_ref<::llvm::SmallVector<::mlir::Value>(::mlir::OpBuilder &, ::mlir::Location, ::mlir::ValueRange)>":$body)>];
}

def GPT_IotaOp : GPT_Op<"iota", [Pure]> {
  let summary = "0, 1, … n − 1";
  let description = [{
    ```mlir
    %positions = gpt.iota : tensor<64xi32>
    ```
    (I1) The result has one axis.
  }];
  let results = (outs GPT_IntTensor:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def GPT_RandomOp : GPT_Op<"random", [Pure, Differentiable]> {
  let summary = "Uniform numbers in [0, 1) by a counter";
  let description = [{
    Element `i` is a function (Philox4x32-10) of `key` (seed, step, micro-batch, rank, as four 32-bit words), of `stream`, a path in the
    model, and of `i` alone, so it is the same on every device, under every fusion, and when recomputed.
    Word 0 of the generator's output for counter (i, hash(stream) low, hash(stream) high, key[3]) under key
    (key[0] xor key[2]·0x9E3779B9, key[1]), its 24 upper bits divided by 2²⁴; the hash is 64-bit FNV-1a. Under
    `gpt.repeat` the index of the copy stands in place of the first `*` in `stream`, as in a variable's name.

    ```mlir
    %u = gpt.random %key stream "transformer.h.*.mlp" : tensor<4xi32> -> tensor<4x64x768xf32>
    ```
    (N1) `key` is `tensor<4xi32>`.
  }];
  let arguments = (ins GPT_IntTensor:$key, StrAttr:$stream);
  let results = (outs GPT_RealTensor:$result);
  let assemblyFormat = "$key `stream` $stream attr-dict `:` type($key) `->` type($result)";
  let hasVerifier = 1;
}

def GPT_DetachOp : GPT_Op<"detach", [Pure, Differentiable, SameOperandsAndResultType]> {
  let summary = "The same value, without a gradient";
  let description = [{
    ```mlir
    %y = gpt.detach %x : tensor<4x64xf32>
    ```
  }];
  let arguments = (ins GPT_RealTensor:$input);
  let results = (outs GPT_RealTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
}

#endif // GPTC_DIALECT_GPT_GPTELEMENTWISEOPS_TD
