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
    one distance serves any number of rows.

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
    their lives, from the first command that touches them to the last, do not meet: each in turn, the largest
    first, takes the smallest gap that fits. With `no-reuse` each has memory of its own.
  }];
  let dependentDialects = ["plan::PlanDialect"];
  let options = [
    Option<"noReuse", "no-reuse", "bool", "false", "give every buffer memory of its own">
  ];
}

#endif // GPTC_PLAN_PASSES_TD
