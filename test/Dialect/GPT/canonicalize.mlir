// RUN: gptc-opt %s --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @reshape_to_itself
// CHECK-SAME: (%[[X:.+]]: tensor<2x3xf32>)
// CHECK-NEXT: return %[[X]]
func.func @reshape_to_itself(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = gpt.reshape %x : tensor<2x3xf32> -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @reshape_of_reshape
// CHECK-SAME: (%[[X:.+]]: tensor<2x3xf32>)
// CHECK-NEXT: %[[R:.+]] = gpt.reshape %[[X]] : tensor<2x3xf32> -> tensor<3x2xf32>
// CHECK-NEXT: return %[[R]], %[[X]]
func.func @reshape_of_reshape(%x: tensor<2x3xf32>) -> (tensor<3x2xf32>, tensor<2x3xf32>) {
  %0 = gpt.reshape %x : tensor<2x3xf32> -> tensor<6xf32>
  %1 = gpt.reshape %0 : tensor<6xf32> -> tensor<3x2xf32>
  %2 = gpt.reshape %0 : tensor<6xf32> -> tensor<2x3xf32>
  return %1, %2 : tensor<3x2xf32>, tensor<2x3xf32>
}

// CHECK-LABEL: func.func @transpose_by_identity
// CHECK-SAME: (%[[X:.+]]: tensor<2x3xf32>)
// CHECK-NEXT: return %[[X]]
func.func @transpose_by_identity(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = gpt.transpose %x [0, 1] : tensor<2x3xf32> -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// Axis i of the result is axis [1, 2, 0][[2, 0, 1][i]] = i of the input; and twice the first is its inverse.
// CHECK-LABEL: func.func @transpose_of_transpose
// CHECK-SAME: (%[[X:.+]]: tensor<2x3x4xf32>)
// CHECK-NEXT: %[[T:.+]] = gpt.transpose %[[X]] [2, 0, 1] : tensor<2x3x4xf32> -> tensor<4x2x3xf32>
// CHECK-NEXT: return %[[X]], %[[T]]
func.func @transpose_of_transpose(%x: tensor<2x3x4xf32>) -> (tensor<2x3x4xf32>, tensor<4x2x3xf32>) {
  %0 = gpt.transpose %x [1, 2, 0] : tensor<2x3x4xf32> -> tensor<3x4x2xf32>
  %1 = gpt.transpose %0 [2, 0, 1] : tensor<3x4x2xf32> -> tensor<2x3x4xf32>
  %2 = gpt.transpose %0 [1, 2, 0] : tensor<3x4x2xf32> -> tensor<4x2x3xf32>
  return %1, %2 : tensor<2x3x4xf32>, tensor<4x2x3xf32>
}

// CHECK-LABEL: func.func @slice_of_all
// CHECK-SAME: (%[[X:.+]]: tensor<2x3xf32>)
// CHECK-NEXT: return %[[X]]
func.func @slice_of_all(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = gpt.slice %x [0, 0] [2, 3] : tensor<2x3xf32> -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// What has no effects and no use is gone; reads of variables have none, writes do.
gpt.variable @w gradient : tensor<2x3xf32>
// CHECK-LABEL: func.func @unused
// CHECK-SAME: (%[[X:.+]]: tensor<2x3xf32>)
// CHECK-NEXT: gpt.write @w, %[[X]]
// CHECK-NEXT: return
func.func @unused(%x: tensor<2x3xf32>) {
  %0 = gpt.read @w : tensor<2x3xf32>
  %1 = gpt.softmax %0 : tensor<2x3xf32>
  %2 = gpt.fused(%1) : (tensor<2x3xf32>) -> tensor<2x3xf32> {
  ^bb0(%a: tensor<2x3xf32>):
    gpt.yield %a : tensor<2x3xf32>
  }
  gpt.write @w, %x : tensor<2x3xf32>
  return
}
