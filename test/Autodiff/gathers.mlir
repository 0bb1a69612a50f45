// RUN: gptc-opt %s --split-input-file --gpt-differentiate | FileCheck %s

// The table's adjoint is a sum of rows in sorted order.
gpt.variable @tokens input : tensor<2x3xi32>
gpt.variable @table parameter init(<constant, 0.0, 0.0>) : tensor<7x4xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  // CHECK: %[[TOKENS:.*]] = gpt.read @tokens
  %tokens = gpt.read @tokens : tensor<2x3xi32>
  %table = gpt.read @table : tensor<7x4xf32>
  %x = gpt.embedding %tokens, %table : tensor<2x3xi32>, tensor<7x4xf32> -> tensor<2x3x4xf32>
  %loss = gpt.reduce sum %x [0, 1, 2] : tensor<2x3x4xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[DX:.*]] = gpt.map
  // CHECK: %[[ORDER:.*]] = gpt.argsort %[[TOKENS]] : tensor<2x3xi32> -> tensor<6xi32>
  // CHECK: gpt.embedding_grad %[[TOKENS]], %[[ORDER]], %[[DX]] : tensor<2x3xi32>, tensor<6xi32>, tensor<2x3x4xf32> -> tensor<7x4xf32>
  return %loss : tensor<f32>
}

// -----

// Positions read each row once: the other rows are padding.
gpt.variable @table parameter init(<constant, 0.0, 0.0>) : tensor<7x4xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  %positions = gpt.iota : tensor<5xi32>
  %table = gpt.read @table : tensor<7x4xf32>
  %x = gpt.embedding %positions, %table : tensor<5xi32>, tensor<7x4xf32> -> tensor<5x4xf32>
  %loss = gpt.reduce sum %x [0, 1] : tensor<5x4xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[DX:.*]] = gpt.map
  // CHECK-NOT: gpt.argsort
  // CHECK: %[[DT:.*]] = gpt.pad %[[DX]] [0, 0] [2, 0] : tensor<5x4xf32> -> tensor<7x4xf32>
  // CHECK: gpt.write @"gradient:table", %[[DT]]
  return %loss : tensor<f32>
}

// -----

gpt.variable @table parameter init(<constant, 0.0, 0.0>) : tensor<5x4xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  %positions = gpt.iota : tensor<5xi32>
  %table = gpt.read @table : tensor<5x4xf32>
  %x = gpt.embedding %positions, %table : tensor<5xi32>, tensor<5x4xf32> -> tensor<5x4xf32>
  %loss = gpt.reduce sum %x [0, 1] : tensor<5x4xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[DX:.*]] = gpt.map
  // CHECK: gpt.write @"gradient:table", %[[DX]]
  return %loss : tensor<f32>
}

// -----

gpt.variable @i input : tensor<4xi32>
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<4x7xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  // CHECK: %[[I:.*]] = gpt.read @i
  %i = gpt.read @i : tensor<4xi32>
  %w = gpt.read @w : tensor<4x7xf32>
  %p = gpt.pick %w, %i : tensor<4x7xf32>, tensor<4xi32> -> tensor<4xf32>
  %loss = gpt.reduce sum %p [0] : tensor<4xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[DP:.*]] = gpt.map
  // CHECK: %[[COLUMNS:.*]] = gpt.iota : tensor<7xi32>
  // CHECK: %[[INDEX:.*]] = gpt.reshape %[[I]] : tensor<4xi32> -> tensor<4x1xi32>
  // CHECK: %[[D:.*]] = gpt.reshape %[[DP]] : tensor<4xf32> -> tensor<4x1xf32>
  // CHECK: gpt.map(%[[COLUMNS]], %[[INDEX]], %[[D]]) : (tensor<7xi32>, tensor<4x1xi32>, tensor<4x1xf32>) -> tensor<4x7xf32> {
  // CHECK-NEXT: ^bb0(%[[C:.*]]: i32, %[[N:.*]]: i32, %[[V:.*]]: f32):
  // CHECK-NEXT:   %[[ZERO:.*]] = arith.constant 0.0
  // CHECK-NEXT:   %[[HIT:.*]] = arith.cmpi eq, %[[C]], %[[N]]
  // CHECK-NEXT:   arith.select %[[HIT]], %[[V]], %[[ZERO]]
  return %loss : tensor<f32>
}
