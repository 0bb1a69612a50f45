// RUN: gptc-opt %s --split-input-file --gpt-differentiate | FileCheck %s

// dA = dC Bᵀ, dB = Aᵀ dC.
gpt.variable @a parameter init(<constant, 0.0, 0.0>) : tensor<2x3x4xf32>
gpt.variable @b parameter init(<constant, 0.0, 0.0>) : tensor<2x4x5xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  // CHECK: %[[A:.*]] = gpt.read @a
  %a = gpt.read @a : tensor<2x3x4xf32>
  // CHECK: %[[B:.*]] = gpt.read @b
  %b = gpt.read @b : tensor<2x4x5xf32>
  %c = gpt.matmul %a, %b : tensor<2x3x4xf32>, tensor<2x4x5xf32> -> tensor<2x3x5xf32>
  %loss = gpt.reduce sum %c [0, 1, 2] : tensor<2x3x5xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[DC:.*]] = gpt.map
  // CHECK: gpt.matmul %[[DC]], %[[B]] transpose_rhs : tensor<2x3x5xf32>, tensor<2x4x5xf32> -> tensor<2x3x4xf32>
  // CHECK: gpt.matmul %[[A]], %[[DC]] transpose_lhs : tensor<2x3x4xf32>, tensor<2x3x5xf32> -> tensor<2x4x5xf32>
  return %loss : tensor<f32>
}

// -----

// C = A Bᵀ: dA = dC B, dB = dCᵀ A.
gpt.variable @a parameter init(<constant, 0.0, 0.0>) : tensor<3x4xf32>
gpt.variable @b parameter init(<constant, 0.0, 0.0>) : tensor<5x4xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  // CHECK: %[[A:.*]] = gpt.read @a
  %a = gpt.read @a : tensor<3x4xf32>
  // CHECK: %[[B:.*]] = gpt.read @b
  %b = gpt.read @b : tensor<5x4xf32>
  %c = gpt.matmul %a, %b transpose_rhs : tensor<3x4xf32>, tensor<5x4xf32> -> tensor<3x5xf32>
  %loss = gpt.reduce sum %c [0, 1] : tensor<3x5xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[DC:.*]] = gpt.map
  // CHECK: gpt.matmul %[[DC]], %[[B]] : tensor<3x5xf32>, tensor<5x4xf32> -> tensor<3x4xf32>
  // CHECK: gpt.matmul %[[DC]], %[[A]] transpose_lhs : tensor<3x5xf32>, tensor<3x4xf32> -> tensor<5x4xf32>
  return %loss : tensor<f32>
}

// -----

// C = Aᵀ B: dA = B dCᵀ, dB = A dC.
gpt.variable @a parameter init(<constant, 0.0, 0.0>) : tensor<4x3xf32>
gpt.variable @b parameter init(<constant, 0.0, 0.0>) : tensor<4x5xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  // CHECK: %[[A:.*]] = gpt.read @a
  %a = gpt.read @a : tensor<4x3xf32>
  // CHECK: %[[B:.*]] = gpt.read @b
  %b = gpt.read @b : tensor<4x5xf32>
  %c = gpt.matmul %a, %b transpose_lhs : tensor<4x3xf32>, tensor<4x5xf32> -> tensor<3x5xf32>
  %loss = gpt.reduce sum %c [0, 1] : tensor<3x5xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[DC:.*]] = gpt.map
  // CHECK: gpt.matmul %[[B]], %[[DC]] transpose_rhs : tensor<4x5xf32>, tensor<3x5xf32> -> tensor<4x3xf32>
  // CHECK: gpt.matmul %[[A]], %[[DC]] : tensor<4x3xf32>, tensor<3x5xf32> -> tensor<4x5xf32>
  return %loss : tensor<f32>
}

// -----

// C = Aᵀ Bᵀ: dA = Bᵀ dCᵀ, dB = dCᵀ Aᵀ.
gpt.variable @a parameter init(<constant, 0.0, 0.0>) : tensor<4x3xf32>
gpt.variable @b parameter init(<constant, 0.0, 0.0>) : tensor<5x4xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  // CHECK: %[[A:.*]] = gpt.read @a
  %a = gpt.read @a : tensor<4x3xf32>
  // CHECK: %[[B:.*]] = gpt.read @b
  %b = gpt.read @b : tensor<5x4xf32>
  %c = gpt.matmul %a, %b transpose_lhs transpose_rhs : tensor<4x3xf32>, tensor<5x4xf32> -> tensor<3x5xf32>
  %loss = gpt.reduce sum %c [0, 1] : tensor<3x5xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[DC:.*]] = gpt.map
  // CHECK: gpt.matmul %[[B]], %[[DC]] transpose_lhs transpose_rhs : tensor<5x4xf32>, tensor<3x5xf32> -> tensor<4x3xf32>
  // CHECK: gpt.matmul %[[DC]], %[[A]] transpose_lhs transpose_rhs : tensor<3x5xf32>, tensor<4x3xf32> -> tensor<5x4xf32>
  return %loss : tensor<f32>
}

// -----

// A matrix for all the batch: one product over all rows, and no adjoint for an input.
gpt.variable @x input : tensor<2x3x4xf32>
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<4x5xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  // CHECK: %[[X:.*]] = gpt.read @x
  %x = gpt.read @x : tensor<2x3x4xf32>
  %w = gpt.read @w : tensor<4x5xf32>
  %c = gpt.matmul %x, %w : tensor<2x3x4xf32>, tensor<4x5xf32> -> tensor<2x3x5xf32>
  %loss = gpt.reduce sum %c [0, 1, 2] : tensor<2x3x5xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[DC:.*]] = gpt.map
  // CHECK-NOT: transpose_rhs
  // CHECK: %[[ROWS:.*]] = gpt.reshape %[[X]] : tensor<2x3x4xf32> -> tensor<6x4xf32>
  // CHECK: %[[DROWS:.*]] = gpt.reshape %[[DC]] : tensor<2x3x5xf32> -> tensor<6x5xf32>
  // CHECK: gpt.matmul %[[ROWS]], %[[DROWS]] transpose_lhs : tensor<6x4xf32>, tensor<6x5xf32> -> tensor<4x5xf32>
  return %loss : tensor<f32>
}

// -----

// A reshape before the product and the one that makes rows are one.
gpt.variable @x parameter init(<constant, 0.0, 0.0>) : tensor<6x4xf32>
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<5x4xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  // CHECK: %[[X:.*]] = gpt.read @x
  %x = gpt.read @x : tensor<6x4xf32>
  // CHECK: %[[W:.*]] = gpt.read @w
  %w = gpt.read @w : tensor<5x4xf32>
  %rows = gpt.reshape %x : tensor<6x4xf32> -> tensor<2x3x4xf32>
  %c = gpt.matmul %rows, %w transpose_rhs : tensor<2x3x4xf32>, tensor<5x4xf32> -> tensor<2x3x5xf32>
  %loss = gpt.reduce sum %c [0, 1, 2] : tensor<2x3x5xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[DC:.*]] = gpt.map
  // CHECK: %[[DX:.*]] = gpt.matmul %[[DC]], %[[W]] : tensor<2x3x5xf32>, tensor<5x4xf32> -> tensor<2x3x4xf32>
  // CHECK: %[[DROWS:.*]] = gpt.reshape %[[DC]] : tensor<2x3x5xf32> -> tensor<6x5xf32>
  // CHECK: gpt.matmul %[[DROWS]], %[[X]] transpose_lhs : tensor<6x5xf32>, tensor<6x4xf32> -> tensor<5x4xf32>
  // CHECK: gpt.reshape %[[DX]] : tensor<2x3x4xf32> -> tensor<6x4xf32>
  return %loss : tensor<f32>
}
