// RUN: gptc-opt %s --gpt-split-reductions | FileCheck %s

// Little: all at once.
// CHECK-LABEL: func.func @everything
// CHECK-SAME: (%[[X:.*]]: tensor<2x3x4xf32>)
// CHECK: %[[F:.*]] = gpt.reshape %[[X]] : tensor<2x3x4xf32> -> tensor<24xf32>
// CHECK: %[[S:.*]] = gpt.reduce sum %[[F]] [0] : tensor<24xf32> -> tensor<f32>
// CHECK: return %[[S]]
func.func @everything(%x: tensor<2x3x4xf32>) -> tensor<f32> {
  %0 = gpt.reduce sum %x [0, 1, 2] : tensor<2x3x4xf32> -> tensor<f32>
  return %0 : tensor<f32>
}

// A map that is only reduced is computed in the same kernel.
// CHECK-LABEL: func.func @count
// CHECK: %[[F:.*]] = gpt.reshape %{{.*}} : tensor<3x4xi32> -> tensor<12xi32>
// CHECK: %[[M:.*]] = gpt.map(%[[F]], %{{.*}}) : (tensor<12xi32>, tensor<i32>) -> tensor<12xf32>
// CHECK: gpt.reduce sum %[[M]] [0] : tensor<12xf32> -> tensor<f32>
func.func @count(%x: tensor<3x4xi32>, %least: tensor<i32>) -> tensor<f32> {
  %m = gpt.map(%x, %least) : (tensor<3x4xi32>, tensor<i32>) -> tensor<3x4xf32> {
  ^bb0(%a: i32, %b: i32):
    %1 = arith.cmpi sge, %a, %b : i32
    %2 = arith.uitofp %1 : i1 to f32
    gpt.yield %2 : f32
  }
  %0 = gpt.reduce sum %m [0, 1] : tensor<3x4xf32> -> tensor<f32>
  return %0 : tensor<f32>
}

// Much: rows first, in parallel; their sums are few.
// CHECK-LABEL: func.func @much
// CHECK: %[[A:.*]] = gpt.reduce sum %{{.*}} [2] : tensor<20x30x400xf32> -> tensor<20x30xf32>
// CHECK: %[[F:.*]] = gpt.reshape %[[A]] : tensor<20x30xf32> -> tensor<600xf32>
// CHECK: gpt.reduce sum %[[F]] [0] : tensor<600xf32> -> tensor<f32>
func.func @much(%x: tensor<20x30x400xf32>) -> tensor<f32> {
  %0 = gpt.reduce sum %x [0, 1, 2] : tensor<20x30x400xf32> -> tensor<f32>
  return %0 : tensor<f32>
}

// Rows of stored reals may be padded: they are not taken as one, nor is what is computed from them.
// CHECK-LABEL: func.func @stored
// CHECK: %[[A:.*]] = gpt.reduce sum %{{.*}} [1] : tensor<2x3xf32> -> tensor<2xf32>
// CHECK: gpt.reduce sum %[[A]] [0] : tensor<2xf32> -> tensor<f32>
// CHECK: %[[B:.*]] = gpt.reduce max %{{.*}} [1] : tensor<2x3xf32> -> tensor<2xf32>
// CHECK: gpt.reduce max %[[B]] [0] : tensor<2xf32> -> tensor<f32>
gpt.variable @w parameter init(#gpt.init<constant, 1.0, 0.0>) : tensor<2x3xf32>
func.func @stored() -> (tensor<f32>, tensor<f32>) {
  %w = gpt.read @w : tensor<2x3xf32>
  %0 = gpt.reduce sum %w [0, 1] : tensor<2x3xf32> -> tensor<f32>
  %m = gpt.map(%w) : (tensor<2x3xf32>) -> tensor<2x3xf32> {
  ^bb0(%a: f32):
    %2 = arith.mulf %a, %a : f32
    gpt.yield %2 : f32
  }
  %1 = gpt.reduce max %m [0, 1] : tensor<2x3xf32> -> tensor<f32>
  return %0, %1 : tensor<f32>, tensor<f32>
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
