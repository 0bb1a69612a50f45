//===- Passes.td - From a loss to training entries ------------------------===//

#ifndef GPTC_AUTODIFF_PASSES_TD
#define GPTC_AUTODIFF_PASSES_TD

include "mlir/Pass/PassBase.td"

def DifferentiatePass : Pass<"gpt-differentiate", "::mlir::ModuleOp"> {
  let summary = "Turn @train into the entry that accumulates gradients";
  let description = [{
    Appends the backward computation to `@train`, declares a `gradient:` variable for each parameter, writes
    each parameter's adjoint to it, replaces the returned loss by a write of `output:loss`, and renames
    the function `@accumulate_first`. The seed of the loss is the scalar `step:inverse_accumulation`, by which
    the written loss is scaled too: summed over micro-batches, gradients and loss are means. With `loss-scale` the
    seed, and with it all gradients, is multiplied by the variable `scaler:loss_scale` of kind state, which starts at that
    number: small gradients are then within the range of 16-bit numbers. The written loss is not.

    A parameter that is used several times receives the sum of its adjoints, each written as it is found, in
    the order of the backward computation: the first write replaces, later ones accumulate. One that does not
    influence the loss gets zeros, and a warning. `gpt.saved_bytes` on the function, and a remark, say how
    much the backward computation keeps of the forward one.

    Repeats must be expanded, and what has no adjoint (`gpt.attention`) decomposed: otherwise the pass names
    the operation and a parameter that is cut off.

    ```mlir
    func.func @train() -> tensor<f32> {
      %w = gpt.read @w : tensor<3xf32>
      %loss = gpt.reduce sum %w [0] : tensor<3xf32> -> tensor<f32>
      return %loss : tensor<f32>
    }
    ```
    becomes
    ```mlir
    func.func @accumulate_first() {
      %w = gpt.read @w : tensor<3xf32>
      %loss = gpt.reduce sum %w [0] : tensor<3xf32> -> tensor<f32>
      %seed = gpt.read @"step:inverse_accumulation" : tensor<f32>
      %scaled = gpt.map(%loss, %seed) ...     // loss * seed
      gpt.write @"output:loss", %scaled : tensor<f32>
      %dw = gpt.map(%seed) ...                // stretched
      gpt.write @"gradient:w", %dw : tensor<3xf32>
      return
    }
    ```
  }];
  let dependentDialects = ["gpt::GPTDialect"];
  let options = [
    Option<"lossScale", "loss-scale", "double", "0", "what the loss's gradient is first multiplied by; 0: by nothing">
  ];
}

#endif // GPTC_AUTODIFF_PASSES_TD
