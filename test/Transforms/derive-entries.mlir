// RUN: gptc-opt %s --split-input-file --gpt-derive-entries | FileCheck %s

// CHECK: gpt.variable @"order:tokens" input of @tokens derived "order" : tensor<6xi32>
gpt.variable @tokens input : tensor<2x3xi32>
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<5x4xf32>
gpt.variable @alone parameter init(<constant, 0.0, 0.0>) : tensor<4xf32>
gpt.variable @s state init(<constant, 0.0, 0.0>) : tensor<f32>
gpt.variable @"gradient:w" gradient of @w : tensor<5x4xf32>
gpt.variable @"gradient:alone" gradient of @alone : tensor<4xf32>
gpt.variable @"output:loss" output : tensor<f32>

// CHECK-LABEL: func.func @accumulate_first()
// CHECK-NOT: gpt.argsort
// CHECK: %[[ORDER:.*]] = gpt.read @"order:tokens" : tensor<6xi32>
// CHECK: gpt.embedding_grad %{{.*}}, %[[ORDER]], %{{.*}}
// CHECK: gpt.write @s, %{{.*}} : tensor<f32>
// CHECK: gpt.write @"output:loss", %{{.*}} : tensor<f32>
// CHECK: gpt.write @"gradient:w", %{{.*}} : tensor<5x4xf32>
// CHECK: gpt.write @"gradient:w", %{{.*}} accumulate : tensor<5x4xf32>
// CHECK: gpt.write @"gradient:alone"

// CHECK-LABEL: func.func @accumulate_middle()
// CHECK: gpt.read @"order:tokens" : tensor<6xi32>
// CHECK: gpt.write @s, %{{.*}} : tensor<f32>
// CHECK: gpt.write @"output:loss", %{{.*}} accumulate : tensor<f32>
// CHECK: gpt.write @"gradient:w", %{{.*}} accumulate : tensor<5x4xf32>
// CHECK: gpt.write @"gradient:w", %{{.*}} accumulate : tensor<5x4xf32>
// CHECK-NOT: dense<0.0
// CHECK-NOT: gradient:alone

// CHECK-LABEL: func.func @accumulate_last()
// CHECK: gpt.write @s, %{{.*}} : tensor<f32>
// CHECK: gpt.write @"output:loss", %{{.*}} accumulate : tensor<f32>
// CHECK: gpt.write @"gradient:w", %{{.*}} accumulate : tensor<5x4xf32>
// CHECK: gpt.write @"gradient:w", %{{.*}} accumulate : tensor<5x4xf32>
// CHECK-NOT: gradient:alone
// CHECK: return
func.func @accumulate_first() {
  %tokens = gpt.read @tokens : tensor<2x3xi32>
  %x = arith.constant dense<1.0> : tensor<2x3x4xf32>
  %loss = arith.constant dense<2.0> : tensor<f32>
  %order = gpt.argsort %tokens : tensor<2x3xi32> -> tensor<6xi32>
  %g = gpt.embedding_grad %tokens, %order, %x : tensor<2x3xi32>, tensor<6xi32>, tensor<2x3x4xf32> -> tensor<5x4xf32>
  gpt.write @s, %loss : tensor<f32>
  gpt.write @"output:loss", %loss : tensor<f32>
  gpt.write @"gradient:w", %g : tensor<5x4xf32>
  gpt.write @"gradient:w", %g accumulate : tensor<5x4xf32>
  %zero = arith.constant dense<0.0> : tensor<4xf32>
  gpt.write @"gradient:alone", %zero : tensor<4xf32>
  return
}

// -----

// Results become outputs; one that is there with the same type is shared.
// CHECK: gpt.variable @"output:loss" output : tensor<f32>
// CHECK-NEXT: gpt.variable @"output:token_losses" output : tensor<2x3xf32>
// CHECK-NEXT: gpt.variable @"output:logits" output : tensor<2x3x5xf32>
gpt.variable @"output:loss" output : tensor<f32>

// CHECK-LABEL: func.func @evaluate() {
func.func @evaluate() -> (tensor<f32> {gpt.output = "loss"}, tensor<2x3xf32> {gpt.output = "token_losses"}) {
  // CHECK: %[[LOSS:.*]] = arith.constant dense<2.0
  %loss = arith.constant dense<2.0> : tensor<f32>
  // CHECK: %[[TERMS:.*]] = arith.constant dense<3.0
  %terms = arith.constant dense<3.0> : tensor<2x3xf32>
  // CHECK-NEXT: gpt.write @"output:loss", %[[LOSS]] : tensor<f32>
  // CHECK-NEXT: gpt.write @"output:token_losses", %[[TERMS]] : tensor<2x3xf32>
  // CHECK-NEXT: return{{$}}
  return %loss, %terms : tensor<f32>, tensor<2x3xf32>
}

// CHECK-LABEL: func.func @logits() {
func.func @logits() -> (tensor<2x3x5xf32> {gpt.output = "logits"}) {
  %y = arith.constant dense<2.0> : tensor<2x3x5xf32>
  // CHECK: gpt.write @"output:logits"
  return %y : tensor<2x3x5xf32>
}

// -----

// Only an input is sorted by the runtime.
gpt.variable @tokens input : tensor<2x3xi32>
gpt.variable @s state init(<constant, 0.0, 0.0>) : tensor<3xi32>
gpt.variable @"output:order" output : tensor<2xi32>

// CHECK-LABEL: func.func @logits()
func.func @logits() {
  // CHECK: gpt.slice
  // CHECK: gpt.reshape
  // CHECK: gpt.argsort
  // CHECK: gpt.argsort
  %tokens = gpt.read @tokens : tensor<2x3xi32>
  %column = gpt.slice %tokens [0, 1] [2, 1] : tensor<2x3xi32> -> tensor<2x1xi32>
  %flat = gpt.reshape %column : tensor<2x1xi32> -> tensor<2xi32>
  %order = gpt.argsort %flat : tensor<2xi32> -> tensor<2xi32>
  gpt.write @"output:order", %order : tensor<2xi32>
  %s = gpt.read @s : tensor<3xi32>
  %sorted = gpt.argsort %s : tensor<3xi32> -> tensor<3xi32>
  gpt.write @s, %sorted : tensor<3xi32>
  return
}
