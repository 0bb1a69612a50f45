// RUN: gptc-opt %s --split-input-file --gpt-differentiate | FileCheck %s

// Leading axes: the adjoint stretches as it is.
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<2x4x8xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  %w = gpt.read @w : tensor<2x4x8xf32>
  %s = gpt.reduce sum %w [0, 1] : tensor<2x4x8xf32> -> tensor<8xf32>
  %loss = gpt.reduce sum %s [0] : tensor<8xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[DS:.*]] = gpt.map(%{{.*}}) : (tensor<f32>) -> tensor<8xf32> {
  // CHECK-NOT: gpt.reshape
  // CHECK: gpt.map(%[[DS]]) : (tensor<8xf32>) -> tensor<2x4x8xf32> {
  // CHECK-NEXT: ^bb0(%[[A:.*]]: f32):
  // CHECK-NEXT:   gpt.yield %[[A]]
  return %loss : tensor<f32>
}

// -----

// Other axes: it gets axes of size 1 first.
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<2x4x8xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  %w = gpt.read @w : tensor<2x4x8xf32>
  %s = gpt.reduce sum %w [0, 2] : tensor<2x4x8xf32> -> tensor<4xf32>
  %loss = gpt.reduce sum %s [0] : tensor<4xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[DS:.*]] = gpt.map
  // CHECK: %[[KEPT:.*]] = gpt.reshape %[[DS]] : tensor<4xf32> -> tensor<1x4x1xf32>
  // CHECK: gpt.map(%[[KEPT]]) : (tensor<1x4x1xf32>) -> tensor<2x4x8xf32>
  return %loss : tensor<f32>
}

// -----

// Axes of size 1 need no stretching.
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<1x4x1xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  %w = gpt.read @w : tensor<1x4x1xf32>
  %s = gpt.reduce sum %w [0, 2] : tensor<1x4x1xf32> -> tensor<4xf32>
  %loss = gpt.reduce sum %s [0] : tensor<4xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[DS:.*]] = gpt.map
  // CHECK: %[[DW:.*]] = gpt.reshape %[[DS]] : tensor<4xf32> -> tensor<1x4x1xf32>
  // CHECK: gpt.write @"gradient:w", %[[DW]]
  return %loss : tensor<f32>
}

// -----

// The maximum's adjoint goes to the elements that equal it, in equal parts.
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<4x8xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  // CHECK: %[[W:.*]] = gpt.read @w
  %w = gpt.read @w : tensor<4x8xf32>
  // CHECK: %[[MAX:.*]] = gpt.reduce max
  %s = gpt.reduce max %w [1] : tensor<4x8xf32> -> tensor<4xf32>
  %loss = gpt.reduce sum %s [0] : tensor<4xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[DS:.*]] = gpt.map
  // CHECK: %[[DMAX:.*]] = gpt.reshape %[[DS]] : tensor<4xf32> -> tensor<4x1xf32>
  // CHECK: %[[KEPT:.*]] = gpt.reshape %[[MAX]] : tensor<4xf32> -> tensor<4x1xf32>
  // CHECK: %[[MASK:.*]] = gpt.map(%[[W]], %[[KEPT]])
  // CHECK:   arith.cmpf oeq
  // CHECK: %[[SUM:.*]] = gpt.reduce sum %[[MASK]] [1]
  // CHECK: %[[TIES:.*]] = gpt.reshape %[[SUM]] : tensor<4xf32> -> tensor<4x1xf32>
  // CHECK: gpt.map(%[[W]], %[[KEPT]], %[[DMAX]], %[[TIES]])
  // CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[M:.*]]: f32, %[[D:.*]]: f32, %[[N:.*]]: f32):
  // CHECK-DAG:    %[[HIT:.*]] = arith.cmpf oeq, %[[X]], %[[M]]
  // CHECK-DAG:    %[[PART:.*]] = arith.divf %[[D]], %[[N]]
  // CHECK:        arith.select %[[HIT]], %[[PART]], %{{.*}}
  return %loss : tensor<f32>
}
