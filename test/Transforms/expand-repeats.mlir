// RUN: gptc-opt %s --split-input-file --gpt-expand-repeats --mlir-print-debuginfo --mlir-print-local-scope | FileCheck %s

// Variables copy by copy, whether they are read or not; what stands between stays between.
// CHECK: gpt.variable @tokens input : tensor<4xi32>
// CHECK-NEXT: gpt.variable @h.0.a parameter init(<normal, 5.000000e-01, 0.000000e+00>) decay : tensor<4xf32>
// CHECK-NEXT: gpt.variable @h.0.b parameter init(<constant, 1.000000e+00, 0.000000e+00>) : tensor<f32>
// CHECK-NEXT: gpt.variable @"moment1:h.0.b"
// CHECK-NOT: gpt.variable @h.0
// CHECK: gpt.variable @last parameter
// CHECK-NOT: gpt.variable @"h.*
gpt.variable @tokens input : tensor<4xi32>
gpt.variable @"h.*.a" parameter init(<normal, 0.5, 0.0>) copies [1] decay : tensor<4xf32>
gpt.variable @"h.*.b" parameter init(<constant, 1.0, 0.0>) copies [1] : tensor<f32>
gpt.variable @"moment1:h.*.b" moment init(<constant, 0.0, 0.0>) copies [1] of @"h.*.b" : tensor<f32>
gpt.variable @last parameter init(<constant, 1.0, 0.0>) : tensor<f32>

// -----

// CHECK: gpt.variable @h.0.a parameter
// CHECK-NEXT: gpt.variable @h.0.b parameter
// CHECK-NEXT: gpt.variable @h.1.a parameter
// CHECK-NEXT: gpt.variable @h.1.b parameter
// CHECK-NEXT: gpt.variable @"gradient:h.0.a" gradient of @h.0.a
// CHECK-NEXT: gpt.variable @"gradient:h.1.a" gradient of @h.1.a
// CHECK-NEXT: gpt.variable @key
gpt.variable @"h.*.a" parameter init(<constant, 1.0, 0.0>) copies [2] : tensor<f32>
gpt.variable @"h.*.b" parameter init(<constant, 1.0, 0.0>) copies [2] : tensor<f32>
gpt.variable @"gradient:h.*.a" gradient copies [2] of @"h.*.a" : tensor<f32>
gpt.variable @key input : tensor<4xi32>

// CHECK-LABEL: func.func @train
func.func @train() -> tensor<f32> {
  // CHECK: %[[KEY:.*]] = gpt.read @key
  %key = gpt.read @key : tensor<4xi32>
  // CHECK: %[[X:.*]] = arith.constant
  %x = arith.constant dense<1.0> : tensor<f32>
  // CHECK: %[[A0:.*]] = gpt.read @h.0.a : tensor<f32> loc("h.0"
  // CHECK: %[[R0:.*]] = gpt.random %[[KEY]] stream "h.0.noise"
  // CHECK: %[[Y0:.*]] = gpt.map(%[[X]], %[[A0]], %[[R0]])
  // CHECK: gpt.write @h.0.b, %[[X]]
  // CHECK: %[[A1:.*]] = gpt.read @h.1.a : tensor<f32> loc("h.1"
  // CHECK: %[[R1:.*]] = gpt.random %[[KEY]] stream "h.1.noise"
  // CHECK: %[[Y1:.*]] = gpt.map(%[[Y0]], %[[A1]], %[[R1]])
  // CHECK: gpt.write @h.1.b, %[[Y0]]
  // CHECK-NOT: gpt.repeat
  // CHECK: return %[[Y1]]
  %y = gpt.repeat 2 iter(%x) : (tensor<f32>) -> tensor<f32> {
  ^bb0(%c: tensor<f32>):
    %a = gpt.read @"h.*.a" : tensor<f32> loc("h.*"("model.gpt":3:4))
    %r = gpt.random %key stream "h.*.noise" : tensor<4xi32> -> tensor<f32>
    %m = gpt.map(%c, %a, %r) : (tensor<f32>, tensor<f32>, tensor<f32>) -> tensor<f32> {
    ^bb0(%s: f32, %t: f32, %u: f32):
      %0 = arith.mulf %s, %t : f32
      %1 = arith.addf %0, %u : f32
      gpt.yield %1 : f32
    }
    gpt.write @"h.*.b", %c : tensor<f32>
    gpt.yield %m : tensor<f32>
  }
  return %y : tensor<f32>
}

// -----

// Repeats in repeats, in every function; a variable without * is shared.
// CHECK: gpt.variable @f.0.g.0.w
// CHECK-NEXT: gpt.variable @f.0.g.1.w
// CHECK-NEXT: gpt.variable @f.0.g.2.w
// CHECK-NEXT: gpt.variable @f.0.v
// CHECK-NEXT: gpt.variable @f.1.g.0.w
// CHECK-NEXT: gpt.variable @f.1.g.1.w
// CHECK-NEXT: gpt.variable @f.1.g.2.w
// CHECK-NEXT: gpt.variable @f.1.v
gpt.variable @"f.*.g.*.w" parameter init(<constant, 1.0, 0.0>) copies [2, 3] : tensor<f32>
gpt.variable @"f.*.v" parameter init(<constant, 1.0, 0.0>) copies [2] : tensor<f32>
gpt.variable @shared parameter init(<constant, 1.0, 0.0>) : tensor<f32>

// CHECK-LABEL: func.func @logits
func.func @logits() -> (tensor<f32>, tensor<f32>) {
  // CHECK: %[[X:.*]] = gpt.read @shared
  %x = gpt.read @shared : tensor<f32>
  // CHECK: %[[V0:.*]] = gpt.read @f.0.v
  // CHECK: %[[S0:.*]] = gpt.read @shared
  // CHECK: %[[W00:.*]] = gpt.read @f.0.g.0.w
  // CHECK: %[[W01:.*]] = gpt.read @f.0.g.1.w
  // CHECK: %[[W02:.*]] = gpt.read @f.0.g.2.w
  // CHECK: %[[V1:.*]] = gpt.read @f.1.v
  // CHECK: %[[S1:.*]] = gpt.read @shared
  // CHECK: %[[W10:.*]] = gpt.read @f.1.g.0.w
  // CHECK: %[[W11:.*]] = gpt.read @f.1.g.1.w
  // CHECK: %[[W12:.*]] = gpt.read @f.1.g.2.w
  // CHECK: return %[[W12]], %[[S1]]
  %y:2 = gpt.repeat 2 iter(%x, %x) : (tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>) {
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %v = gpt.read @"f.*.v" : tensor<f32>
    %s = gpt.read @shared : tensor<f32>
    %c = gpt.repeat 3 iter(%v) : (tensor<f32>) -> tensor<f32> {
    ^bb0(%d: tensor<f32>):
      %w = gpt.read @"f.*.g.*.w" : tensor<f32>
      gpt.yield %w : tensor<f32>
    }
    gpt.yield %c, %s : tensor<f32>, tensor<f32>
  }
  return %y#0, %y#1 : tensor<f32>, tensor<f32>
}

// -----

// No copies: what goes in comes out, swapped or not.
// CHECK-NOT: gpt.variable
gpt.variable @"h.*.w" parameter init(<constant, 1.0, 0.0>) copies [0] : tensor<f32>

// CHECK-LABEL: func.func @none
func.func @none(%x: tensor<f32>) -> tensor<f32> {
  // CHECK-NEXT: return %arg0
  %y = gpt.repeat 0 iter(%x) : (tensor<f32>) -> tensor<f32> {
  ^bb0(%a: tensor<f32>):
    %w = gpt.read @"h.*.w" : tensor<f32>
    gpt.yield %w : tensor<f32>
  }
  return %y : tensor<f32>
}

// CHECK-LABEL: func.func @swap
// CHECK-SAME: %[[X:[^:]*]]: tensor<f32>{{.*}}, %[[Y:[^:]*]]: tensor<f32>
func.func @swap(%x: tensor<f32>, %y: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
  // CHECK-NEXT: return %[[Y]], %[[X]]
  %z:2 = gpt.repeat 3 iter(%x, %y) : (tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>) {
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    gpt.yield %b, %a : tensor<f32>, tensor<f32>
  }
  return %z#0, %z#1 : tensor<f32>, tensor<f32>
}
