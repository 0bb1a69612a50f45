//===- GPTNeuralOps.td - The named operations of neural networks ----------===//

#ifndef GPTC_DIALECT_GPT_GPTNEURALOPS_TD
#define GPTC_DIALECT_GPT_GPTNEURALOPS_TD

include "gptc/Dialect/GPT/GPTBase.td"

def GPT_SoftmaxOp : GPT_Op<"softmax", [Pure, Differentiable, Decomposable, SameOperandsAndResultType]> {
  let summary = "exp(x) / Σ exp(x) over the last axis";
  let description = [{
    The row's maximum is subtracted first. A row that is −inf everywhere gives NaN, as in other frameworks.

    ```mlir
    %p = gpt.softmax %scores : tensor<4x12x64x64xf32>
    ```
    (Z1) The input has an axis.
  }];
  let arguments = (ins GPT_RealTensor:$input);
  let results = (outs GPT_RealTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
  let hasVerifier = 1;
}

def GPT_LogsumexpOp : GPT_ValueOp<"logsumexp", [Differentiable, Decomposable]> {
  let summary = "log Σ exp(x) over the last axis";
  let description = [{
    The row's maximum is subtracted first where it is finite: a row that is −∞ everywhere gives −∞, one that
    holds ∞ gives ∞.

    ```mlir
    %l = gpt.logsumexp %x : tensor<4x27xf32> -> tensor<4xf32>
    ```
    (Z2) The input has an axis.
  }];
  let arguments = (ins GPT_RealTensor:$input);
  let results = (outs GPT_RealTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
}

def GPT_LayerNormOp : GPT_ValueOp<"layer_norm", [Differentiable, Decomposable, AttrSizedOperandSegments]> {
  let summary = "(x − μ) / √(σ² + ε) · weight + bias over the last axis";
  let description = [{
    μ and σ² are the row's mean and (biased) variance (Ba, Kiros, Hinton 2016). The results are the
    normalised tensor, the mean, and the reciprocal standard deviation `1 / √(σ² + ε)`. ε is rounded to the
    input's element type.

    ```mlir
    %y, %mean, %rstd = gpt.layer_norm %x weight %w : tensor<768xf32> bias %b : tensor<768xf32> epsilon 1.0e-5
        : tensor<4x64x768xf32> -> tensor<4x64x768xf32>, tensor<4x64xf32>, tensor<4x64xf32>
    ```
    (Y1) `weight` and `bias` have the input's last axis.
  }];
  let arguments = (ins GPT_RealTensor:$input, Optional<GPT_RealTensor>:$weight, Optional<GPT_RealTensor>:$bias,
      F64Attr:$epsilon);
  let results = (outs GPT_RealTensor:$result, GPT_RealTensor:$mean, GPT_RealTensor:$rstd);
  let assemblyFormat = [{
    $input (`weight` $weight^ `:` type($weight))? (`bias` $bias^ `:` type($bias))? `epsilon` $epsilon attr-dict
    `:` type($input) `->` type($result) `,` type($mean) `,` type($rstd)
  }];
}

def GPT_CrossEntropyOp : GPT_ValueOp<"cross_entropy", [Differentiable, Decomposable]> {
  let summary = "Mean of logsumexp(row) − row[target]";
  let description = [{
    Targets below 0 are left out of the mean and have the term 0. The results are the mean, the terms, and
    each row's log-sum-exp, which the adjoint reuses. With no target left the mean is 0 / 0, NaN. Targets lie
    below the row's length: the runtime checks its data.

    ```mlir
    %loss, %terms, %lse = gpt.cross_entropy %logits, %targets : tensor<4x64x50257xf32>, tensor<4x64xi32> -> tensor<f32>, tensor<4x64xf32>, tensor<4x64xf32>
    ```
    (H1) `targets` has the logits' shape without its last axis.
  }];
  let arguments = (ins GPT_RealTensor:$logits, GPT_IntTensor:$targets);
  let results = (outs GPT_RealTensor:$loss, GPT_RealTensor:$terms, GPT_RealTensor:$lse);
  let assemblyFormat = [{
    $logits `,` $targets attr-dict `:` type($logits) `,` type($targets) `->` type($loss) `,` type($terms) `,` type($lse)
  }];
}

def GPT_AttentionOp : GPT_ValueOp<"attention", [Decomposable]> {
  let summary = "softmax(scale · q kᵀ + mask) v";
  let description = [{
    `query` is [B, H, T, D], `key` [B, G, S, D], `value` [B, G, S, E]; the result [B, H, T, E]. Heads H/G·g to
    H/G·(g + 1) − 1 attend to group g (grouped-query attention, Ainslie et al. 2023). With `causal`, query t
    sees key s if s ≤ t; with `window` w, only if also s > t − w: its own position and w − 1 before it.
    `scale` is rounded to the query's element type.

    ```mlir
    %y = gpt.attention %q, %k, %v causal scale 0.125 : tensor<4x12x64x64xf32>, tensor<4x12x64x64xf32>, tensor<4x12x64x64xf32> -> tensor<4x12x64x64xf32>
    ```
    Constraints:
    - (A1) the operands have four axes and batch sizes agree;
    - (A2) `key` and `value` agree in groups and positions, and the number of groups divides the heads;
    - (A3) `query` and `key` agree in the last axis;
    - (A4) `causal` and `window` need as many queries as keys; `window` needs `causal` and is positive;
    - (A7) the operands have one element type.
  }];
  let arguments = (ins GPT_RealTensor:$query, GPT_RealTensor:$key, GPT_RealTensor:$value, UnitAttr:$causal,
      OptionalAttr<I64Attr>:$window, F64Attr:$scale);
  let results = (outs GPT_RealTensor:$result);
  let assemblyFormat = [{
    $query `,` $key `,` $value (`causal` $causal^)? (`window` $window^)? `scale` $scale attr-dict
    `:` type($query) `,` type($key) `,` type($value) `->` type($result)
  }];
}

def GPT_FlashAttentionOp : GPT_ValueOp<"flash_attention", [Differentiable, DecomposableKernel]> {
  let summary = "softmax(scale · q kᵀ + mask) v, and each query's log-sum-exp, without stored scores";
  let description = [{
    `gpt.attention` without a window, in a form that has a kernel of its own (Dao 2023): keys are taken block by block, with a
    running maximum and sum, so that the T × S scores never lie in memory. The second result is log Σ exp of the scaled
    and masked scores of each query, from which the adjoint computes the probabilities again. `scale` is a number of
    float64, which is rounded where it is used.

    Operands may be of 16 bits, as the result then is: scores, sums and the log-sum-exp are float32 all the same. A kernel may
    round probabilities to the operands' type before it multiplies by values. With `tf32` the factors of all products
    are rounded to TensorFloat-32.

    ```mlir
    %y, %lse = gpt.flash_attention %q, %k, %v causal scale 0.125 : tensor<4x12x64x64xf32>, tensor<4x12x64x64xf32>, tensor<4x12x64x64xf32>
        -> tensor<4x12x64x64xf32>, tensor<4x12x64xf32>
    ```
    Constraints, besides (A1) to (A4) and (A7) of `gpt.attention`:
    - (A5) there is a key;
    - (A8) `tf32` is for float32 operands.
  }];
  let arguments = (ins GPT_RealTensor:$query, GPT_RealTensor:$key, GPT_RealTensor:$value, UnitAttr:$causal, F64Attr:$scale, UnitAttr:$tf32);
  let results = (outs GPT_RealTensor:$result, GPT_RealTensor:$lse);
  let assemblyFormat = [{
    $query `,` $key `,` $value (`causal` $causal^)? `scale` $scale (`tf32` $tf32^)? attr-dict
    `:` type($query) `,` type($key) `,` type($value) `->` type($result) `,` type($lse)
  }];
  let hasVerifier = 1;
}

def GPT_FlashAttentionGradOp : GPT_ValueOp<"flash_attention_grad", [DecomposableKernel]> {
  let summary = "The adjoint of gpt.flash_attention";
  let description = [{
    The scores are computed again rather than kept. With the operands and results of the forward operation, o's
    adjoint do, δ = Σ do ∘ o of each query, and p = exp(scale · q kᵀ + mask − lse):

        dv = pᵀ do        ds = scale · p ∘ (do vᵀ − δ)        dq = ds k        dk = dsᵀ q

    dk and dv of a group are sums over its heads. Operands and results of 16 bits, and `tf32`, are as in `gpt.flash_attention`.

    ```mlir
    %dq, %dk, %dv = gpt.flash_attention_grad %q, %k, %v, %y, %lse, %dy causal scale 0.125
        : tensor<4x12x64x64xf32>, tensor<4x12x64x64xf32>, tensor<4x12x64x64xf32>, tensor<4x12x64x64xf32>, tensor<4x12x64xf32>, tensor<4x12x64x64xf32>
        -> tensor<4x12x64x64xf32>, tensor<4x12x64x64xf32>, tensor<4x12x64x64xf32>
    ```
    Constraints, besides those of `gpt.flash_attention`:
    - (A6) `output`, `lse` and `gradient` have the types of its results, `gradient` that of `output`.
  }];
  let arguments = (ins GPT_RealTensor:$query, GPT_RealTensor:$key, GPT_RealTensor:$value, GPT_RealTensor:$output, GPT_RealTensor:$lse,
      GPT_RealTensor:$gradient, UnitAttr:$causal, F64Attr:$scale, UnitAttr:$tf32);
  let results = (outs GPT_RealTensor:$query_gradient, GPT_RealTensor:$key_gradient, GPT_RealTensor:$value_gradient);
  let assemblyFormat = [{
    $query `,` $key `,` $value `,` $output `,` $lse `,` $gradient (`causal` $causal^)? `scale` $scale (`tf32` $tf32^)? attr-dict
    `:` type($query) `,` type($key) `,` type($value) `,` type($output) `,` type($lse) `,` type($gradient)
    `->` type($query_gradient) `,` type($key_gradient) `,` type($value_gradient)
  }];
  let hasVerifier = 1;
}

def GPT_GlobalNormOp : GPT_Op<"global_norm", [Pure, Decomposable]> {
  let summary = "√ Σ x² over all elements of all operands";
  let description = [{
    ```mlir
    %n = gpt.global_norm %g0, %g1 : tensor<8x4xf32>, tensor<4xf32> -> tensor<f32>
    ```
    (J1) The result is a scalar. (J2) There is an operand.
  }];
  let arguments = (ins Variadic<GPT_RealTensor>:$inputs);
  let results = (outs GPT_RealTensor:$result);
  let assemblyFormat = "$inputs attr-dict `:` type($inputs) `->` type($result)";
  let hasVerifier = 1;
}

def GPT_AdamWOp : GPT_Op<"adamw", [Pure, Decomposable,
    AllTypesMatch<["parameter", "gradient", "first", "second", "new_parameter", "new_first", "new_second"]>,
    AllTypesMatch<["rate", "clip", "beta1", "beta2", "correction1", "correction2", "epsilon", "decay"]>]> {
  let summary = "One AdamW step on one parameter";
  let description = [{
    Loshchilov, Hutter 2019. With g the gradient times `clip`:

        first'     = β₁ first + (1 − β₁) g
        second'    = β₂ second + (1 − β₂) g²
        parameter' = parameter (1 − rate · decay) − rate · (first' · correction1) / (√(second' · correction2) + ε)

    `correction1` and `correction2` are 1 / (1 − βᵢᵗ), t counting the applied steps from 1. Without the
    attribute `decayed`, `decay` counts as 0. The scalars are tensors without axes.

    ```mlir
    %p1, %m1, %v1 = gpt.adamw %p, %g, %m, %v rate %rate clip %clip betas %beta1, %beta2
        corrections %c1, %c2 epsilon %epsilon decay %decay decayed : tensor<768x3072xf32> scalars tensor<f32>
    ```
    (F1) The tensors have one type. (F2) The scalars have no axes.
  }];
  let arguments = (ins GPT_RealTensor:$parameter, GPT_RealTensor:$gradient, GPT_RealTensor:$first, GPT_RealTensor:$second,
      GPT_RealTensor:$rate, GPT_RealTensor:$clip, GPT_RealTensor:$beta1, GPT_RealTensor:$beta2,
      GPT_RealTensor:$correction1, GPT_RealTensor:$correction2, GPT_RealTensor:$epsilon, GPT_RealTensor:$decay,
      UnitAttr:$decayed);
  let results = (outs GPT_RealTensor:$new_parameter, GPT_RealTensor:$new_first, GPT_RealTensor:$new_second);
  let assemblyFormat = [{
    $parameter `,` $gradient `,` $first `,` $second `rate` $rate `clip` $clip `betas` $beta1 `,` $beta2
    `corrections` $correction1 `,` $correction2 `epsilon` $epsilon `decay` $decay (`decayed` $decayed^)? attr-dict
    `:` type($parameter) `scalars` type($rate)
  }];
  let hasVerifier = 1;
}

#endif // GPTC_DIALECT_GPT_GPTNEURALOPS_TD
