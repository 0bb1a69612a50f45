// RUN: gptc-opt %s --gpt-split-reductions | FileCheck %s

// CHECK-LABEL: func.func @everything
// CHECK-SAME: (%[[X:.*]]: tensor<2x3x4xf32>)
// CHECK: %[[A:.*]] = gpt.reduce sum %[[X]] [2] : tensor<2x3x4xf32> -> tensor<2x3xf32>
// CHECK: %[[B:.*]] = gpt.reduce sum %[[A]] [1] : tensor<2x3xf32> -> tensor<2xf32>
// CHECK: %[[C:.*]] = gpt.reduce sum %[[B]] [0] : tensor<2xf32> -> tensor<f32>
// CHECK: return %[[C]]
func.func @everything(%x: tensor<2x3x4xf32>) -> tensor<f32> {
  %0 = gpt.reduce sum %x [0, 1, 2] : tensor<2x3x4xf32> -> tensor<f32>
  return %0 : tensor<f32>
}

// The last axis, then the ones in front that are not neighbours of it.
// CHECK-LABEL: func.func @first_and_last
// CHECK: %[[A:.*]] = gpt.reduce max %{{.*}} [2] : tensor<2x3x4xf32> -> tensor<2x3xf32>
// CHECK: gpt.reduce max %[[A]] [0] : tensor<2x3xf32> -> tensor<3xf32>
func.func @first_and_last(%x: tensor<2x3x4xf32>) -> tensor<3xf32> {
  %0 = gpt.reduce max %x [0, 2] : tensor<2x3x4xf32> -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// CHECK-LABEL: func.func @nothing
// CHECK-SAME: (%[[X:.*]]: tensor<2xf32>)
// CHECK-NEXT: return %[[X]]
func.func @nothing(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = gpt.reduce min %x [] : tensor<2xf32> -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// Leading axes alone, and the last alone, stay as they are.
// CHECK-LABEL: func.func @kept
// CHECK-NEXT: gpt.reduce sum %{{.*}} [0, 1] : tensor<2x3x4xf32> -> tensor<4xf32>
// CHECK-NEXT: gpt.reduce sum %{{.*}} [2] : tensor<2x3x4xf32> -> tensor<2x3xf32>
func.func @kept(%x: tensor<2x3x4xf32>) -> (tensor<4xf32>, tensor<2x3xf32>) {
  %0 = gpt.reduce sum %x [0, 1] : tensor<2x3x4xf32> -> tensor<4xf32>
  %1 = gpt.reduce sum %x [2] : tensor<2x3x4xf32> -> tensor<2x3xf32>
  return %0, %1 : tensor<4xf32>, tensor<2x3xf32>
}
