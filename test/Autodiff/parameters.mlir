// RUN: gptc-opt %s --split-input-file --verify-diagnostics --gpt-differentiate | FileCheck %s

// What the pass declares and replaces.
// CHECK: gpt.variable @w parameter
// CHECK: gpt.variable @"gradient:w" gradient of @w : tensor<2xf32>
// CHECK: gpt.variable @"output:loss" output : tensor<f32>
// CHECK: gpt.variable @"step:inverse_accumulation" step : tensor<f32>
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<2xf32>

// CHECK-LABEL: func.func @accumulate_first() attributes {gpt.saved_bytes = 0 : i64} {
func.func @train() -> tensor<f32> {
  %w = gpt.read @w : tensor<2xf32>
  // CHECK: %[[LOSS:.*]] = gpt.reduce
  %loss = gpt.reduce sum %w [0] : tensor<2xf32> -> tensor<f32>
  // CHECK-NEXT: %[[SEED:.*]] = gpt.read @"step:inverse_accumulation" : tensor<f32>
  // CHECK-NEXT: %[[SCALED:.*]] = gpt.map(%[[LOSS]], %[[SEED]])
  // CHECK: arith.mulf
  // CHECK: gpt.write @"output:loss", %[[SCALED]] : tensor<f32>
  // CHECK-NEXT: %[[DW:.*]] = gpt.map(%[[SEED]]) : (tensor<f32>) -> tensor<2xf32>
  // CHECK: gpt.write @"gradient:w", %[[DW]] : tensor<2xf32>
  // CHECK-NEXT: return{{$}}
  return %loss : tensor<f32>
}

// -----

// A parameter that is used twice: the adjoints are written as they are found, the last use's first.
gpt.variable @tokens input : tensor<3xi32>
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<5x4xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  %tokens = gpt.read @tokens : tensor<3xi32>
  %w = gpt.read @w : tensor<5x4xf32>
  %x = gpt.embedding %tokens, %w : tensor<3xi32>, tensor<5x4xf32> -> tensor<3x4xf32>
  %again = gpt.read @w : tensor<5x4xf32>
  %y = gpt.matmul %x, %again transpose_rhs : tensor<3x4xf32>, tensor<5x4xf32> -> tensor<3x5xf32>
  %loss = gpt.reduce sum %y [0, 1] : tensor<3x5xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[FIRST:.*]] = gpt.matmul {{.*}} transpose_lhs
  // CHECK: gpt.write @"gradient:w", %[[FIRST]] : tensor<5x4xf32>
  // CHECK: %[[SECOND:.*]] = gpt.embedding_grad
  // CHECK: gpt.write @"gradient:w", %[[SECOND]] accumulate : tensor<5x4xf32>
  return %loss : tensor<f32>
}

// -----

// The adjoints of a value that is used more than twice are added up in one map.
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<4x4xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  %w = gpt.read @w : tensor<4x4xf32>
  %x = gpt.softmax %w : tensor<4x4xf32>
  %t = gpt.transpose %x [1, 0] : tensor<4x4xf32> -> tensor<4x4xf32>
  %y = gpt.matmul %x, %t : tensor<4x4xf32>, tensor<4x4xf32> -> tensor<4x4xf32>
  %z = gpt.matmul %y, %x : tensor<4x4xf32>, tensor<4x4xf32> -> tensor<4x4xf32>
  %loss = gpt.reduce sum %z [0, 1] : tensor<4x4xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[A:.*]] = gpt.matmul {{.*}} transpose_lhs
  // CHECK: %[[B:.*]] = gpt.matmul {{.*}} transpose_rhs
  // CHECK: %[[C:.*]] = gpt.transpose
  // CHECK: gpt.map(%[[A]], %[[B]], %[[C]])
  // CHECK-COUNT-2: arith.addf
  // CHECK-NEXT: gpt.yield
  return %loss : tensor<f32>
}

// -----

// expected-warning @below {{parameter @alone does not influence the loss; its gradient is zero}}
gpt.variable @alone parameter init(<constant, 0.0, 0.0>) : tensor<4xf32>
// expected-warning @below {{parameter @rounded does not influence the loss; its gradient is zero}}
gpt.variable @rounded parameter init(<constant, 0.0, 0.0>) : tensor<f32>
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<f32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  %w = gpt.read @w : tensor<f32>
  %r = gpt.read @rounded : tensor<f32>
  %loss = gpt.map(%w, %r) : (tensor<f32>, tensor<f32>) -> tensor<f32> {
  ^bb0(%a: f32, %b: f32):
    %0 = math.floor %b : f32
    %1 = arith.addf %a, %0 : f32
    gpt.yield %1 : f32
  }
  // CHECK: gpt.write @"output:loss"
  // CHECK-NEXT: gpt.write @"gradient:w", %{{.*}} : tensor<f32>
  // CHECK: %[[ZEROS:.*]] = arith.constant dense<0.000000e+00> : tensor<4xf32>
  // CHECK: gpt.write @"gradient:alone", %[[ZEROS]] : tensor<4xf32>
  // CHECK: %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : tensor<f32>
  // CHECK: gpt.write @"gradient:rounded", %[[ZERO]] : tensor<f32>
  return %loss : tensor<f32>
}

// -----

// States are written as before.
gpt.variable @s state init(<constant, 0.0, 0.0>) : tensor<f32>
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<f32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  // CHECK: %[[W:.*]] = gpt.read @w
  %w = gpt.read @w : tensor<f32>
  // CHECK: gpt.write @s, %[[W]] : tensor<f32>
  gpt.write @s, %w : tensor<f32>
  // CHECK: %[[SEED:.*]] = gpt.read @"step:inverse_accumulation"
  // CHECK: gpt.write @"gradient:w", %[[SEED]]
  return %w : tensor<f32>
}
