//===- Passes.td - From kernels to machine code ---------------------------===//

#ifndef GPTC_CODEGEN_PASSES_TD
#define GPTC_CODEGEN_PASSES_TD

include "mlir/Pass/PassBase.td"

def LowerKernelsPass : Pass<"plan-lower-kernels", "::mlir::ModuleOp"> {
  let summary = "Turn the kernels of a plan into loops over memory";
  let description = [{
    The module becomes one of a function for each `plan.kernel`; what else the plan holds is gone
    from it. A function takes the kernel's operands as memrefs, inputs before outputs, and the rows
    [begin, end) of a launch. What a kernel computes does not depend on how a launch is cut into
    rows, nor on whether an output lies in an input's place.

    Loops are scalar: vectors are left to LLVM, but for the products of attention, which are made of vectors
    of `vector-bits`. A loop along a row is marked with a
    `parallelAccesses` annotation: its iterations touch disjoint memory, even where an output takes
    the place of an input, and LLVM need not ask.

    ```mlir
    plan.kernel @add "row" rows 256 layouts [memref<256x768xf32, strided<[784, 1]>>, memref<768xf32>,
        memref<256x768xf32, strided<[784, 1]>>] accumulate [false] in_place [-1] {
    ^bb0(%a: tensor<256x768xf32>, %b: tensor<768xf32>):
      %0 = gpt.map(%a, %b) : (tensor<256x768xf32>, tensor<768xf32>) -> tensor<256x768xf32> {
      ^bb0(%x: f32, %y: f32):
        %1 = arith.addf %x, %y : f32
        gpt.yield %1 : f32
      }
      gpt.yield %0 : tensor<256x768xf32>
    }
    ```
    becomes
    ```mlir
    func.func @add(%a: memref<256x768xf32, strided<[784, 1]>>, %b: memref<768xf32>,
        %out: memref<256x768xf32, strided<[784, 1]>>, %begin: index, %end: index) {
      scf.for %row = %begin to %end step %c1 {
        scf.for %c = %c0 to %c768 step %c1 {
          %x = memref.load %a[%row, %c] : memref<256x768xf32, strided<[784, 1]>>
          %y = memref.load %b[%c] : memref<768xf32>
          %z = arith.addf %x, %y fastmath<contract> : f32
          memref.store %z, %out[%row, %c] : memref<256x768xf32, strided<[784, 1]>>
        } {llvm.loop_annotation = #loop}
      }
      return
    }
    ```

    **Phases.** What a reduction of a row goes into is computed in a next loop over the row. A value
    that a later loop needs again is read from the output that it is, computed anew if that takes a
    few operations, or kept: in the row of an output that is written later, where there is one, else
    in scratch memory on the stack.

    **Floating point.** Sums over a row or column may be reassociated, in a way that is fixed when
    the kernel is compiled; products may be fused into sums; dividing a row by one number may
    multiply by its reciprocal. Nothing else is assumed: NaN and infinities come out as IEEE 754
    says, the maximum of a row with a NaN is NaN, and only the sign of a zero that is a maximum or
    minimum is open.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
      "::mlir::LLVM::LLVMDialect", "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
      "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
  let options = [
    Option<"vectorBits", "vector-bits", "unsigned", "256", "the width of vectors that schedules make themselves">
  ];
}

def PrintCudaPass : Pass<"plan-print-cuda", "::mlir::ModuleOp"> {
  let summary = "Print the CUDA C++ of each kernel";
  let description = [{
    Writes the source of every kernel to standard output and leaves the module as it is. A kernel
    becomes a device function that does the work of one block, by EmitC, and entry points around it:

    ```c++
    // row kernel of transformer.h.0: gpt2.gpt:31
    GPTC_DEVICE void add_1f3a_block(const float* v1, const float* v2, float* v3, int64_t v4, uint32_t v5) {
      const gptc_view<const float, 200704> x(v1);
      const gptc_view<const float, 768> c_fc_bias(v2);
      const gptc_view<float, 200704> out0(v3);
      const int32_t rows = v4;
      const int32_t block = v5;
      const int32_t item = block * 256 + gptc_thread();
      if (item < rows * 768) {
        const int32_t row = item / 768;
        const int32_t column = item % 768;
        const float x_v = x[row * 784 + column];
        const float c_fc_bias_v = c_fc_bias[column];
        out0[row * 784 + column] = x_v + c_fc_bias_v;
      }
    }
    GPTC_KERNEL(256) add_1f3a(const float *x, const float *c_fc_bias, float *out0, gptc_i64 rows) {
      add_1f3a_block(x, c_fc_bias, out0, rows, gptc_block());
    }
    ```

    What a schedule means on a GPU:

    | schedule | a block takes |
    | --- | --- |
    | row, without reductions | 256 elements, a thread each |
    | row, with reductions | four rows, a warp each; or one row, if it has more than 1024 elements |
    | column | 32 columns; its warps take slices of what is reduced |
    | segmented_sum | a row of the table |
    | attention | 64 queries of a head |
    | attention_grad | 64 keys of a group (dk, dv) or 64 queries of a head (dq); 32 where these have many columns |

    Sums are combined in an order that the source fixes.
  }];
  let dependentDialects = ["::mlir::emitc::EmitCDialect"];
}

def ExpandMathPass : Pass<"expand-math"> {
  let summary = "Replace math functions by arithmetic that LLVM can vectorise";
  let description = [{
    On float32 scalars, `exp`, `log`, `sin`, `cos`, `powf` and `arith.remf` become gptc's own
    expansions, `tanh`, `erf` and rarer functions the approximations of MLIR; on vectors, `exp` and
    `log` do. No call of a library is left of these, and their special cases are those of C's functions.

    Largest errors in units in the last place, measured against float64 over all magnitudes:

    | function | error | |
    | --- | --- | --- |
    | `exp` | 1.0 | results below the smallest normal number, 2⁻¹²⁶, are 0 |
    | `log` | 0.9 | |
    | `tanh`, `erf` | 4.5 | |
    | `sin`, `cos` | 0.6 | for arguments of any size |
    | `powf` | 0.51 | |
    | `arith.remf` | 0 | for quotients below 2⁵³; beyond, the result is 0 |
    | `sqrt` | 0.5 | an instruction |
    | `rsqrt` | 1.5 | 1 / √x |
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
      "::mlir::vector::VectorDialect"];
}

def ShareOperandsPass : Pass<"plan-share-operands", "::mlir::ModuleOp"> {
  let summary = "Let outputs take the place of inputs that nobody reads again";
  let description = [{
    Where a launch is the last command that touches a transient buffer, which it reads, and the first one that
    touches another, which it writes with the same layout, both become one, if the kernel reads each element before
    it writes it, on every target. The gradient of the logits takes the place of the logits.

    ```mlir
    plan.launch @grad rows [256] grain 1 [[#plan.view<@b3, 0>, #plan.view<@b4, 0>]]
    plan.matmul … (#plan.view<@b4, 0>, …)
    ```
    becomes
    ```mlir
    plan.launch @grad_0 rows [256] grain 1 [[#plan.view<@b3, 0>, #plan.view<@b3, 0>]]
    plan.matmul … (#plan.view<@b3, 0>, …)
    ```
    where `@grad_0` is `@grad` with `in_place [0]`.
  }];
  let dependentDialects = ["::gptc::plan::PlanDialect"];
}

#endif // GPTC_CODEGEN_PASSES_TD
