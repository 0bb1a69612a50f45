// RUN: gptc-opt %s --split-input-file --gpt-differentiate | FileCheck %s

gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<2x3x4xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  %w = gpt.read @w : tensor<2x3x4xf32>
  %t = gpt.transpose %w [2, 0, 1] : tensor<2x3x4xf32> -> tensor<4x2x3xf32>
  %r = gpt.reshape %t : tensor<4x2x3xf32> -> tensor<4x6xf32>
  %loss = gpt.reduce sum %r [0, 1] : tensor<4x6xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[DR:.*]] = gpt.map
  // CHECK: %[[DT:.*]] = gpt.reshape %[[DR]] : tensor<4x6xf32> -> tensor<4x2x3xf32>
  // CHECK: gpt.transpose %[[DT]] [1, 2, 0] : tensor<4x2x3xf32> -> tensor<2x3x4xf32>
  return %loss : tensor<f32>
}

// -----

// All pieces of a split: a concat.
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<2x6xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  %w = gpt.read @w : tensor<2x6xf32>
  // CHECK: %[[PIECES:.*]]:3 = gpt.split
  %s:3 = gpt.split %w axis 1 : tensor<2x6xf32> -> tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>
  %y = gpt.map(%s#0, %s#1, %s#2) : (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32> {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.mulf %0, %c : f32
    gpt.yield %1 : f32
  }
  %loss = gpt.reduce sum %y [0, 1] : tensor<2x2xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[D:.*]]:3 = gpt.map(%[[PIECES]]#0, %[[PIECES]]#1, %[[PIECES]]#2
  // CHECK: gpt.concat %[[D]]#0, %[[D]]#1, %[[D]]#2 axis 1
  return %loss : tensor<f32>
}

// -----

// A piece without an adjoint is padding of the one before it, or of the first.
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<2x10xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  %w = gpt.read @w : tensor<2x10xf32>
  %s:5 = gpt.split %w axis 1 : tensor<2x10xf32> -> tensor<2x1xf32>, tensor<2x3xf32>, tensor<2x1xf32>, tensor<2x3xf32>, tensor<2x2xf32>
  %y = gpt.map(%s#1, %s#3) : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32> {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    gpt.yield %0 : f32
  }
  %loss = gpt.reduce sum %y [0, 1] : tensor<2x3xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[D:.*]]:2 = gpt.map(%{{.*}}, %{{.*}}, %{{.*}})
  // CHECK-NOT: constant
  // CHECK: %[[B:.*]] = gpt.pad %[[D]]#0 [0, 1] [0, 1] : tensor<2x3xf32> -> tensor<2x5xf32>
  // CHECK: %[[E:.*]] = gpt.pad %[[D]]#1 [0, 0] [0, 2] : tensor<2x3xf32> -> tensor<2x5xf32>
  // CHECK: gpt.concat %[[B]], %[[E]] axis 1
  return %loss : tensor<f32>
}

// -----

// One piece alone: no concat.
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<2x4xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  %w = gpt.read @w : tensor<2x4xf32>
  %s:2 = gpt.split %w axis 1 : tensor<2x4xf32> -> tensor<2x3xf32>, tensor<2x1xf32>
  %loss = gpt.reduce sum %s#1 [0, 1] : tensor<2x1xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[D:.*]] = gpt.map
  // CHECK: gpt.pad %[[D]] [0, 3] [0, 0]
  // CHECK-NOT: gpt.concat
  return %loss : tensor<f32>
}

// -----

// Concat: a split where all is wanted.
gpt.variable @p parameter init(<constant, 0.0, 0.0>) : tensor<2x3xf32>
gpt.variable @q parameter init(<constant, 0.0, 0.0>) : tensor<2x1xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  %p = gpt.read @p : tensor<2x3xf32>
  %q = gpt.read @q : tensor<2x1xf32>
  %c = gpt.concat %p, %q axis 1 : tensor<2x3xf32>, tensor<2x1xf32> -> tensor<2x4xf32>
  %loss = gpt.reduce sum %c [0, 1] : tensor<2x4xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[D:.*]] = gpt.map
  // CHECK: %[[S:.*]]:2 = gpt.split %[[D]] axis 1 : tensor<2x4xf32> -> tensor<2x3xf32>, tensor<2x1xf32>
  // CHECK: gpt.write @"gradient:p", %[[S]]#0
  // CHECK: gpt.write @"gradient:q", %[[S]]#1
  return %loss : tensor<f32>
}

// -----

// Concat with an input: a slice.
gpt.variable @x input : tensor<2x3xf32>
gpt.variable @q parameter init(<constant, 0.0, 0.0>) : tensor<2x1xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  %x = gpt.read @x : tensor<2x3xf32>
  %q = gpt.read @q : tensor<2x1xf32>
  %c = gpt.concat %x, %q axis 1 : tensor<2x3xf32>, tensor<2x1xf32> -> tensor<2x4xf32>
  %loss = gpt.reduce sum %c [0, 1] : tensor<2x4xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[D:.*]] = gpt.map
  // CHECK: %[[DQ:.*]] = gpt.slice %[[D]] [0, 3] [2, 1]
  // CHECK: gpt.write @"gradient:q", %[[DQ]]
  return %loss : tensor<f32>
}

// -----

gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<4x5xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  %w = gpt.read @w : tensor<4x5xf32>
  %s = gpt.slice %w [1, 2] [2, 3] : tensor<4x5xf32> -> tensor<2x3xf32>
  %p = gpt.pad %s [0, 1] [2, 0] : tensor<2x3xf32> -> tensor<4x4xf32>
  %loss = gpt.reduce sum %p [0, 1] : tensor<4x4xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[D:.*]] = gpt.map
  // CHECK: %[[DS:.*]] = gpt.slice %[[D]] [0, 1] [2, 3] : tensor<4x4xf32> -> tensor<2x3xf32>
  // CHECK: gpt.pad %[[DS]] [1, 2] [1, 0] : tensor<2x3xf32> -> tensor<4x5xf32>
  return %loss : tensor<f32>
}

// -----

// Nothing passes gpt.detach, and nothing before it is asked for an adjoint.
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<4xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  %w = gpt.read @w : tensor<4xf32>
  // CHECK: math.exp
  %e = gpt.map(%w) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: f32):
    %0 = math.exp %a : f32
    gpt.yield %0 : f32
  }
  // CHECK: %[[FIXED:.*]] = gpt.detach
  %d = gpt.detach %e : tensor<4xf32>
  %y = gpt.map(%w, %d) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    gpt.yield %0 : f32
  }
  %loss = gpt.reduce sum %y [0] : tensor<4xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[D:.*]] = gpt.map
  // CHECK: %[[DW:.*]] = gpt.map(%[[FIXED]], %[[D]])
  // CHECK: gpt.write @"gradient:w", %[[DW]] : tensor<4xf32>
  // CHECK-NEXT: return
  return %loss : tensor<f32>
}
