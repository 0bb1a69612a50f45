// RUN: gptc-opt %s --gpt-inline-scalars --split-input-file | FileCheck %s
// RUN: gptc-opt %s --gpt-inline-scalars='limit=1' --split-input-file --remarks-filter=gpt-inline-scalars --remark-policy=all -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// REMARK: [Passed] Inlined | Category:gpt-inline-scalars | Function=clip | maps=2, operations=1
// CHECK-LABEL: func.func @clip
// CHECK-NOT: -> tensor<f32>
// CHECK: %[[X:.*]] = gpt.read @x
// CHECK: %[[N:.*]] = gpt.read @n
// CHECK: %[[Y:.*]] = gpt.map(%[[X]], %[[N]]) : (tensor<8x4xf32>, tensor<f32>) -> tensor<8x4xf32> {
// CHECK-NEXT: ^bb0(%[[A:.*]]: f32, %[[B:.*]]: f32):
// CHECK-NEXT:   %[[ROOT:.*]] = math.sqrt %[[B]] : f32
// CHECK-NEXT:   %[[PRODUCT:.*]] = arith.mulf %[[A]], %[[ROOT]] : f32
// CHECK-NEXT:   gpt.yield %[[PRODUCT]] : f32
// CHECK: gpt.map(%[[Y]], %[[N]])
// CHECK: math.sqrt
// CHECK: arith.addf
gpt.variable @x parameter init(<constant, 0.0, 0.0>) : tensor<8x4xf32>
gpt.variable @n step : tensor<f32>
gpt.variable @"output:y" output : tensor<8x4xf32>
func.func @clip() {
  %x = gpt.read @x : tensor<8x4xf32>
  %n = gpt.read @n : tensor<f32>
  %c = gpt.map(%n) : (tensor<f32>) -> tensor<f32> {
  ^bb0(%a: f32):
    %0 = math.sqrt %a : f32
    gpt.yield %0 : f32
  }
  %y = gpt.map(%x, %c) : (tensor<8x4xf32>, tensor<f32>) -> tensor<8x4xf32> {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    gpt.yield %0 : f32
  }
  %z = gpt.map(%y, %c) : (tensor<8x4xf32>, tensor<f32>) -> tensor<8x4xf32> {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.addf %a, %b : f32
    gpt.yield %0 : f32
  }
  gpt.write @"output:y", %z : tensor<8x4xf32>
  return
}

// -----

// A scalar that is written is computed once.
// REMARK: [Missed] Inlined | Category:gpt-inline-scalars | Function=written | Reason="is written", operations=1
// CHECK-LABEL: func.func @written
// CHECK: gpt.map(%{{.*}}) : (tensor<f32>) -> tensor<f32>
// CHECK: gpt.map(%{{.*}}, %{{.*}}) : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
gpt.variable @x parameter init(<constant, 0.0, 0.0>) : tensor<8xf32>
gpt.variable @n step : tensor<f32>
gpt.variable @"output:c" output : tensor<f32>
gpt.variable @"output:y" output : tensor<8xf32>
func.func @written() {
  %x = gpt.read @x : tensor<8xf32>
  %n = gpt.read @n : tensor<f32>
  %c = gpt.map(%n) : (tensor<f32>) -> tensor<f32> {
  ^bb0(%a: f32):
    %0 = math.sqrt %a : f32
    gpt.yield %0 : f32
  }
  gpt.write @"output:c", %c : tensor<f32>
  %y = gpt.map(%x, %c) : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32> {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    gpt.yield %0 : f32
  }
  gpt.write @"output:y", %y : tensor<8xf32>
  return
}

// -----

// A scalar that goes into one that maps use goes along.
// REMARK: [Passed] Inlined | Category:gpt-inline-scalars | Function=chain | maps=1, operations=1
// REMARK: [Passed] Inlined | Category:gpt-inline-scalars | Function=chain | maps=1, operations=1
// CHECK-LABEL: func.func @chain
// CHECK-NOT: -> tensor<f32>
// CHECK: gpt.map(%{{.*}}, %{{.*}}) : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
// CHECK: math.sqrt
// CHECK: math.exp
gpt.variable @x parameter init(<constant, 0.0, 0.0>) : tensor<8xf32>
gpt.variable @n step : tensor<f32>
gpt.variable @"output:y" output : tensor<8xf32>
func.func @chain() {
  %x = gpt.read @x : tensor<8xf32>
  %n = gpt.read @n : tensor<f32>
  %c = gpt.map(%n) : (tensor<f32>) -> tensor<f32> {
  ^bb0(%a: f32):
    %0 = math.sqrt %a : f32
    gpt.yield %0 : f32
  }
  %d = gpt.map(%c) : (tensor<f32>) -> tensor<f32> {
  ^bb0(%a: f32):
    %0 = math.exp %a : f32
    gpt.yield %0 : f32
  }
  %y = gpt.map(%x, %d) : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32> {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    gpt.yield %0 : f32
  }
  gpt.write @"output:y", %y : tensor<8xf32>
  return
}

// -----

// What another scalar needs that stays, stays; and so does what a matmul reads, or has too many operations.
// REMARK: [Missed] Inlined | Category:gpt-inline-scalars | Function=kept | Reason="has too many operations", operations=2
// REMARK: [Missed] Inlined | Category:gpt-inline-scalars | Function=kept | Reason="goes into a scalar that stays", operations=1
// REMARK: [Missed] Inlined | Category:gpt-inline-scalars | Function=kept | Reason="is used by other than maps", operations=1
gpt.variable @x parameter init(<constant, 0.0, 0.0>) : tensor<8xf32>
gpt.variable @n step : tensor<f32>
gpt.variable @"output:y" output : tensor<8xf32>
gpt.variable @"output:z" output : tensor<1xf32>
func.func @kept() {
  %x = gpt.read @x : tensor<8xf32>
  %n = gpt.read @n : tensor<f32>
  %b = gpt.map(%n) : (tensor<f32>) -> tensor<f32> {
  ^bb0(%a: f32):
    %0 = math.tanh %a : f32
    gpt.yield %0 : f32
  }
  %z = gpt.reshape %b : tensor<f32> -> tensor<1xf32>
  %c = gpt.map(%n) : (tensor<f32>) -> tensor<f32> {
  ^bb0(%a: f32):
    %0 = math.sqrt %a : f32
    gpt.yield %0 : f32
  }
  %d = gpt.map(%c) : (tensor<f32>) -> tensor<f32> {
  ^bb0(%a: f32):
    %0 = math.exp %a : f32
    %1 = math.exp %0 : f32
    gpt.yield %1 : f32
  }
  %y = gpt.map(%x, %d) : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32> {
  ^bb0(%a: f32, %e: f32):
    %0 = arith.mulf %a, %e : f32
    gpt.yield %0 : f32
  }
  gpt.write @"output:y", %y : tensor<8xf32>
  gpt.write @"output:z", %z : tensor<1xf32>
  return
}
