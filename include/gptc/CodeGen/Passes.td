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

    Loops are scalar: vectors are left to LLVM. A loop along a row is marked with a
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
      "::mlir::scf::SCFDialect"];
}

def ExpandMathPass : Pass<"expand-math"> {
  let summary = "Replace math functions by arithmetic that LLVM can vectorise";
  let description = [{
    On float32 scalars, `exp`, `log`, `sin`, `cos`, `powf` and `arith.remf` become gptc's own
    expansions, `tanh`, `erf` and rarer functions the approximations of MLIR. No call of a library is
    left of these, and their special cases are those of C's functions.

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

#endif // GPTC_CODEGEN_PASSES_TD
