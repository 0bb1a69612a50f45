// RUN: gptc-opt %s --split-input-file --gpt-differentiate | FileCheck %s

// dx = y (dy − Σ y dy)
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<4x8xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  %w = gpt.read @w : tensor<4x8xf32>
  // CHECK: %[[Y:.*]] = gpt.softmax
  %y = gpt.softmax %w : tensor<4x8xf32>
  %loss = gpt.reduce sum %y [0, 1] : tensor<4x8xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[DY:.*]] = gpt.map
  // CHECK: %[[PRODUCT:.*]] = gpt.map(%[[Y]], %[[DY]])
  // CHECK: %[[SUM:.*]] = gpt.reduce sum %[[PRODUCT]] [1]
  // CHECK: %[[KEPT:.*]] = gpt.reshape %[[SUM]] : tensor<4xf32> -> tensor<4x1xf32>
  // CHECK: gpt.map(%[[Y]], %[[DY]], %[[KEPT]])
  // CHECK-NEXT: ^bb0(%[[A:.*]]: f32, %[[D:.*]]: f32, %[[S:.*]]: f32):
  // CHECK-NEXT:   %[[REST:.*]] = arith.subf %[[D]], %[[S]]
  // CHECK-NEXT:   arith.mulf %[[A]], %[[REST]]
  return %loss : tensor<f32>
}

// -----

// dx = exp(x − y) dy
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<4x8xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  // CHECK: %[[X:.*]] = gpt.read @w
  %w = gpt.read @w : tensor<4x8xf32>
  // CHECK: %[[Y:.*]] = gpt.logsumexp
  %y = gpt.logsumexp %w : tensor<4x8xf32> -> tensor<4xf32>
  %loss = gpt.reduce sum %y [0] : tensor<4xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[DY:.*]] = gpt.map
  // CHECK: %[[KEPT:.*]] = gpt.reshape %[[Y]] : tensor<4xf32> -> tensor<4x1xf32>
  // CHECK: %[[DKEPT:.*]] = gpt.reshape %[[DY]] : tensor<4xf32> -> tensor<4x1xf32>
  // CHECK: gpt.map(%[[X]], %[[KEPT]], %[[DKEPT]])
  // CHECK-NEXT: ^bb0(%[[A:.*]]: f32, %[[B:.*]]: f32, %[[D:.*]]: f32):
  // CHECK-NEXT:   %[[LESS:.*]] = arith.subf %[[A]], %[[B]]
  // CHECK-NEXT:   %[[EXP:.*]] = math.exp %[[LESS]]
  // CHECK-NEXT:   arith.mulf %[[EXP]], %[[D]]
  return %loss : tensor<f32>
}

// -----

// Layer norm: two sums over rows for dx, one sum over columns each for weight and bias.
gpt.variable @x parameter init(<constant, 0.0, 0.0>) : tensor<2x3x8xf32>
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<8xf32>
gpt.variable @b parameter init(<constant, 0.0, 0.0>) : tensor<8xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  // CHECK: %[[X:.*]] = gpt.read @x
  %x = gpt.read @x : tensor<2x3x8xf32>
  // CHECK: %[[W:.*]] = gpt.read @w
  %w = gpt.read @w : tensor<8xf32>
  %b = gpt.read @b : tensor<8xf32>
  // CHECK: gpt.layer_norm
  %y, %mean, %rstd = gpt.layer_norm %x weight %w : tensor<8xf32> bias %b : tensor<8xf32> epsilon 1.0e-5 : tensor<2x3x8xf32> -> tensor<2x3x8xf32>, tensor<2x3xf32>, tensor<2x3xf32>
  %loss = gpt.reduce sum %y [0, 1, 2] : tensor<2x3x8xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[DY:.*]] = gpt.map
  // CHECK: %[[DB:.*]] = gpt.reduce sum %[[DY]] [0, 1]
  // CHECK: gpt.write @"gradient:b", %[[DB]]
  // CHECK: %[[MEAN:.*]] = gpt.reshape %mean : tensor<2x3xf32> -> tensor<2x3x1xf32>
  // CHECK: %[[RSTD:.*]] = gpt.reshape %rstd : tensor<2x3xf32> -> tensor<2x3x1xf32>
  // CHECK: %[[PRODUCT:.*]] = gpt.map(%[[X]], %[[MEAN]], %[[RSTD]], %[[DY]])
  // CHECK: %[[DW:.*]] = gpt.reduce sum %[[PRODUCT]] [0, 1]
  // CHECK: gpt.write @"gradient:w", %[[DW]]
  // CHECK: %[[ROWS:.*]]:2 = gpt.map(%[[X]], %[[MEAN]], %[[RSTD]], %[[DY]], %[[W]])
  // CHECK: gpt.reduce sum %[[ROWS]]#0 [2]
  // CHECK: gpt.reduce sum %[[ROWS]]#1 [2]
  // CHECK: %[[DX:.*]] = gpt.map(%[[X]], %[[MEAN]], %[[RSTD]], %[[DY]], %[[W]], %{{.*}}, %{{.*}})
  // CHECK: gpt.write @"gradient:x", %[[DX]]
  // CHECK-NEXT: return
  return %loss : tensor<f32>
}

// -----

// Without weight and bias, and with an adjoint of the mean.
gpt.variable @x parameter init(<constant, 0.0, 0.0>) : tensor<3x8xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  // CHECK: %[[X:.*]] = gpt.read @x
  %x = gpt.read @x : tensor<3x8xf32>
  // CHECK: gpt.layer_norm
  %y, %mean, %rstd = gpt.layer_norm %x epsilon 1.0e-5 : tensor<3x8xf32> -> tensor<3x8xf32>, tensor<3xf32>, tensor<3xf32>
  %s = gpt.reduce sum %y [1] : tensor<3x8xf32> -> tensor<3xf32>
  %t = gpt.map(%s, %mean) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32> {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    gpt.yield %0 : f32
  }
  %loss = gpt.reduce sum %t [0] : tensor<3xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[DS:.*]]:2 = gpt.map
  // CHECK: %[[DY:.*]] = gpt.map(%{{.*}}) : (tensor<3x1xf32>) -> tensor<3x8xf32>
  // CHECK: gpt.map(%[[X]], %{{.*}}, %{{.*}}, %[[DY]]) : {{.*}} -> tensor<3x8xf32>
  // CHECK: gpt.reduce sum %{{.*}} [1]
  // CHECK: gpt.reduce sum %[[DY]] [1]
  // CHECK: %[[DMEAN:.*]] = gpt.reshape %[[DS]]#1 : tensor<3xf32> -> tensor<3x1xf32>
  // CHECK: gpt.map(%[[X]], %{{.*}}, %{{.*}}, %[[DY]], %{{.*}}, %{{.*}}, %[[DMEAN]])
  return %loss : tensor<f32>
}

// -----

// Cross-entropy: a weight for each row, then one map over the logits.
gpt.variable @t input : tensor<2x3xi32>
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<2x3x7xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  // CHECK: %[[T:.*]] = gpt.read @t
  %t = gpt.read @t : tensor<2x3xi32>
  // CHECK: %[[X:.*]] = gpt.read @w
  %w = gpt.read @w : tensor<2x3x7xf32>
  %loss, %terms, %lse = gpt.cross_entropy %w, %t : tensor<2x3x7xf32>, tensor<2x3xi32> -> tensor<f32>, tensor<2x3xf32>, tensor<2x3xf32>
  // CHECK: %[[SEED:.*]] = gpt.read @"step:inverse_accumulation"
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[ONES:.*]] = gpt.map(%[[T]])
  // CHECK: %[[COUNT:.*]] = gpt.reduce sum %[[ONES]] [0, 1]
  // CHECK: %[[WEIGHT:.*]] = gpt.map(%[[T]], %[[SEED]], %[[COUNT]])
  // CHECK: %[[LSE:.*]] = gpt.reshape %lse
  // CHECK: %[[ROW:.*]] = gpt.reshape %[[WEIGHT]]
  // CHECK: %[[TARGET:.*]] = gpt.reshape %[[T]]
  // CHECK: %[[COLUMN:.*]] = gpt.iota : tensor<7xi32>
  // CHECK: %[[DX:.*]] = gpt.map(%[[X]], %[[LSE]], %[[ROW]], %[[TARGET]], %[[COLUMN]])
  // CHECK-NEXT: ^bb0(%[[A:.*]]: f32, %[[L:.*]]: f32, %[[W:.*]]: f32, %[[I:.*]]: i32, %[[C:.*]]: i32):
  // CHECK-DAG:    %[[LESS:.*]] = arith.subf %[[A]], %[[L]]
  // CHECK-DAG:    %[[P:.*]] = math.exp %[[LESS]]
  // CHECK-DAG:    %[[HIT:.*]] = arith.cmpi eq, %[[C]], %[[I]]
  // CHECK-DAG:    %[[ONE:.*]] = arith.select %[[HIT]], %{{.*}}, %{{.*}}
  // CHECK-DAG:    %[[REST:.*]] = arith.subf %[[P]], %[[ONE]]
  // CHECK:        arith.mulf %[[REST]], %[[W]]
  // CHECK: gpt.write @"gradient:w", %[[DX]]
  return %loss : tensor<f32>
}

// -----

// From the terms alone no count is needed, from the log-sum-exp no target.
gpt.variable @t input : tensor<3xi32>
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<3x7xf32>
gpt.variable @v parameter init(<constant, 0.0, 0.0>) : tensor<3x7xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  // CHECK: %[[T:.*]] = gpt.read @t
  %t = gpt.read @t : tensor<3xi32>
  // CHECK: %[[W:.*]] = gpt.read @w
  %w = gpt.read @w : tensor<3x7xf32>
  // CHECK: %[[V:.*]] = gpt.read @v
  %v = gpt.read @v : tensor<3x7xf32>
  %loss0, %terms, %lse0 = gpt.cross_entropy %w, %t : tensor<3x7xf32>, tensor<3xi32> -> tensor<f32>, tensor<3xf32>, tensor<3xf32>
  %loss1, %terms1, %lse = gpt.cross_entropy %v, %t : tensor<3x7xf32>, tensor<3xi32> -> tensor<f32>, tensor<3xf32>, tensor<3xf32>
  %y = gpt.map(%terms, %lse) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32> {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    gpt.yield %0 : f32
  }
  %loss = gpt.reduce sum %y [0] : tensor<3xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[D:.*]]:2 = gpt.map
  // CHECK: %[[DLSE:.*]] = gpt.reshape %[[D]]#1
  // CHECK: gpt.map(%[[V]], %{{.*}}, %[[DLSE]]) : (tensor<3x7xf32>, tensor<3x1xf32>, tensor<3x1xf32>) -> tensor<3x7xf32>
  // CHECK-NOT: gpt.reduce
  // CHECK: gpt.map(%[[T]], %[[D]]#0) : (tensor<3xi32>, tensor<3xf32>) -> tensor<3xf32>
  // CHECK: gpt.map(%[[W]], %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}) : (tensor<3x7xf32>, tensor<3x1xf32>, tensor<3x1xf32>, tensor<3x1xi32>, tensor<7xi32>) -> tensor<3x7xf32>
  return %loss : tensor<f32>
}

// -----

// The scores are computed again: what is kept are the operands, the result and the log-sum-exp.
gpt.variable @q parameter init(<constant, 0.0, 0.0>) : tensor<1x4x3x2xf32>
gpt.variable @k parameter init(<constant, 0.0, 0.0>) : tensor<1x2x3x2xf32>
gpt.variable @v parameter init(<constant, 0.0, 0.0>) : tensor<1x2x3x5xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  // CHECK: %[[Q:.*]] = gpt.read @q
  %q = gpt.read @q : tensor<1x4x3x2xf32>
  // CHECK: %[[K:.*]] = gpt.read @k
  %k = gpt.read @k : tensor<1x2x3x2xf32>
  // CHECK: %[[V:.*]] = gpt.read @v
  %v = gpt.read @v : tensor<1x2x3x5xf32>
  // CHECK: %[[Y:.*]], %[[L:.*]] = gpt.flash_attention
  %y, %l = gpt.flash_attention %q, %k, %v causal scale 0.5 : tensor<1x4x3x2xf32>, tensor<1x2x3x2xf32>, tensor<1x2x3x5xf32> -> tensor<1x4x3x5xf32>, tensor<1x4x3xf32>
  %loss = gpt.reduce sum %y [0, 1, 2, 3] : tensor<1x4x3x5xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[D:.*]] = gpt.map
  // CHECK: %[[DQ:.*]], %[[DK:.*]], %[[DV:.*]] = gpt.flash_attention_grad %[[Q]], %[[K]], %[[V]], %[[Y]], %[[L]], %[[D]] causal scale 5.000000e-01
  // CHECK-DAG: gpt.write @"gradient:q", %[[DQ]]
  // CHECK-DAG: gpt.write @"gradient:k", %[[DK]]
  // CHECK-DAG: gpt.write @"gradient:v", %[[DV]]
  // CHECK-NOT: gpt.flash_attention_grad
  return %loss : tensor<f32>
}
