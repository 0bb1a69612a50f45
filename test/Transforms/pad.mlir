// RUN: gptc-opt %s --split-input-file --gpt-pad='multiple=8 growth=100' | FileCheck %s
// RUN: gptc-opt %s --split-input-file --gpt-pad='multiple=8 growth=100' --remarks-filter='gpt-pad' --remark-policy=all 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: gptc-opt %s --split-input-file --gpt-pad='multiple=8 growth=2' | FileCheck %s --check-prefix=CHEAP
// RUN: gptc-opt %s --split-input-file --gpt-pad='multiple=1' | FileCheck %s --check-prefix=CHEAP

// The vocabulary of a tied embedding: its gradient grows with that of the head, the logits' output is
// kept padded, too; the sum over a row is masked, the one over the embedding's columns is not.

// CHEAP-NOT: padded

// CHECK: gpt.variable @e parameter init(<normal, 2.000000e-02, 0.000000e+00>) {padded = array<i64: 16, 4>} : tensor<13x4xf32>
// CHECK: gpt.variable @"gradient:e" gradient of @e {padded = array<i64: 16, 4>} : tensor<13x4xf32>
// CHECK: gpt.variable @"output:y" output {padded = array<i64: 2, 16>} : tensor<2x13xf32>
gpt.variable @tokens input {limit = 13} : tensor<2xi32>
gpt.variable @"order:tokens" input of @tokens derived "order" : tensor<2xi32>
gpt.variable @x input : tensor<2x4xf32>
gpt.variable @e parameter init(<normal, 0.02, 0.0>) : tensor<13x4xf32>
gpt.variable @"gradient:e" gradient of @e : tensor<13x4xf32>
gpt.variable @"output:y" output : tensor<2x13xf32>
gpt.variable @"output:s" output : tensor<2xf32>

// CHECK-LABEL: func.func @tied
// REMARK-DAG: remark: [Missed] NotPadded | Category:gpt-pad | Axis=1, Remark="what is written to it has no pads", Variable=gradient:e
// REMARK-DAG: remark: [Passed] Padded | Category:gpt-pad | Axis=0, From=13, Parameter=e, To=16
func.func @tied() {
  // CHECK: %[[E:.*]] = gpt.read @e : tensor<16x4xf32>
  %tokens = gpt.read @tokens : tensor<2xi32>
  %order = gpt.read @"order:tokens" : tensor<2xi32>
  %x = gpt.read @x : tensor<2x4xf32>
  %e = gpt.read @e : tensor<13x4xf32>
  // CHECK: gpt.embedding %{{.*}}, %[[E]] : tensor<2xi32>, tensor<16x4xf32> -> tensor<2x4xf32>
  %rows = gpt.embedding %tokens, %e : tensor<2xi32>, tensor<13x4xf32> -> tensor<2x4xf32>
  %h = gpt.map(%rows, %x) : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32> {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.addf %a, %b : f32
    gpt.yield %0 : f32
  }
  // CHECK: %[[Y:.*]] = gpt.matmul %[[H:.*]], %[[E]] transpose_rhs : tensor<2x4xf32>, tensor<16x4xf32> -> tensor<2x16xf32>
  %y = gpt.matmul %h, %e transpose_rhs : tensor<2x4xf32>, tensor<13x4xf32> -> tensor<2x13xf32>
  // CHECK: gpt.write @"output:y", %[[Y]] : tensor<2x16xf32>
  gpt.write @"output:y", %y : tensor<2x13xf32>
  // exp(0) is not 0.
  // CHECK: %[[P:.*]] = gpt.map(%[[Y]])
  // CHECK: %[[I:.*]] = gpt.iota : tensor<16xi32>
  // CHECK: %[[MASKED:.*]] = gpt.map(%[[P]], %[[I]]) : (tensor<2x16xf32>, tensor<16xi32>) -> tensor<2x16xf32>
  // CHECK: arith.constant 13 : i32
  // CHECK: arith.cmpi slt
  // CHECK: arith.select
  %p = gpt.map(%y) : (tensor<2x13xf32>) -> tensor<2x13xf32> {
  ^bb0(%a: f32):
    %0 = math.exp %a : f32
    gpt.yield %0 : f32
  }
  // CHECK: gpt.reduce sum %[[MASKED]] [1] : tensor<2x16xf32> -> tensor<2xf32>
  %s = gpt.reduce sum %p [1] : tensor<2x13xf32> -> tensor<2xf32>
  gpt.write @"output:s", %s : tensor<2xf32>
  // CHECK: %[[DW:.*]] = gpt.matmul %[[MASKED]], %[[H]] transpose_lhs : tensor<2x16xf32>, tensor<2x4xf32> -> tensor<16x4xf32>
  %dw = gpt.matmul %p, %h transpose_lhs : tensor<2x13xf32>, tensor<2x4xf32> -> tensor<13x4xf32>
  // CHECK: %[[DX:.*]] = gpt.matmul %[[MASKED]], %[[E]] : tensor<2x16xf32>, tensor<16x4xf32> -> tensor<2x4xf32>
  %dx = gpt.matmul %p, %e : tensor<2x13xf32>, tensor<13x4xf32> -> tensor<2x4xf32>
  // CHECK: %[[DT:.*]] = gpt.embedding_grad %{{.*}}, %{{.*}}, %[[DX]] : {{.*}} -> tensor<16x4xf32>
  %dt = gpt.embedding_grad %tokens, %order, %dx : tensor<2xi32>, tensor<2xi32>, tensor<2x4xf32> -> tensor<13x4xf32>
  // CHECK: %[[SUM:.*]] = gpt.map(%[[DW]], %[[DT]])
  %sum = gpt.map(%dw, %dt) : (tensor<13x4xf32>, tensor<13x4xf32>) -> tensor<13x4xf32> {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.addf %a, %b : f32
    gpt.yield %0 : f32
  }
  // CHECK: gpt.write @"gradient:e", %[[SUM]] : tensor<16x4xf32>
  gpt.write @"gradient:e", %sum : tensor<13x4xf32>
  return
}

// -----

// A hidden axis of 6: relu(0) is 0 and goes on without a mask, the maximum is masked with -inf. What cuts
// the axis up gets it without pads.
gpt.variable @x input : tensor<3x4xf32>
gpt.variable @w parameter init(<normal, 0.02, 0.0>) : tensor<4x6xf32>
gpt.variable @b parameter init(<constant, 0.0, 0.0>) : tensor<6xf32>
gpt.variable @"output:m" output : tensor<3xf32>
gpt.variable @"output:z" output : tensor<3x3xf32>
gpt.variable @"output:h" output : tensor<3x3x2xf32>

// CHECK: gpt.variable @w {{.*}} {padded = array<i64: 4, 8>} : tensor<4x6xf32>
// CHECK: gpt.variable @b {{.*}} {padded = array<i64: 8>} : tensor<6xf32>
// CHECK-NOT: padded
// CHECK-LABEL: func.func @hidden
// REMARK-DAG: remark: [Missed] SlicedBack | Category:gpt-pad | Operation=gpt.reshape
func.func @hidden() {
  %x = gpt.read @x : tensor<3x4xf32>
  %w = gpt.read @w : tensor<4x6xf32>
  %b = gpt.read @b : tensor<6xf32>
  // CHECK: %[[Y:.*]] = gpt.matmul %{{.*}}, %{{.*}} : tensor<3x4xf32>, tensor<4x8xf32> -> tensor<3x8xf32>
  %y = gpt.matmul %x, %w : tensor<3x4xf32>, tensor<4x6xf32> -> tensor<3x6xf32>
  // CHECK: %[[R:.*]] = gpt.map(%[[Y]], %{{.*}}) : (tensor<3x8xf32>, tensor<8xf32>) -> tensor<3x8xf32>
  %r = gpt.map(%y, %b) : (tensor<3x6xf32>, tensor<6xf32>) -> tensor<3x6xf32> {
  ^bb0(%a: f32, %c: f32):
    %zero = arith.constant 0.0 : f32
    %0 = arith.addf %a, %c : f32
    %1 = arith.maximumf %0, %zero : f32
    gpt.yield %1 : f32
  }
  // CHECK: %[[S:.*]] = gpt.slice %[[R]] [0, 0] [3, 6] : tensor<3x8xf32> -> tensor<3x6xf32>
  // CHECK: %[[M:.*]] = gpt.map(%[[R]], %{{.*}}) : (tensor<3x8xf32>, tensor<8xi32>) -> tensor<3x8xf32>
  // CHECK: arith.constant 0xFF800000 : f32
  // CHECK: gpt.reduce max %[[M]] [1] : tensor<3x8xf32> -> tensor<3xf32>
  %m = gpt.reduce max %r [1] : tensor<3x6xf32> -> tensor<3xf32>
  gpt.write @"output:m", %m : tensor<3xf32>
  // CHECK: gpt.matmul %[[R]], %[[R]] transpose_rhs : tensor<3x8xf32>, tensor<3x8xf32> -> tensor<3x3xf32>
  %z = gpt.matmul %r, %r transpose_rhs : tensor<3x6xf32>, tensor<3x6xf32> -> tensor<3x3xf32>
  gpt.write @"output:z", %z : tensor<3x3xf32>
  // CHECK: gpt.reshape %[[S]] : tensor<3x6xf32> -> tensor<3x3x2xf32>
  %h = gpt.reshape %r : tensor<3x6xf32> -> tensor<3x3x2xf32>
  gpt.write @"output:h", %h : tensor<3x3x2xf32>
  return
}

// -----

// A table that no matmul sees gains nothing.
gpt.variable @tokens input {limit = 5} : tensor<2xi32>
gpt.variable @table parameter init(<normal, 0.02, 0.0>) : tensor<5x8xf32>
gpt.variable @"output:y" output : tensor<2x8xf32>

// CHECK-NOT: padded
// CHECK-LABEL: func.func @lookup
// REMARK-DAG: remark: [Missed] NotPadded | Category:gpt-pad | Axis=0, Parameter=table, Remark="no matmul would gain from it"
func.func @lookup() {
  %tokens = gpt.read @tokens : tensor<2xi32>
  %table = gpt.read @table : tensor<5x8xf32>
  %y = gpt.embedding %tokens, %table : tensor<2xi32>, tensor<5x8xf32> -> tensor<2x8xf32>
  gpt.write @"output:y", %y : tensor<2x8xf32>
  return
}

// -----

// An output that an entry reads, too, is kept as it is.
gpt.variable @x input : tensor<2x4xf32>
gpt.variable @v parameter init(<normal, 0.02, 0.0>) : tensor<4x6xf32>
gpt.variable @"output:y" output : tensor<2x6xf32>
gpt.variable @"output:z" output : tensor<2x6xf32>

// CHECK: gpt.variable @v {{.*}} {padded = array<i64: 4, 8>} : tensor<4x6xf32>
// CHECK: gpt.variable @"output:y" output : tensor<2x6xf32>
// CHECK: gpt.variable @"output:z" output {padded = array<i64: 2, 8>} : tensor<2x6xf32>
// CHECK-LABEL: func.func @outputs
func.func @outputs() {
  %x = gpt.read @x : tensor<2x4xf32>
  %v = gpt.read @v : tensor<4x6xf32>
  // CHECK: gpt.read @"output:y" : tensor<2x6xf32>
  %old = gpt.read @"output:y" : tensor<2x6xf32>
  // CHECK: %[[Y:.*]] = gpt.matmul {{.*}} -> tensor<2x8xf32>
  %y = gpt.matmul %x, %v : tensor<2x4xf32>, tensor<4x6xf32> -> tensor<2x6xf32>
  // CHECK: %[[S:.*]] = gpt.slice %[[Y]] [0, 0] [2, 6] : tensor<2x8xf32> -> tensor<2x6xf32>
  // CHECK: gpt.write @"output:y", %[[S]] : tensor<2x6xf32>
  gpt.write @"output:y", %y : tensor<2x6xf32>
  // CHECK: gpt.write @"output:z", %[[Y]] : tensor<2x8xf32>
  gpt.write @"output:z", %y : tensor<2x6xf32>
  gpt.write @"output:y", %old accumulate : tensor<2x6xf32>
  return
}
