//===- Passes.td - Passes on the gpt dialect ------------------------------===//

#ifndef GPTC_TRANSFORMS_PASSES_TD
#define GPTC_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def ExpandRepeatsPass : Pass<"gpt-expand-repeats", "::mlir::ModuleOp"> {
  let summary = "Replace gpt.repeat by its copies, and variables with * by one for each copy";
  let description = [{
    Copy i has i in place of the first `*` in the names of the variables that it reads and writes, in the
    streams of its random numbers, and in named locations. Variables are replaced whether they are read or
    not, neighbours under the same repeat copy by copy: all of copy 0, then all of copy 1.

    ```mlir
    gpt.variable @"h.*.w" parameter init(#gpt.init<constant, 1.0, 0.0>) copies [2] : tensor<f32>
    ...
    %y = gpt.repeat 2 iter(%x) : (tensor<f32>) -> tensor<f32> {
    ^bb0(%a: tensor<f32>):
      %w = gpt.read @"h.*.w" : tensor<f32>
      %b = gpt.map(%a, %w) ...
      gpt.yield %b : tensor<f32>
    }
    ```
    becomes
    ```mlir
    gpt.variable @h.0.w parameter init(#gpt.init<constant, 1.0, 0.0>) : tensor<f32>
    gpt.variable @h.1.w parameter init(#gpt.init<constant, 1.0, 0.0>) : tensor<f32>
    ...
    %w0 = gpt.read @h.0.w : tensor<f32>
    %0 = gpt.map(%x, %w0) ...
    %w1 = gpt.read @h.1.w : tensor<f32>
    %y = gpt.map(%0, %w1) ...
    ```
  }];
  let dependentDialects = ["gpt::GPTDialect"];
}

def InsertOptimizerPass : Pass<"gpt-insert-optimizer", "::mlir::ModuleOp"> {
  let summary = "Create the entry that updates parameters from gradients";
  let description = [{
    Adds `@update`, which reads the gradients, writes their global norm to `output:norm`, scales them by
    `min(1, clip_norm / (norm + 1e-6))`, and takes one step on each parameter:

    - `adamw`: `gpt.adamw`, with moments in variables `moment1:` and `moment2:` and the parameter's name;
    - `sgd`: `parameter − rate · clip · gradient`, and for decayed parameters `− rate · decay · parameter`.

    What changes from step to step is read from variables of kind `step`: `step:learning_rate`,
    `step:clip_norm` (infinite to clip nothing), `step:weight_decay`, and for `adamw` `step:beta1`,
    `step:beta2`, `step:correction1`, `step:correction2` and `step:epsilon`.
  }];
  let dependentDialects = ["gpt::GPTDialect", "::mlir::func::FuncDialect"];
  let options = [
    Option<"optimizer", "optimizer", "::gptc::Optimizer", "::gptc::Optimizer::adamw", "how parameters are updated",
      [{::llvm::cl::values(
        clEnumValN(::gptc::Optimizer::adamw, "adamw", "Adam with decoupled weight decay"),
        clEnumValN(::gptc::Optimizer::sgd, "sgd", "stochastic gradient descent"))}]>
  ];
}

def DeriveEntriesPass : Pass<"gpt-derive-entries", "::mlir::ModuleOp"> {
  let summary = "Derive all entries, functions without arguments and results";
  let description = [{
    - From `@accumulate_first` come `@accumulate_middle` and `@accumulate_last`, whose writes of gradients and
      outputs accumulate. Adding a gradient of zeros is left out.
    - The results of other entries become writes of outputs: `output:` and the result attribute `gpt.output`.
    - `gpt.argsort` of an input becomes a read of the input `order:` and its name, which is declared as
      derived: the runtime sorts while it reads the data.

    ```mlir
    func.func @logits() -> (tensor<4x27xf32> {gpt.output = "logits"}) {
      ...
      return %y : tensor<4x27xf32>
    }
    ```
    becomes
    ```mlir
    gpt.variable @"output:logits" output : tensor<4x27xf32>
    func.func @logits() {
      ...
      gpt.write @"output:logits", %y : tensor<4x27xf32>
      return
    }
    ```
  }];
  let dependentDialects = ["gpt::GPTDialect"];
}

def DecomposePass : Pass<"gpt-decompose"> {
  let summary = "Replace named operations by the elementwise operations, reductions and matmuls they stand for";
  let description = [{
    Each operation that implements `DecomposableOpInterface` is replaced by what its `decompose` emits. With
    `ops`, only the operations of these names are replaced.

    ```mlir
    %p = gpt.softmax %x : tensor<4x27xf32>
    ```
    becomes
    ```mlir
    %0 = gpt.reduce max %x [1] : tensor<4x27xf32> -> tensor<4xf32>
    %1 = gpt.reshape %0 : tensor<4xf32> -> tensor<4x1xf32>
    %2 = gpt.map(%x, %1) ...           // exp(x - max)
    %3 = gpt.reduce sum %2 [1] : tensor<4x27xf32> -> tensor<4xf32>
    %4 = gpt.reshape %3 : tensor<4xf32> -> tensor<4x1xf32>
    %p = gpt.map(%2, %4) ...           // exp / sum
    ```
  }];
  let dependentDialects = ["gpt::GPTDialect"];
  let options = [
    ListOption<"ops", "ops", "std::string", "names of the operations to replace, without dialect; all if empty">
  ];
}

def SplitReductionsPass : Pass<"gpt-split-reductions"> {
  let summary = "Reduce the last axis and other axes one after the other";
  let description = [{
    Afterwards each `gpt.reduce` reduces the last axis alone, or leading axes alone: what row kernels and
    column kernels do.
  }];
  let dependentDialects = ["gpt::GPTDialect"];
}

def FormKernelsPass : Pass<"gpt-form-kernels", "::mlir::func::FuncOp"> {
  let summary = "Gather operations into gpt.fused, each of which becomes one kernel";
  let description = [{
    Maps, reductions over the last axis, gathers and random numbers that share a space of rows are gathered
    greedily along their values, so long as no group depends on itself through an operation outside. A
    reduction over leading axes takes along a map that it alone uses. Generators (`gpt.iota`, constants) are
    copied into each kernel. Operations are put in an order in which they can run.

    ```mlir
    %0 = gpt.map(%x, %y) ...
    %1 = gpt.reduce sum %0 [1] : tensor<8x4xf32> -> tensor<8xf32>
    ```
    becomes
    ```mlir
    %0 = gpt.fused(%x, %y) : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<8xf32> {
    ^bb0(%a: tensor<8x4xf32>, %b: tensor<8x4xf32>):
      %1 = gpt.map(%a, %b) ...
      %2 = gpt.reduce sum %1 [1] : tensor<8x4xf32> -> tensor<8xf32>
      gpt.yield %2 : tensor<8xf32>
    }
    ```
  }];
  let dependentDialects = ["gpt::GPTDialect"];
  let options = [
    Option<"limit", "limit", "unsigned", "20", "largest number of values that cross a kernel's border">
  ];
}

#endif // GPTC_TRANSFORMS_PASSES_TD
