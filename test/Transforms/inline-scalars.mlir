// RUN: gptc-opt %s --gpt-inline-scalars --split-input-file | FileCheck %s

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
