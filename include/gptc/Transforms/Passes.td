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

    Where gradients are multiplied by `scaler:loss_scale` the update undoes it, in the norm and in the factor of
    the gradients. If their norm is not finite, parameters and moments keep their values, and the scale is halved; after
    `growth-interval` steps without that it is doubled, unless it would be infinite. `scaler:good_steps` counts those, `scaler:applied_steps` all steps
    that were not skipped, from which AdamW's corrections are computed, 1 / (1 − βᵗ) = −1 / expm1(t · log1p(β − 1)), instead of being read. The
    decision is taken in the entry: nothing has to wait for it.
  }];
  let dependentDialects = ["gpt::GPTDialect", "::mlir::func::FuncDialect"];
  let options = [
    Option<"optimizer", "optimizer", "::gptc::Optimizer", "::gptc::Optimizer::adamw", "how parameters are updated",
      [{::llvm::cl::values(
        clEnumValN(::gptc::Optimizer::adamw, "adamw", "Adam with decoupled weight decay"),
        clEnumValN(::gptc::Optimizer::sgd, "sgd", "stochastic gradient descent"))}]>,
    Option<"growthInterval", "growth-interval", "int64_t", "2000", "steps without an overflow after which the loss scale doubles">
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
    Each operation that implements `DecomposableOpInterface`, and has no kernel of its own, is replaced by what its
    `decompose` emits. With `ops`, only the operations of these names are replaced, with or without a kernel; those of `keep` stay.

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
    ListOption<"ops", "ops", "std::string", "names of the operations to replace, without dialect; all without a kernel if empty">,
    ListOption<"keep", "keep", "std::string", "names of operations to leave as they are">
  ];
}

def FormFlashAttentionPass : Pass<"gpt-form-flash-attention", "::mlir::func::FuncOp"> {
  let summary = "Replace matmul, scale, mask, softmax and matmul by gpt.flash_attention";
  let description = [{
    Attention is found by what its elements are computed from, not by the order of operations: axes are followed through reshapes
    and transposes, scalars through maps. The scale may stand on the queries, the keys or the scores; the mask, that of key s ≤ query t or
    none, may be a selection or added, of −∞; the softmax may be named or written out; heads may share keys and values. Nothing but the second
    matmul may use what comes between.

    Near misses stay as they are. A remark says why: another operation in between, another mask, another axis, another use, or heads of
    more than `max-head-size` elements.

    ```mlir
    %0 = gpt.matmul %q, %k transpose_rhs : tensor<2x4x64x32xf32>, tensor<2x4x64x32xf32> -> tensor<2x4x64x64xf32>
    %1 = gpt.map(%0, %t, %s) ...           // t >= s ? score * 0.125 : -inf
    %2 = gpt.softmax %1 : tensor<2x4x64x64xf32>
    %y = gpt.matmul %2, %v : tensor<2x4x64x64xf32>, tensor<2x4x64x32xf32> -> tensor<2x4x64x32xf32>
    ```
    becomes
    ```mlir
    %y, %lse = gpt.flash_attention %q, %k, %v causal scale 0.125 : tensor<2x4x64x32xf32>, tensor<2x4x64x32xf32>, tensor<2x4x64x32xf32>
        -> tensor<2x4x64x32xf32>, tensor<2x4x64xf32>
    ```
  }];
  let dependentDialects = ["gpt::GPTDialect"];
  let options = [
    Option<"maxHeadSize", "max-head-size", "int64_t", "128", "the largest head that kernels of attention take">
  ];
}

def AssignPrecisionPass : Pass<"gpt-assign-precision", "::mlir::ModuleOp"> {
  let summary = "Give matmuls and attention operands and results of 16 bits, or TensorFloat-32";
  let description = [{
    With `bf16` and `fp16` the operands of `gpt.matmul` and `gpt.flash_attention`, and of its adjoint, are rounded to 16 bits, and so are their results,
    as other frameworks' automatic mixed precision has it. All sums inside are float32. Float32 stay:

    - variables: parameters, moments, gradients, states, inputs and outputs;
    - a matmul's result that is the gradient of a parameter, or a term of it: its operands have 16 bits, its sum is not rounded;
    - maps, reductions, gathers, and all named operations that are made of them (norms, softmax, cross-entropy), hence sums along the residual stream;
    - attention's log-sum-exp.

    A rounding is a `gpt.map` of one `arith.truncf`, the way back one of `arith.extf`. A value is rounded once, behind the operation
    that makes it, a parameter once an entry; rearrangements of what is rounded are done on 16 bits. `extf(truncf(x))` is not x: only
    `gpt-remove-roundings` takes it to be. With `tf32` tensors stay float32, and matmuls and attention carry the attribute `tf32`.

    ```mlir
    %y = gpt.matmul %x, %w : tensor<8x16xf32>, tensor<16x4xf32> -> tensor<8x4xf32>
    %dw = gpt.matmul %x, %dy transpose_lhs : tensor<8x16xf32>, tensor<8x4xf32> -> tensor<16x4xf32>
    gpt.write @"gradient:w", %dw : tensor<16x4xf32>
    ```
    becomes, with `precision=bf16`,
    ```mlir
    %0 = gpt.map(%x) ...               // truncf
    %1 = gpt.map(%w) ...
    %2 = gpt.matmul %0, %1 : tensor<8x16xbf16>, tensor<16x4xbf16> -> tensor<8x4xbf16>
    %y = gpt.map(%2) ...               // extf
    %3 = gpt.map(%dy) ...
    %dw = gpt.matmul %0, %3 transpose_lhs : tensor<8x16xbf16>, tensor<8x4xbf16> -> tensor<16x4xf32>
    gpt.write @"gradient:w", %dw : tensor<16x4xf32>
    ```
    Remarks tell what was rounded, and which products stayed float32 and why.
  }];
  let dependentDialects = ["gpt::GPTDialect", "::mlir::arith::ArithDialect"];
  let options = [
    Option<"precision", "precision", "::gptc::TrainingPrecision", "::gptc::TrainingPrecision::fp32", "what is computed in",
      [{::llvm::cl::values(
        clEnumValN(::gptc::TrainingPrecision::fp32, "fp32", "float32 everywhere"),
        clEnumValN(::gptc::TrainingPrecision::tf32, "tf32", "factors of products rounded to TensorFloat-32"),
        clEnumValN(::gptc::TrainingPrecision::bf16, "bf16", "products of bfloat16"),
        clEnumValN(::gptc::TrainingPrecision::fp16, "fp16", "products of float16"))}]>
  ];
}

def SplitReductionsPass : Pass<"gpt-split-reductions"> {
  let summary = "Reduce the last axis and other axes one after the other";
  let description = [{
    Afterwards each `gpt.reduce` reduces the last axis alone, or leading axes alone: what row kernels and
    column kernels do. A reduction of up to 65536 elements, all that there are, is one along a single axis
    where they lie side by side, and a map that it alone uses is computed there.
  }];
  let dependentDialects = ["gpt::GPTDialect"];
}

def InlineScalarsPass : Pass<"gpt-inline-scalars"> {
  let summary = "Compute scalars in each map that uses them";
  let description = [{
    A map over scalars alone whose users are all maps over larger tensors is copied into them, if it has at most `limit`
    operations: a kernel computes it once, not once an element, and a launch is saved.

    ```mlir
    %c = gpt.map(%norm, %limit) ... : (tensor<f32>, tensor<f32>) -> tensor<f32>      // min(limit / norm, 1)
    %y = gpt.map(%x, %c) ... : (tensor<8x4xf32>, tensor<f32>) -> tensor<8x4xf32>     // x * c
    ```
    becomes
    ```mlir
    %y = gpt.map(%x, %norm, %limit) ... : (tensor<8x4xf32>, tensor<f32>, tensor<f32>) -> tensor<8x4xf32>   // x * min(limit / norm, 1)
    ```
  }];
  let dependentDialects = ["gpt::GPTDialect"];
  let options = [
    Option<"limit", "limit", "int64_t", "16", "the most operations of a scalar that is copied">
  ];
}

def InlineConversionsPass : Pass<"gpt-inline-conversions"> {
  let summary = "Round and widen in the maps that compute and use a value";
  let description = [{
    A map of one `arith.truncf` goes into the map that computes its operand, if nobody else uses that; a map of one `arith.extf` goes
    into each map that uses it. Numbers are rounded and widened as before. What is kept from one map to another, or computed again instead, then has
    16 bits.

    ```mlir
    %e = gpt.map(%p) ...        // extf          : tensor<8x4xbf16> -> tensor<8x4xf32>
    %y = gpt.map(%e, %b) ...    // e + b         : tensor<8x4xf32>, tensor<4xf32> -> tensor<8x4xf32>
    %r = gpt.map(%y) ...        // truncf        : tensor<8x4xf32> -> tensor<8x4xbf16>
    ```
    becomes
    ```mlir
    %r = gpt.map(%p, %b) ...    // truncf(extf(p) + b) : tensor<8x4xbf16>, tensor<4xf32> -> tensor<8x4xbf16>
    ```
  }];
  let dependentDialects = ["gpt::GPTDialect", "::mlir::arith::ArithDialect"];
}

def SplitColumnSumsPass : Pass<"gpt-split-column-sums"> {
  let summary = "Sum over rows in two steps, of which a row kernel can do the first";
  let description = [{
    A sum over all axes but the last of a tensor that a row kernel will compute or read becomes sums over
    blocks of rows, and the sum of those. The kernel makes the first while it has the rows; the second is
    small. The height of the blocks is a divisor of the number of rows.

    ```mlir
    %s = gpt.reduce sum %x [0, 1] : tensor<4x64x768xf32> -> tensor<768xf32>
    ```
    becomes
    ```mlir
    %0 = gpt.reshape %x : tensor<4x64x768xf32> -> tensor<32x8x768xf32>
    %1 = gpt.reduce sum %0 [1] : tensor<32x8x768xf32> -> tensor<32x768xf32>
    %s = gpt.reduce sum %1 [0] : tensor<32x768xf32> -> tensor<768xf32>
    ```
  }];
  let dependentDialects = ["gpt::GPTDialect"];
}

def PadPass : Pass<"gpt-pad", "::mlir::ModuleOp"> {
  let summary = "Pad parameters behind their axes to multiples that kernels like";
  let description = [{
    An axis of a parameter grows to the next multiple of `multiple` where that adds at most `growth` percent and some matmul sees it. Gradients and
    moments grow alike. The type of a variable stays the logical one, with which it is saved and loaded; `padded` is
    the shape in which it is kept. Pads of variables are exactly 0 behind each entry.

    Padded axes are followed through maps, matmuls, reductions, embeddings and rearrangements. Where an operation combines
    a padded axis with one that is not, or cuts it up, the operand is sliced, which costs nothing. Pads between operations may hold
    anything; they are masked (a select by the index along the axis, part of the kernel that reads them) where they
    could reach other elements: in reductions (0, −∞ or ∞) and in the axis that a matmul sums over, unless they are known to be 0; and before they are
    written to a variable.

    ```mlir
    gpt.variable @e parameter init(#gpt.init<normal, 0.02, 0.0>) : tensor<50257x768xf32>
    ...
    %e = gpt.read @e : tensor<50257x768xf32>
    %y = gpt.matmul %x, %e transpose_rhs : tensor<8x768xf32>, tensor<50257x768xf32> -> tensor<8x50257xf32>
    %m = gpt.reduce max %y [1] : tensor<8x50257xf32> -> tensor<8xf32>
    ```
    becomes
    ```mlir
    gpt.variable @e parameter init(#gpt.init<normal, 0.02, 0.0>) {padded = array<i64: 50304, 768>} : tensor<50257x768xf32>
    ...
    %e = gpt.read @e : tensor<50304x768xf32>
    %y = gpt.matmul %x, %e transpose_rhs : tensor<8x768xf32>, tensor<50304x768xf32> -> tensor<8x50304xf32>
    %i = gpt.iota : tensor<50304xi32>
    %0 = gpt.map(%y, %i) ...           // i < 50257 ? y : -inf
    %m = gpt.reduce max %0 [1] : tensor<8x50304xf32> -> tensor<8xf32>
    ```
  }];
  let dependentDialects = ["gpt::GPTDialect", "::mlir::arith::ArithDialect"];
  let options = [
    Option<"multiple", "multiple", "int64_t", "64", "what sizes become multiples of; 1 pads nothing">,
    Option<"growth", "growth", "int64_t", "2", "most that an axis may grow, in percent">
  ];
}

def ChunkRowsPass : Pass<"gpt-chunk-rows", "::mlir::ModuleOp"> {
  let summary = "Cut a large matmul's result, and what is made of it row by row, into pieces of rows";
  let description = [{
    A product with one matrix for all rows, whose result takes more than `bytes`, is computed piece by piece where
    everything that uses it, directly or by tensors as wide, is a map or a reduction of a row, a product along the rows, or a
    sum over the rows. Each piece runs through all of them before the next begins, so no more than a piece of
    the wide tensors is ever there. Results of rows are joined; a sum over rows that is only written is accumulated where it is written, others are added up.
    Nothing is computed twice. Products are cut into smaller ones, which read the shared matrix once each.

    What the pieces would have to know of all rows at once (a gradient that depends on the mean of the losses' values) keeps
    the tensor whole; remarks tell so.

    ```mlir
    %z = gpt.matmul %x, %w transpose_rhs : tensor<8x4xf32>, tensor<100x4xf32> -> tensor<8x100xf32>
    %p = gpt.map(%z) ...
    %dx = gpt.matmul %p, %w : tensor<8x100xf32>, tensor<100x4xf32> -> tensor<8x4xf32>
    ```
    becomes, with room for four rows,
    ```mlir
    %x0 = gpt.slice %x [0, 0] [4, 4] : tensor<8x4xf32> -> tensor<4x4xf32>
    %z0 = gpt.matmul %x0, %w transpose_rhs : tensor<4x4xf32>, tensor<100x4xf32> -> tensor<4x100xf32>
    %p0 = gpt.map(%z0) ...
    %dx0 = gpt.matmul %p0, %w : tensor<4x100xf32>, tensor<100x4xf32> -> tensor<4x4xf32>
    ... // the same for rows 4 to 7
    %dx = gpt.concat %dx0, %dx1 axis 0 : tensor<4x4xf32>, tensor<4x4xf32> -> tensor<8x4xf32>
    ```
  }];
  let dependentDialects = ["gpt::GPTDialect"];
  let options = [
    Option<"bytes", "bytes", "uint64_t", "0", "the largest size of a product that is kept whole; 0 keeps all">
  ];
}

def RematerializePass : Pass<"gpt-rematerialize", "::mlir::ModuleOp"> {
  let summary = "Compute cheap values again where they are used much later, instead of keeping them";
  let description = [{
    A map's result, or random numbers, that lie idle where most memory is taken are computed again before
    their next use: a normalised tensor from its input and the rows' statistics, an activation from what it was
    applied to. So they die in the forward part, and the copy can join the kernel of the backward part that reads
    the same tensors. The copy does the same operations in the same order: the same bits.

    A value is kept if its operands are not there anyway at that time (a row's statistics may be, or a tensor of half as many bits), if it is a rounded parameter, if computing it moves more than
    `price-limit` times its bytes, or if less than `distance-limit` times its bytes are computed meanwhile. Remarks tell each.

    ```mlir
    %y = gpt.map(%x, %mean, %rstd, %weight) ...
    %z = gpt.matmul %y, %w ...
    ...
    %dw = gpt.matmul %y, %dz transpose_lhs ...
    ```
    becomes
    ```mlir
    %y = gpt.map(%x, %mean, %rstd, %weight) ...
    %z = gpt.matmul %y, %w ...
    ...
    %again = gpt.map(%x, %mean, %rstd, %weight) ...
    %dw = gpt.matmul %again, %dz transpose_lhs ...
    ```
  }];
  let dependentDialects = ["gpt::GPTDialect"];
  let options = [
    Option<"priceLimit", "price-limit", "unsigned", "8", "bytes that may be moved for a byte saved">,
    Option<"distanceLimit", "distance-limit", "unsigned", "2",
           "bytes that are computed between two uses, for a byte saved">
  ];
}

def RecomputePass : Pass<"gpt-recompute", "::mlir::ModuleOp"> {
  let summary = "Compute what lies idle again, whatever it is, until an entry takes so much less memory";
  let description = [{
    Of the values that lie idle where an entry takes most memory, those are computed again before their next use that cost least
    for a byte: FLOPs, and bytes moved. An operation runs again with all that it is computed from and that is not there any more, back to
    values that are kept, parameters and inputs; so anything may, matmuls and attention as well. What is computed again serves all later
    uses while there is room for it. It stops as soon as `save` bytes less are taken, by the same estimate of lives as
    `gpt-rematerialize`; memory that gradients lend counts as there. Entries that `save` does not name stay as they are.

    The copies do the same operations in the same order. Remarks tell each value and its price, and what had to be kept and why, if
    the entry could not be made so small.

    ```mlir
    %h = gpt.matmul %x, %w ...
    %y = gpt.map(%h) ...
    %z = gpt.matmul %y, %v ...
    ...
    %dy = gpt.map(%dz, %h) ...
    ```
    becomes
    ```mlir
    %h = gpt.matmul %x, %w ...
    %y = gpt.map(%h) ...
    %z = gpt.matmul %y, %v ...
    ...
    %again = gpt.matmul %x, %w {gpt.rematerialized} ...
    %dy = gpt.map(%dz, %again) ...
    ```
  }];
  let dependentDialects = ["gpt::GPTDialect"];
  let options = [
    ListOption<"save", "save", "std::string", "the bytes that an entry is to take less, as accumulate_first=1000000">
  ];
}

def FormKernelsPass : Pass<"gpt-form-kernels", "::mlir::func::FuncOp"> {
  let summary = "Gather operations into gpt.fused, each of which becomes one kernel";
  let description = [{
    Maps, reductions over the last axis, sums over blocks of rows, gathers and random numbers that share a space
    of rows are gathered where one uses what the other computes, or both read a tensor as large as the space. Of
    all such pairs of groups those join first that save most bytes read and written, so long as no group depends on
    itself through an operation outside. Remarks say what was joined, and what was not and why. A reduction over
    leading axes takes along a map that it alone uses. Generators (`gpt.iota`, constants) are copied into each
    kernel. Operations are put in an order in which they can run; column sums whose parts are there come last.

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

def FuseEpiloguesPass : Pass<"gpt-fuse-epilogues", "::mlir::ModuleOp"> {
  let summary = "Take matmuls into the row kernels that use them";
  let description = [{
    A `gpt.fused` that computes row by row from the product of a `gpt.matmul` takes the matmul into its body: the
    kernel becomes the product's epilogue, which runs on rows that are still in the cache or in registers. Bytes of the
    product that are not read again, nor written if nobody else uses it, and a launch are saved; nothing is computed twice,
    so what may be fused is. Of two products the later one is taken, since the other must be there first.

    A CPU computes the product in panels of whole rows, so a kernel that reduces rows, or sums blocks of them, is an epilogue
    as well. A GPU applies what is elementwise in registers where the product is the plan's own kernel; everything else,
    and what follows the library's product, is a launch of its own within the command.

    It stays apart from a product that is batched or used before the kernel, and from kernels that reduce columns. Remarks
    (category `gpt-fuse-epilogues`) tell what was fused and what was not, with the bytes.

    ```mlir
    %0 = gpt.matmul %x, %w : tensor<8x16xf32>, tensor<16x4xf32> -> tensor<8x4xf32>
    %1 = gpt.fused(%0, %b) : (tensor<8x4xf32>, tensor<4xf32>) -> tensor<8x4xf32> {
    ^bb0(%p: tensor<8x4xf32>, %c: tensor<4xf32>):
      %2 = gpt.map(%p, %c) ...
      gpt.yield %2 : tensor<8x4xf32>
    }
    ```
    becomes
    ```mlir
    %1 = gpt.fused(%x, %w, %b) : (tensor<8x16xf32>, tensor<16x4xf32>, tensor<4xf32>) -> tensor<8x4xf32> {
    ^bb0(%a: tensor<8x16xf32>, %v: tensor<16x4xf32>, %c: tensor<4xf32>):
      %p = gpt.matmul %a, %v : tensor<8x16xf32>, tensor<16x4xf32> -> tensor<8x4xf32>
      %2 = gpt.map(%p, %c) ...
      gpt.yield %2 : tensor<8x4xf32>
    }
    ```
  }];
  let dependentDialects = ["gpt::GPTDialect"];
}

def RemoveRoundingsPass : Pass<"gpt-remove-roundings"> {
  let summary = "Use values as they were where a kernel rounds them and widens them again";
  let description = [{
    `extf(truncf(x))` becomes x where x is at hand: in the region of a map; where a map of a kernel widens what another one only rounds; and where a kernel's own
    product is rounded only to be widened, so that its sums go on in float32, if the product has the type of an output of the kernel, in
    whose place it then lies. Results change, by less than the roundings made; nothing else in the compiler takes such a pair for nothing.

    A 16-bit value that is kept for its own sake, as an operand of another product, stays as it is. Remarks (category
    `gpt-remove-roundings`) tell which roundings went, and which did not and why.

    ```mlir
    %0 = gpt.fused(%x, %w, %b) : (tensor<8x16xbf16>, tensor<16x4xbf16>, tensor<4xf32>) -> tensor<8x4xf32> {
    ^bb0(%a: tensor<8x16xbf16>, %v: tensor<16x4xbf16>, %c: tensor<4xf32>):
      %p = gpt.matmul %a, %v : tensor<8x16xbf16>, tensor<16x4xbf16> -> tensor<8x4xbf16>
      %e = gpt.map(%p) ...               // extf
      %y = gpt.map(%e, %c) ...
      gpt.yield %y : tensor<8x4xf32>
    }
    ```
    becomes
    ```mlir
    %0 = gpt.fused(%x, %w, %b) : (tensor<8x16xbf16>, tensor<16x4xbf16>, tensor<4xf32>) -> tensor<8x4xf32> {
    ^bb0(%a: tensor<8x16xbf16>, %v: tensor<16x4xbf16>, %c: tensor<4xf32>):
      %p = gpt.matmul %a, %v : tensor<8x16xbf16>, tensor<16x4xbf16> -> tensor<8x4xf32>
      %y = gpt.map(%p, %c) ...
      gpt.yield %y : tensor<8x4xf32>
    }
    ```
  }];
  let dependentDialects = ["gpt::GPTDialect"];
}

#endif // GPTC_TRANSFORMS_PASSES_TD
