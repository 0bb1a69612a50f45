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

def FoldRoundingsPass : Pass<"plan-fold-roundings", "::mlir::ModuleOp"> {
  let summary = "Let products round variables while they read them, instead of a copy of 16 bits";
  let description = [{
    A launch that does nothing but round a variable to 16 bits, for products alone, goes away: they read the variable and
    round its elements themselves, which gives the same bits. It is for processors whose products move their operands to
    panels anyway. A copy stays that more than four products read, for then it spares traffic.

    ```mlir
    plan.launch @round rows [768] grain 7 [[#plan.view<@w, 0>, #plan.view<@copy, 0>]]
    plan.matmul 256 x 2304 x 768 (#plan.view<@x, 0>, #plan.view<@copy, 0>) to #plan.view<@y, 0> strides [800, 2336, 2336] batch []
      types [bf16, bf16, bf16]
    // =>
    plan.matmul 256 x 2304 x 768 (#plan.view<@x, 0>, #plan.view<@w, 0>) to #plan.view<@y, 0> strides [800, 2320, 2336] batch []
      types [bf16, f32, bf16] factors [bf16, bf16]
    ```
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
    its rows are made zero again at the end, by a launch for all rows of one width and distance: so those without pads lend, those
    that have most memory together, and others only where that spares a 128th of what the entry takes. With `no-reuse` each buffer
    has memory of its own.
  }];
  let dependentDialects = ["plan::PlanDialect"];
  let options = [
    Option<"noReuse", "no-reuse", "bool", "false", "give every buffer memory of its own">
  ];
}

def GenerateMatmulsPass : Pass<"plan-generate-matmuls", "::mlir::ModuleOp"> {
  let summary = "Choose the matrix products that the CPU computes by generated functions instead of a library's";
  let description = [{
    Each product is marked `generated` or left to the library, by its sizes and types alone. Those with operands or results of 16 bits
    are always generated: the library has float32 only. Of the others, those are whose rows and columns fill the tiles, and which are so
    large that it pays to share them out as threads get done.

    ```mlir
    plan.matmul 256 x 3072 x 768 (…) to … strides [784, 3088, 3088] batch []
    // =>
    plan.matmul 256 x 3072 x 768 (…) to … strides [784, 3088, 3088] batch [] generated
    ```
  }];
  let dependentDialects = ["plan::PlanDialect"];
  // 0.3 ms on a processor of 2023. Below, on nanoGPT's recipe, the library was up to 8 % faster.
  let options = [
    Option<"leastWork", "least-work", "int64_t", "int64_t{1} << 26", "leave float32 products of fewer multiplications to the library">
  ];
}

#endif // GPTC_PLAN_PASSES_TD
