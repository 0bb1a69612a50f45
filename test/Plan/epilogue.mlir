// RUN: gptc-opt %s --gpt-lower-to-plan --split-input-file | FileCheck %s

// Bias and GELU, both kept: the product takes the place of the sum, so it has no memory of its own.
// CHECK-LABEL: plan.entry @both
// CHECK-NEXT: plan.matmul 6 x 5 x 4(<@b0, 0>, <@b1, 0>) to <@b3, 0> strides [4, 5, 5] batch []
// CHECK-SAME: epilogue @[[K:[a-z0-9_]+]] rows 6 grain 3276 [#plan.view<@b2, 0>, #plan.view<@b3, 0>, #plan.view<@b3, 0>, #plan.view<@b4, 0>]
// CHECK-NEXT: }
// CHECK: plan.kernel @[[K]] "row" rows 6
// CHECK-SAME: accumulate [false, false] in_place [1, -1]
// CHECK-NOT: gpt.matmul
gpt.variable @x input : tensor<2x3x4xf32>
gpt.variable @w parameter init(#gpt.init<constant, 0.0, 0.0>) : tensor<4x5xf32>
gpt.variable @b parameter init(#gpt.init<constant, 0.0, 0.0>) : tensor<5xf32>
gpt.variable @sum output : tensor<2x3x5xf32>
gpt.variable @gelu output : tensor<2x3x5xf32>
func.func @both() {
  %x = gpt.read @x : tensor<2x3x4xf32>
  %w = gpt.read @w : tensor<4x5xf32>
  %b = gpt.read @b : tensor<5xf32>
  %0:2 = gpt.fused(%x, %w, %b) : (tensor<2x3x4xf32>, tensor<4x5xf32>, tensor<5xf32>) -> (tensor<2x3x5xf32>, tensor<2x3x5xf32>) {
  ^bb0(%i: tensor<2x3x4xf32>, %j: tensor<4x5xf32>, %k: tensor<5xf32>):
    %p = gpt.matmul %i, %j : tensor<2x3x4xf32>, tensor<4x5xf32> -> tensor<2x3x5xf32>
    %s, %g = gpt.map(%p, %k) : (tensor<2x3x5xf32>, tensor<5xf32>) -> (tensor<2x3x5xf32>, tensor<2x3x5xf32>) {
    ^bb0(%c: f32, %d: f32):
      %1 = arith.addf %c, %d : f32
      %2 = math.erf %1 : f32
      gpt.yield %1, %2 : f32, f32
    }
    gpt.yield %s, %g : tensor<2x3x5xf32>, tensor<2x3x5xf32>
  }
  gpt.write @sum, %0#0 : tensor<2x3x5xf32>
  gpt.write @gelu, %0#1 : tensor<2x3x5xf32>
  return
}

// -----

// The product itself is needed: it stays, beside what follows from it.
// CHECK-LABEL: plan.entry @kept
// CHECK-NEXT: plan.matmul {{.*}} to <@b3, 0> {{.*}} epilogue @{{.*}} [#plan.view<@b3, 0>, #plan.view<@b2, 0>]
// CHECK-NEXT: }
// CHECK: in_place [-1]
gpt.variable @x input : tensor<6x4xf32>
gpt.variable @w parameter init(#gpt.init<constant, 0.0, 0.0>) : tensor<4x5xf32>
gpt.variable @y output : tensor<6x5xf32>
gpt.variable @z output : tensor<6x5xf32>
func.func @kept() {
  %x = gpt.read @x : tensor<6x4xf32>
  %w = gpt.read @w : tensor<4x5xf32>
  %0:2 = gpt.fused(%x, %w) : (tensor<6x4xf32>, tensor<4x5xf32>) -> (tensor<6x5xf32>, tensor<6x5xf32>) {
  ^bb0(%i: tensor<6x4xf32>, %j: tensor<4x5xf32>):
    %p = gpt.matmul %i, %j : tensor<6x4xf32>, tensor<4x5xf32> -> tensor<6x5xf32>
    %s = gpt.map(%p) : (tensor<6x5xf32>) -> tensor<6x5xf32> {
    ^bb0(%c: f32):
      %2 = math.erf %c : f32
      gpt.yield %2 : f32
    }
    gpt.yield %s, %p : tensor<6x5xf32>, tensor<6x5xf32>
  }
  gpt.write @y, %0#0 : tensor<6x5xf32>
  gpt.write @z, %0#1 : tensor<6x5xf32>
  return
}

// -----

// What is added to a variable cannot be computed in its place.
// CHECK-LABEL: plan.entry @added
// CHECK-NEXT: plan.matmul {{.*}} to <@[[P:b[0-9]+]], 0> {{.*}} epilogue @{{.*}} [#plan.view<@[[P]], 0>, #plan.view<@b2, 0>]
// CHECK-NEXT: }
// CHECK: accumulate [true] in_place [-1]
gpt.variable @x input : tensor<6x4xf32>
gpt.variable @w parameter init(#gpt.init<constant, 0.0, 0.0>) : tensor<4x5xf32>
gpt.variable @y gradient : tensor<6x5xf32>
func.func @added() {
  %x = gpt.read @x : tensor<6x4xf32>
  %w = gpt.read @w : tensor<4x5xf32>
  %0 = gpt.fused(%x, %w) : (tensor<6x4xf32>, tensor<4x5xf32>) -> tensor<6x5xf32> {
  ^bb0(%i: tensor<6x4xf32>, %j: tensor<4x5xf32>):
    %p = gpt.matmul %i, %j : tensor<6x4xf32>, tensor<4x5xf32> -> tensor<6x5xf32>
    %s = gpt.map(%p) : (tensor<6x5xf32>) -> tensor<6x5xf32> {
    ^bb0(%c: f32):
      %2 = math.erf %c : f32
      gpt.yield %2 : f32
    }
    gpt.yield %s : tensor<6x5xf32>
  }
  gpt.write @y, %0 accumulate : tensor<6x5xf32>
  return
}

// -----

// Rows of heads do not lie at one distance: the product is multiplied in pieces, and the kernel is launched behind it.
// CHECK-LABEL: plan.entry @pieces
// CHECK-NEXT: plan.matmul 3 x 5 x 4(<@b0, 0>, <@b1, 0>) to <@b2, 0> strides [8, 5, 5] batch [#plan.batch<2, 4, 0, 15>]
// CHECK-NEXT: plan.launch @{{.*}} rows [6] grain {{.*}} {{\[\[}}#plan.view<@b2, 0>, #plan.view<@b2, 0>]]
// CHECK-NEXT: }
gpt.variable @x input : tensor<3x2x4xf32>
gpt.variable @w parameter init(#gpt.init<constant, 0.0, 0.0>) : tensor<4x5xf32>
gpt.variable @y output : tensor<2x3x5xf32>
func.func @pieces() {
  %r = gpt.read @x : tensor<3x2x4xf32>
  %w = gpt.read @w : tensor<4x5xf32>
  %x = gpt.transpose %r [1, 0, 2] : tensor<3x2x4xf32> -> tensor<2x3x4xf32>
  %0 = gpt.fused(%x, %w) : (tensor<2x3x4xf32>, tensor<4x5xf32>) -> tensor<2x3x5xf32> {
  ^bb0(%i: tensor<2x3x4xf32>, %j: tensor<4x5xf32>):
    %p = gpt.matmul %i, %j : tensor<2x3x4xf32>, tensor<4x5xf32> -> tensor<2x3x5xf32>
    %s = gpt.map(%p) : (tensor<2x3x5xf32>) -> tensor<2x3x5xf32> {
    ^bb0(%c: f32):
      %2 = math.erf %c : f32
      gpt.yield %2 : f32
    }
    gpt.yield %s : tensor<2x3x5xf32>
  }
  gpt.write @y, %0 : tensor<2x3x5xf32>
  return
}
