// RUN: gptc-opt %s --gpt-assign-precision=precision=bf16 | FileCheck %s
// RUN: gptc-opt %s --gpt-assign-precision=precision=fp16 | FileCheck %s --check-prefix=FP16
// RUN: gptc-opt %s --gpt-assign-precision=precision=tf32 | FileCheck %s --check-prefix=TF32
// RUN: gptc-opt %s --gpt-assign-precision=precision=fp32 -o %t.fp32 && gptc-opt %s -o %t.plain && diff %t.fp32 %t.plain
// RUN: gptc-opt %s --gpt-assign-precision=precision=bf16 --remarks-filter='gpt-assign-precision' --remark-policy=all -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// Nothing but gpt-remove-roundings takes a rounding away.
// RUN: gptc-opt %s --gpt-assign-precision=precision=bf16 --canonicalize --cse | FileCheck %s --check-prefix=KEPT

gpt.variable @w parameter init(<normal, 0.5, 0.0>) decay : tensor<16x4xf32>
gpt.variable @"gradient:w" gradient of @w : tensor<16x4xf32>
gpt.variable @x input : tensor<8x16xf32>

// Operands are rounded once, where they are made, and the parameter once an entry; results have 16 bits and
// are widened for what is float32; the parameter's gradient is not rounded.
// CHECK-LABEL: func.func @linear
// CHECK-SAME: (%[[DY:.*]]: tensor<8x4xf32>)
// CHECK: %[[DYN:.*]] = gpt.map(%[[DY]]) : (tensor<8x4xf32>) -> tensor<8x4xbf16>
// CHECK: arith.truncf
// CHECK: %[[XN:.*]] = gpt.map(%{{.*}}) : (tensor<8x16xf32>) -> tensor<8x16xbf16>
// CHECK: %[[WN:.*]] = gpt.map(%{{.*}}) : (tensor<16x4xf32>) -> tensor<16x4xbf16>
// CHECK: %[[YN:.*]] = gpt.matmul %[[XN]], %[[WN]] : tensor<8x16xbf16>, tensor<16x4xbf16> -> tensor<8x4xbf16>
// CHECK: %[[Y:.*]] = gpt.map(%[[YN]]) : (tensor<8x4xbf16>) -> tensor<8x4xf32>
// CHECK: arith.extf
// CHECK: %[[DW:.*]] = gpt.matmul %[[XN]], %[[DYN]] transpose_lhs : tensor<8x16xbf16>, tensor<8x4xbf16> -> tensor<16x4xf32>
// CHECK-NEXT: gpt.write @"gradient:w", %[[DW]]
// CHECK: %[[DXN:.*]] = gpt.matmul %[[DYN]], %[[WN]] transpose_rhs : {{.*}} -> tensor<8x16xbf16>
// CHECK-NOT: gpt.matmul
// CHECK: return
// FP16-LABEL: func.func @linear
// FP16: gpt.matmul {{.*}} : tensor<8x16xf16>, tensor<16x4xf16> -> tensor<8x4xf16>
// TF32-LABEL: func.func @linear
// TF32-NOT: arith.truncf
// TF32: gpt.matmul {{.*}} tf32 : tensor<8x16xf32>, tensor<16x4xf32> -> tensor<8x4xf32>
// TF32: gpt.matmul {{.*}} transpose_lhs tf32 :
// REMARK-DAG: Rounded | Category:gpt-assign-precision | Function=linear | bytes=512, type=bf16
// REMARK-DAG: Rounded | Category:gpt-assign-precision | Function=linear | bytes=256, type=bf16
// REMARK-DAG: Rounded | Category:gpt-assign-precision | Function=linear | bytes=128, type=bf16
// REMARK-DAG: Float32 | Category:gpt-assign-precision | Function=linear | Reason="it is a parameter's gradient, or a term of it", bytes=256
func.func @linear(%dy: tensor<8x4xf32>) -> (tensor<8x4xf32>, tensor<8x16xf32>) {
  %x = gpt.read @x : tensor<8x16xf32>
  %w = gpt.read @w : tensor<16x4xf32>
  %y = gpt.matmul %x, %w : tensor<8x16xf32>, tensor<16x4xf32> -> tensor<8x4xf32>
  %dw = gpt.matmul %x, %dy transpose_lhs : tensor<8x16xf32>, tensor<8x4xf32> -> tensor<16x4xf32>
  gpt.write @"gradient:w", %dw : tensor<16x4xf32>
  %dx = gpt.matmul %dy, %w transpose_rhs : tensor<8x4xf32>, tensor<16x4xf32> -> tensor<8x16xf32>
  return %y, %dx : tensor<8x4xf32>, tensor<8x16xf32>
}

// Between two products values are rearranged with 16 bits, and not rounded again.
// CHECK-LABEL: func.func @rearranged
// CHECK: %[[P:.*]] = gpt.matmul {{.*}} -> tensor<8x8xbf16>
// CHECK: %[[A:.*]]:2 = gpt.split %[[P]] axis 1 : tensor<8x8xbf16> -> tensor<8x4xbf16>, tensor<8x4xbf16>
// CHECK-NOT: truncf
// CHECK: %[[T:.*]] = gpt.transpose %[[A]]#1 [1, 0] : tensor<8x4xbf16> -> tensor<4x8xbf16>
// CHECK: gpt.matmul %[[A]]#0, %[[T]] : tensor<8x4xbf16>, tensor<4x8xbf16> -> tensor<8x8xbf16>
func.func @rearranged(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %p = gpt.matmul %x, %x : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
  %a, %b = gpt.split %p axis 1 : tensor<8x8xf32> -> tensor<8x4xf32>, tensor<8x4xf32>
  %t = gpt.transpose %b [1, 0] : tensor<8x4xf32> -> tensor<4x8xf32>
  %y = gpt.matmul %a, %t : tensor<8x4xf32>, tensor<4x8xf32> -> tensor<8x8xf32>
  return %y : tensor<8x8xf32>
}

// Attention's log-sum-exp stays float32.
// CHECK-LABEL: func.func @attention
// CHECK: %[[N:.*]] = gpt.map(%{{.*}}) : (tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xbf16>
// CHECK: %[[O:.*]], %[[L:.*]] = gpt.flash_attention %[[N]], %[[N]], %[[N]] causal scale {{.*}} -> tensor<1x2x3x4xbf16>, tensor<1x2x3xf32>
// CHECK: gpt.flash_attention_grad %[[N]], %[[N]], %[[N]], %[[O]], %[[L]], %[[N]] causal
// CHECK-SAME: -> tensor<1x2x3x4xbf16>, tensor<1x2x3x4xbf16>, tensor<1x2x3x4xbf16>
// TF32-LABEL: func.func @attention
// TF32: gpt.flash_attention {{.*}} tf32 :
// TF32: gpt.flash_attention_grad {{.*}} tf32
func.func @attention(%q: tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32> {
  %o, %l = gpt.flash_attention %q, %q, %q causal scale 0.5 : tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32> -> tensor<1x2x3x4xf32>, tensor<1x2x3xf32>
  %dq, %dk, %dv = gpt.flash_attention_grad %q, %q, %q, %o, %l, %q causal scale 0.5
      : tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3xf32>, tensor<1x2x3x4xf32>
      -> tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>
  return %dk : tensor<1x2x3x4xf32>
}

// A gradient of several terms, and one that is rearranged first.
// CHECK-LABEL: func.func @terms
// CHECK: gpt.matmul {{.*}} : tensor<16x8xbf16>, tensor<8x4xbf16> -> tensor<16x4xf32>
// CHECK: gpt.matmul {{.*}} : tensor<4x8xbf16>, tensor<8x16xbf16> -> tensor<4x16xf32>
func.func @terms(%a: tensor<16x8xf32>, %b: tensor<8x4xf32>, %c: tensor<4x8xf32>, %d: tensor<8x16xf32>) {
  %0 = gpt.matmul %a, %b : tensor<16x8xf32>, tensor<8x4xf32> -> tensor<16x4xf32>
  %1 = gpt.matmul %c, %d : tensor<4x8xf32>, tensor<8x16xf32> -> tensor<4x16xf32>
  %2 = gpt.transpose %1 [1, 0] : tensor<4x16xf32> -> tensor<16x4xf32>
  %3 = gpt.map(%0, %2) : (tensor<16x4xf32>, tensor<16x4xf32>) -> tensor<16x4xf32> {
  ^bb0(%x: f32, %y: f32):
    %s = arith.addf %x, %y : f32
    gpt.yield %s : f32
  }
  gpt.write @"gradient:w", %3 : tensor<16x4xf32>
  return
}

// KEPT-LABEL: func.func @user
// KEPT: %[[R:.*]] = arith.truncf
// KEPT: arith.extf %[[R]]
func.func @user(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = gpt.map(%x) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: f32):
    %1 = arith.truncf %a : f32 to bf16
    %2 = arith.extf %1 : bf16 to f32
    gpt.yield %2 : f32
  }
  return %0 : tensor<4xf32>
}
