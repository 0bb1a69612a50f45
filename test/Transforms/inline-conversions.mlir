// RUN: gptc-opt %s --gpt-inline-conversions | FileCheck %s

// CHECK-LABEL: func.func @both
// CHECK-NEXT: %[[R:.*]] = gpt.map(%arg0, %arg1) : (tensor<8x4xbf16>, tensor<4xf32>) -> tensor<8x4xbf16> {
// CHECK-NEXT: ^bb0(%[[A:.*]]: bf16, %[[B:.*]]: f32):
// CHECK-NEXT: %[[ONE:.*]] = arith.constant 1.0
// CHECK-NEXT: %[[E:.*]] = arith.extf %[[A]] : bf16 to f32
// CHECK-NEXT: %[[S:.*]] = arith.addf %[[E]], %[[B]]
// CHECK-NEXT: %[[T:.*]] = arith.addf %[[S]], %[[ONE]]
// CHECK-NEXT: %[[N:.*]] = arith.truncf %[[T]] : f32 to bf16
// CHECK-NEXT: gpt.yield %[[N]] : bf16
// CHECK: return %[[R]]
func.func @both(%p: tensor<8x4xbf16>, %b: tensor<4xf32>) -> tensor<8x4xbf16> {
  %0 = gpt.map(%p) : (tensor<8x4xbf16>) -> tensor<8x4xf32> {
  ^bb0(%x: bf16):
    %e = arith.extf %x : bf16 to f32
    gpt.yield %e : f32
  }
  %1 = gpt.map(%0, %b) : (tensor<8x4xf32>, tensor<4xf32>) -> tensor<8x4xf32> {
  ^bb0(%x: f32, %y: f32):
    %c = arith.constant 1.0 : f32
    %s = arith.addf %x, %y : f32
    %t = arith.addf %s, %c : f32
    gpt.yield %t : f32
  }
  %2 = gpt.map(%1) : (tensor<8x4xf32>) -> tensor<8x4xbf16> {
  ^bb0(%x: f32):
    %e = arith.truncf %x : f32 to bf16
    gpt.yield %e : bf16
  }
  return %2 : tensor<8x4xbf16>
}

// A value that is used as it is too is not rounded; what is no map keeps its widened operand.
// CHECK-LABEL: func.func @others
// CHECK: %[[E:.*]] = gpt.map(%arg0) : (tensor<8x4xbf16>) -> tensor<8x4xf32>
// CHECK: %[[Y:.*]] = gpt.map(%arg0) : (tensor<8x4xbf16>) -> tensor<8x4xf32>
// CHECK: gpt.reduce sum %[[E]] [1]
// CHECK: gpt.map(%[[Y]]) : (tensor<8x4xf32>) -> tensor<8x4xbf16>
func.func @others(%p: tensor<8x4xbf16>) -> (tensor<8xf32>, tensor<8x4xf32>, tensor<8x4xbf16>) {
  %0 = gpt.map(%p) : (tensor<8x4xbf16>) -> tensor<8x4xf32> {
  ^bb0(%x: bf16):
    %e = arith.extf %x : bf16 to f32
    gpt.yield %e : f32
  }
  %1 = gpt.map(%0) : (tensor<8x4xf32>) -> tensor<8x4xf32> {
  ^bb0(%x: f32):
    %s = arith.mulf %x, %x : f32
    gpt.yield %s : f32
  }
  %2 = gpt.reduce sum %0 [1] : tensor<8x4xf32> -> tensor<8xf32>
  %3 = gpt.map(%1) : (tensor<8x4xf32>) -> tensor<8x4xbf16> {
  ^bb0(%x: f32):
    %e = arith.truncf %x : f32 to bf16
    gpt.yield %e : bf16
  }
  return %2, %1, %3 : tensor<8xf32>, tensor<8x4xf32>, tensor<8x4xbf16>
}
