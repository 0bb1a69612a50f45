// RUN: gptc-opt %s --split-input-file --gpt-differentiate | FileCheck %s

// A result that is the last operation's is used as it is, not computed again; what the adjoint does not use
// is not an operand.
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<4x8xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  %w = gpt.read @w : tensor<4x8xf32>
  // CHECK: %[[Y:.*]] = gpt.map
  %y = gpt.map(%w) : (tensor<4x8xf32>) -> tensor<4x8xf32> {
  ^bb0(%a: f32):
    %0 = math.tanh %a : f32
    gpt.yield %0 : f32
  }
  %loss = gpt.reduce sum %y [0, 1] : tensor<4x8xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[DY:.*]] = gpt.map
  // CHECK: %[[DW:.*]] = gpt.map(%[[Y]], %[[DY]]) : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32> {
  // CHECK-NEXT: ^bb0(%[[A:.*]]: f32, %[[D:.*]]: f32):
  // CHECK-NEXT:   %[[ONE:.*]] = arith.constant 1.0
  // CHECK-NEXT:   %[[SQUARE:.*]] = arith.mulf %[[A]], %[[A]]
  // CHECK-NEXT:   %[[SLOPE:.*]] = arith.subf %[[ONE]], %[[SQUARE]]
  // CHECK-NEXT:   %[[R:.*]] = arith.mulf %[[D]], %[[SLOPE]]
  // CHECK-NEXT:   gpt.yield %[[R]]
  // CHECK: gpt.write @"gradient:w", %[[DW]] : tensor<4x8xf32>
  return %loss : tensor<f32>
}

// -----

// A sum hands its adjoint on: no map. Stretched operands get the sum over the stretched axes.
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<2x4x8xf32>
gpt.variable @row parameter init(<constant, 0.0, 0.0>) : tensor<8xf32>
gpt.variable @column parameter init(<constant, 0.0, 0.0>) : tensor<2x1x8xf32>
gpt.variable @scalar parameter init(<constant, 0.0, 0.0>) : tensor<f32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  %w = gpt.read @w : tensor<2x4x8xf32>
  %row = gpt.read @row : tensor<8xf32>
  %column = gpt.read @column : tensor<2x1x8xf32>
  %scalar = gpt.read @scalar : tensor<f32>
  %y = gpt.map(%w, %row, %column, %scalar) : (tensor<2x4x8xf32>, tensor<8xf32>, tensor<2x1x8xf32>, tensor<f32>) -> tensor<2x4x8xf32> {
  ^bb0(%a: f32, %b: f32, %c: f32, %d: f32):
    %0 = arith.addf %a, %b : f32
    %1 = arith.addf %0, %c : f32
    %2 = arith.addf %1, %d : f32
    gpt.yield %2 : f32
  }
  %loss = gpt.reduce sum %y [0, 1, 2] : tensor<2x4x8xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[DY:.*]] = gpt.map
  // CHECK-NOT: gpt.map
  // CHECK: gpt.write @"gradient:w", %[[DY]]
  // CHECK: %[[ROW:.*]] = gpt.reduce sum %[[DY]] [0, 1] : tensor<2x4x8xf32> -> tensor<8xf32>
  // CHECK: gpt.write @"gradient:row", %[[ROW]]
  // CHECK: %[[SUM:.*]] = gpt.reduce sum %[[DY]] [1] : tensor<2x4x8xf32> -> tensor<2x8xf32>
  // CHECK: %[[COLUMN:.*]] = gpt.reshape %[[SUM]] : tensor<2x8xf32> -> tensor<2x1x8xf32>
  // CHECK: gpt.write @"gradient:column", %[[COLUMN]]
  // CHECK: %[[SCALAR:.*]] = gpt.reduce sum %[[DY]] [0, 1, 2] : tensor<2x4x8xf32> -> tensor<f32>
  // CHECK: gpt.write @"gradient:scalar", %[[SCALAR]]
  // CHECK-NOT: gpt.map
  return %loss : tensor<f32>
}

// -----

// Axes of size 1 are not summed over.
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<4x1x8xf32>
gpt.variable @row parameter init(<constant, 0.0, 0.0>) : tensor<1x8xf32>
gpt.variable @flat parameter init(<constant, 0.0, 0.0>) : tensor<8xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  %w = gpt.read @w : tensor<4x1x8xf32>
  %row = gpt.read @row : tensor<1x8xf32>
  %flat = gpt.read @flat : tensor<8xf32>
  %r = gpt.map(%row, %flat) : (tensor<1x8xf32>, tensor<8xf32>) -> tensor<1x8xf32> {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.addf %a, %b : f32
    gpt.yield %0 : f32
  }
  %y = gpt.map(%w, %r) : (tensor<4x1x8xf32>, tensor<1x8xf32>) -> tensor<4x1x8xf32> {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.addf %a, %b : f32
    gpt.yield %0 : f32
  }
  %loss = gpt.reduce sum %y [0, 1, 2] : tensor<4x1x8xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[DY:.*]] = gpt.map
  // CHECK: %[[SUM:.*]] = gpt.reduce sum %[[DY]] [0] : tensor<4x1x8xf32> -> tensor<1x8xf32>
  // CHECK: gpt.write @"gradient:row", %[[SUM]]
  // CHECK: %[[FLAT:.*]] = gpt.reshape %[[SUM]] : tensor<1x8xf32> -> tensor<8xf32>
  // CHECK: gpt.write @"gradient:flat", %[[FLAT]]
  return %loss : tensor<f32>
}

// -----

// One map for all operands; one that stands twice has one adjoint; indices have none.
gpt.variable @i input : tensor<8xi32>
gpt.variable @p parameter init(<constant, 0.0, 0.0>) : tensor<8xf32>
gpt.variable @q parameter init(<constant, 0.0, 0.0>) : tensor<8xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  // CHECK: %[[I:.*]] = gpt.read @i
  %i = gpt.read @i : tensor<8xi32>
  // CHECK: %[[P:.*]] = gpt.read @p
  %p = gpt.read @p : tensor<8xf32>
  // CHECK: %[[Q:.*]] = gpt.read @q
  %q = gpt.read @q : tensor<8xf32>
  %y = gpt.map(%p, %i, %q, %p) : (tensor<8xf32>, tensor<8xi32>, tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32> {
  ^bb0(%a: f32, %n: i32, %b: f32, %c: f32):
    %0 = arith.sitofp %n : i32 to f32
    %1 = arith.mulf %a, %0 : f32
    %2 = arith.mulf %1, %b : f32
    %3 = arith.subf %2, %c : f32
    gpt.yield %3 : f32
  }
  %loss = gpt.reduce sum %y [0] : tensor<8xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[DY:.*]] = gpt.map
  // CHECK: %[[D:.*]]:2 = gpt.map(%[[P]], %[[I]], %[[Q]], %[[DY]]) : (tensor<8xf32>, tensor<8xi32>, tensor<8xf32>, tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  // CHECK-NEXT: ^bb0(%[[A:.*]]: f32, %[[N:.*]]: i32, %[[B:.*]]: f32, %[[SEED:.*]]: f32):
  // CHECK-DAG:    %[[MINUS:.*]] = arith.negf %[[SEED]]
  // CHECK-DAG:    %[[REAL:.*]] = arith.sitofp %[[N]]
  // CHECK-DAG:    %[[FIRST:.*]] = arith.mulf %[[SEED]], %[[B]]
  // CHECK-DAG:    %[[AN:.*]] = arith.mulf %[[A]], %[[REAL]]
  // CHECK-DAG:    %[[DB:.*]] = arith.mulf %[[SEED]], %[[AN]]
  // CHECK-DAG:    %[[LEFT:.*]] = arith.mulf %[[FIRST]], %[[REAL]]
  // CHECK-DAG:    %[[DA:.*]] = arith.addf %[[LEFT]], %[[MINUS]]
  // CHECK:        gpt.yield %[[DA]], %[[DB]]
  // CHECK: gpt.write @"gradient:p", %[[D]]#0
  // CHECK: gpt.write @"gradient:q", %[[D]]#1
  return %loss : tensor<f32>
}

// -----

// relu: a number does not tie with the operand, and the result says where the operand won.
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<8xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  %w = gpt.read @w : tensor<8xf32>
  // CHECK: %[[Y:.*]] = gpt.map
  %y = gpt.map(%w) : (tensor<8xf32>) -> tensor<8xf32> {
  ^bb0(%a: f32):
    %zero = arith.constant 0.0 : f32
    %0 = arith.maximumf %zero, %a : f32
    gpt.yield %0 : f32
  }
  %loss = gpt.reduce sum %y [0] : tensor<8xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[DY:.*]] = gpt.map
  // CHECK: gpt.map(%[[Y]], %[[DY]])
  // CHECK-NEXT: ^bb0(%[[A:.*]]: f32, %[[D:.*]]: f32):
  // CHECK-NEXT:   %[[ZERO:.*]] = arith.constant 0.0
  // CHECK-NEXT:   %[[WINS:.*]] = arith.cmpf ogt, %[[A]], %[[ZERO]]
  // CHECK-NEXT:   %[[R:.*]] = arith.select %[[WINS]], %[[D]], %[[ZERO]]
  // CHECK-NEXT:   gpt.yield %[[R]]
  return %loss : tensor<f32>
}

// -----

// The logistic function is differentiated as a whole: no exp, which could overflow, in its adjoint.
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<8xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  %w = gpt.read @w : tensor<8xf32>
  // CHECK: %[[Y:.*]] = gpt.map
  %y = gpt.map(%w) : (tensor<8xf32>) -> tensor<8xf32> {
  ^bb0(%a: f32):
    %one = arith.constant 1.0 : f32
    %0 = arith.negf %a : f32
    %1 = math.exp %0 : f32
    %2 = arith.addf %one, %1 : f32
    %3 = arith.divf %one, %2 : f32
    gpt.yield %3 : f32
  }
  %loss = gpt.reduce sum %y [0] : tensor<8xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[DY:.*]] = gpt.map
  // CHECK: gpt.map(%[[Y]], %[[DY]])
  // CHECK-NEXT: ^bb0(%[[A:.*]]: f32, %[[D:.*]]: f32):
  // CHECK-NEXT:   %[[ONE:.*]] = arith.constant 1.0
  // CHECK-NEXT:   %[[REST:.*]] = arith.subf %[[ONE]], %[[A]]
  // CHECK-NEXT:   %[[SLOPE:.*]] = arith.mulf %[[A]], %[[REST]]
  // CHECK-NEXT:   %[[R:.*]] = arith.mulf %[[D]], %[[SLOPE]]
  // CHECK-NEXT:   gpt.yield %[[R]]
  return %loss : tensor<f32>
}

// -----

// Of two results one may be without an adjoint; an operand that only it uses gets none.
gpt.variable @p parameter init(<constant, 0.0, 0.0>) : tensor<8xf32>
gpt.variable @q parameter init(<constant, 0.0, 0.0>) : tensor<8xf32>

// CHECK-LABEL: func.func @accumulate_first
func.func @train() -> tensor<f32> {
  // CHECK: %[[P:.*]] = gpt.read @p
  %p = gpt.read @p : tensor<8xf32>
  %q = gpt.read @q : tensor<8xf32>
  %y:2 = gpt.map(%p, %q) : (tensor<8xf32>, tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  ^bb0(%a: f32, %b: f32):
    %0 = math.sin %a : f32
    %1 = math.exp %b : f32
    gpt.yield %0, %1 : f32, f32
  }
  %loss = gpt.reduce sum %y#0 [0] : tensor<8xf32> -> tensor<f32>
  // CHECK: gpt.write @"output:loss"
  // CHECK: %[[DY:.*]] = gpt.map
  // CHECK: %[[DP:.*]] = gpt.map(%[[P]], %[[DY]]) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32> {
  // CHECK-NOT: math.exp
  // CHECK: gpt.write @"gradient:p", %[[DP]]
  // CHECK: %[[ZERO:.*]] = arith.constant dense<0.0
  // CHECK: gpt.write @"gradient:q", %[[ZERO]]
  return %loss : tensor<f32>
}
