//===- Passes.td - From tensors to launches and buffers -------------------===//

#ifndef GPTC_PLAN_PASSES_TD
#define GPTC_PLAN_PASSES_TD

include "mlir/Pass/PassBase.td"

def LowerToPlanPass : Pass<"gpt-lower-to-plan", "::mlir::ModuleOp"> {
  let summary = "Give every value a place in memory, and turn operations into commands";
  let description = [{
    Each `gpt.variable` becomes a `plan.buffer` and a `plan.tensor`, each function a `plan.entry`. Rearrangements
    are views where strides can express them; a value that is only written, joined or reshaped is computed
    where it will lie; otherwise a copying kernel is launched. Equal kernels are made once: a row kernel whose rows all lie at
    one distance serves any number of rows. An elementwise kernel of whole variables that are laid out alike and whose pads are 0 runs over
    their memory in rows of 1024 elements, whatever their shapes, if it gives zeros for zeros; so do the sums of `gpt.global_norm`.

    Expects functions without arguments and results, whose operations that compute are in `gpt.fused`.
  }];
  let dependentDialects = ["plan::PlanDialect"];
}

def MergeLaunchesPass : Pass<"plan-merge-launches", "::mlir::ModuleOp"> {
  let summary = "Make one launch of independent launches of a kernel";
  let description = [{
    A launch joins an earlier one of the same kernel if no command between them writes what it reads or
    touches what it writes. An optimizer step over many parameters becomes a few launches of many instances.
  }];
  let dependentDialects = ["plan::PlanDialect"];
}

def AssignBuffersPass : Pass<"plan-assign-buffers", "::mlir::ModuleOp"> {
  let summary = "Give every buffer its offset in its segment";
  let description = [{
    Buffers of segments that outlive an entry lie one after another. Those of `transient` share memory where
    their lives, from the first command that touches them to the last, do not meet. Several orders are tried
    (by size, by life, by size and life), each buffer in turn taking the lowest or the smallest gap that fits; the one that
    needs least is kept.

    A gradient that an entry overwrites before it reads it lends its memory until then. Pads between
    its rows are made zero again at the end. With `no-reuse` each buffer has memory of its own.
  }];
  let dependentDialects = ["plan::PlanDialect"];
  let options = [
    Option<"noReuse", "no-reuse", "bool", "false", "give every buffer memory of its own">
  ];
}

#endif // GPTC_PLAN_PASSES_TD
