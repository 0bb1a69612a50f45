// RUN: gptc-opt %s --gpt-remove-roundings | FileCheck %s
// RUN: gptc-opt %s --gpt-remove-roundings --remarks-filter='gpt-remove-roundings' --remark-policy=all -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// CHECK-LABEL: func.func @scalars
// CHECK-NOT: arith.extf
// CHECK: gpt.yield %{{.*}}, %{{.*}} : f32, bf16
// REMARK: [Passed] Rounding | Category:gpt-remove-roundings | Function=scalars | type=f32
func.func @scalars(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xbf16>) {
  %0:2 = gpt.map(%x) : (tensor<4xf32>) -> (tensor<4xf32>, tensor<4xbf16>) {
  ^bb0(%a: f32):
    %1 = arith.truncf %a : f32 to bf16
    %2 = arith.extf %1 : bf16 to f32
    gpt.yield %2, %1 : f32, bf16
  }
  return %0#0, %0#1 : tensor<4xf32>, tensor<4xbf16>
}

// What is rounded from 16 bits to other 16 bits on the way is not the same.
// CHECK-LABEL: func.func @other_type
// CHECK: arith.truncf
// CHECK: arith.extf
func.func @other_type(%x: tensor<4xf64>) -> tensor<4xf32> {
  %0 = gpt.map(%x) : (tensor<4xf64>) -> tensor<4xf32> {
  ^bb0(%a: f64):
    %1 = arith.truncf %a : f64 to bf16
    %2 = arith.extf %1 : bf16 to f32
    gpt.yield %2 : f32
  }
  return %0 : tensor<4xf32>
}

// The kernel yields the rounded value, and goes on with the exact one.
// CHECK-LABEL: func.func @kernel
// CHECK: ^bb0(%[[X:.*]]: tensor<4xf32>):
// CHECK: %[[R:.*]] = gpt.map(%[[X]]) : (tensor<4xf32>) -> tensor<4xbf16>
// CHECK: %[[Y:.*]] = gpt.map(%[[X]]) : (tensor<4xf32>) -> tensor<4xf32>
// CHECK: gpt.yield %[[R]], %[[Y]]
// REMARK: [Passed] Rounding | Category:gpt-remove-roundings | Function=kernel
func.func @kernel(%x: tensor<4xf32>) -> (tensor<4xbf16>, tensor<4xf32>) {
  %0:2 = gpt.fused(%x) : (tensor<4xf32>) -> (tensor<4xbf16>, tensor<4xf32>) {
  ^bb0(%a: tensor<4xf32>):
    %1 = gpt.map(%a) : (tensor<4xf32>) -> tensor<4xbf16> {
    ^bb0(%b: f32):
      %t = arith.truncf %b : f32 to bf16
      gpt.yield %t : bf16
    }
    %2 = gpt.map(%1) : (tensor<4xbf16>) -> tensor<4xf32> {
    ^bb0(%b: bf16):
      %t = arith.extf %b : bf16 to f32
      gpt.yield %t : f32
    }
    %3 = gpt.map(%2) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%b: f32):
      %t = arith.mulf %b, %b : f32
      gpt.yield %t : f32
    }
    gpt.yield %1, %3 : tensor<4xbf16>, tensor<4xf32>
  }
  return %0#0, %0#1 : tensor<4xbf16>, tensor<4xf32>
}

// A product in the place of a float32 output.
// CHECK-LABEL: func.func @product
// CHECK: %[[P:.*]] = gpt.matmul {{.*}} : tensor<8x4xbf16>, tensor<4x4xbf16> -> tensor<8x4xf32>
// CHECK-NEXT: gpt.map(%[[P]], %{{.*}}) : (tensor<8x4xf32>, tensor<4xf32>) -> tensor<8x4xf32>
// REMARK: [Passed] Rounding | Category:gpt-remove-roundings | Function=product
func.func @product(%x: tensor<8x4xbf16>, %w: tensor<4x4xbf16>, %b: tensor<4xf32>) -> tensor<8x4xf32> {
  %0 = gpt.fused(%x, %w, %b) : (tensor<8x4xbf16>, tensor<4x4xbf16>, tensor<4xf32>) -> tensor<8x4xf32> {
  ^bb0(%i: tensor<8x4xbf16>, %j: tensor<4x4xbf16>, %k: tensor<4xf32>):
    %p = gpt.matmul %i, %j : tensor<8x4xbf16>, tensor<4x4xbf16> -> tensor<8x4xbf16>
    %e = gpt.map(%p) : (tensor<8x4xbf16>) -> tensor<8x4xf32> {
    ^bb0(%a: bf16):
      %t = arith.extf %a : bf16 to f32
      gpt.yield %t : f32
    }
    %y = gpt.map(%e, %k) : (tensor<8x4xf32>, tensor<4xf32>) -> tensor<8x4xf32> {
    ^bb0(%a: f32, %c: f32):
      %t = arith.addf %a, %c : f32
      gpt.yield %t : f32
    }
    gpt.yield %y : tensor<8x4xf32>
  }
  return %0 : tensor<8x4xf32>
}

// Outputs of 16 bits alone have no place for it.
// CHECK-LABEL: func.func @narrow_output
// CHECK: gpt.matmul {{.*}} -> tensor<8x4xbf16>
// CHECK: arith.extf
// REMARK: [Missed] Rounding | Category:gpt-remove-roundings | Function=narrow_output | Reason="the product would take memory of its own"
func.func @narrow_output(%x: tensor<8x4xbf16>, %w: tensor<4x4xbf16>) -> tensor<8x4xbf16> {
  %0 = gpt.fused(%x, %w) : (tensor<8x4xbf16>, tensor<4x4xbf16>) -> tensor<8x4xbf16> {
  ^bb0(%i: tensor<8x4xbf16>, %j: tensor<4x4xbf16>):
    %p = gpt.matmul %i, %j : tensor<8x4xbf16>, tensor<4x4xbf16> -> tensor<8x4xbf16>
    %e = gpt.map(%p) : (tensor<8x4xbf16>) -> tensor<8x4xf32> {
    ^bb0(%a: bf16):
      %t = arith.extf %a : bf16 to f32
      gpt.yield %t : f32
    }
    %y = gpt.map(%e) : (tensor<8x4xf32>) -> tensor<8x4xbf16> {
    ^bb0(%a: f32):
      %q = arith.mulf %a, %a : f32
      %t = arith.truncf %q : f32 to bf16
      gpt.yield %t : bf16
    }
    gpt.yield %y : tensor<8x4xbf16>
  }
  return %0 : tensor<8x4xbf16>
}

// A rounded product that the kernel gives out stays.
// CHECK-LABEL: func.func @needed
// CHECK: gpt.matmul {{.*}} -> tensor<8x4xbf16>
// REMARK: [Missed] Rounding | Category:gpt-remove-roundings | Function=needed | Reason="the rounded product is used besides"
func.func @needed(%x: tensor<8x4xbf16>, %w: tensor<4x4xbf16>) -> (tensor<8x4xf32>, tensor<8x4xbf16>) {
  %0:2 = gpt.fused(%x, %w) : (tensor<8x4xbf16>, tensor<4x4xbf16>) -> (tensor<8x4xf32>, tensor<8x4xbf16>) {
  ^bb0(%i: tensor<8x4xbf16>, %j: tensor<4x4xbf16>):
    %p = gpt.matmul %i, %j : tensor<8x4xbf16>, tensor<4x4xbf16> -> tensor<8x4xbf16>
    %e = gpt.map(%p) : (tensor<8x4xbf16>) -> tensor<8x4xf32> {
    ^bb0(%a: bf16):
      %t = arith.extf %a : bf16 to f32
      gpt.yield %t : f32
    }
    gpt.yield %e, %p : tensor<8x4xf32>, tensor<8x4xbf16>
  }
  return %0#0, %0#1 : tensor<8x4xf32>, tensor<8x4xbf16>
}
