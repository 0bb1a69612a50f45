// RUN: gptc-opt %s --gpt-lower-to-plan --split-input-file | FileCheck %s

// The heads of attention are views of one tensor; merging them again is where the product is computed.
// CHECK-LABEL: plan.buffer @b0 in "io"
// CHECK: plan.entry @heads
// CHECK-NEXT: plan.matmul 3 x 3 x 4(<@b0, 0>, <@b0, 8>) to <@[[S:b[0-9]+]], 0> strides [24, 24, 3] batch [#plan.batch<2, 4, 4, 9>] transpose_rhs
// CHECK-NEXT: plan.matmul 3 x 4 x 3(<@[[S]], 0>, <@b0, 16>) to <@b1, 0> strides [3, 24, 8] batch [#plan.batch<2, 9, 4, 4>]
// CHECK-NEXT: }
gpt.variable @x input : tensor<3x24xf32>
gpt.variable @y output : tensor<3x8xf32>
func.func @heads() {
  %x = gpt.read @x : tensor<3x24xf32>
  %q, %k, %v = gpt.split %x axis 1 : tensor<3x24xf32> -> tensor<3x8xf32>, tensor<3x8xf32>, tensor<3x8xf32>
  %q3 = gpt.reshape %q : tensor<3x8xf32> -> tensor<3x2x4xf32>
  %k3 = gpt.reshape %k : tensor<3x8xf32> -> tensor<3x2x4xf32>
  %v3 = gpt.reshape %v : tensor<3x8xf32> -> tensor<3x2x4xf32>
  %qh = gpt.transpose %q3 [1, 0, 2] : tensor<3x2x4xf32> -> tensor<2x3x4xf32>
  %kh = gpt.transpose %k3 [1, 0, 2] : tensor<3x2x4xf32> -> tensor<2x3x4xf32>
  %vh = gpt.transpose %v3 [1, 0, 2] : tensor<3x2x4xf32> -> tensor<2x3x4xf32>
  %s = gpt.matmul %qh, %kh transpose_rhs : tensor<2x3x4xf32>, tensor<2x3x4xf32> -> tensor<2x3x3xf32>
  %o = gpt.matmul %s, %vh : tensor<2x3x3xf32>, tensor<2x3x4xf32> -> tensor<2x3x4xf32>
  %t = gpt.transpose %o [1, 0, 2] : tensor<2x3x4xf32> -> tensor<3x2x4xf32>
  %y = gpt.reshape %t : tensor<3x2x4xf32> -> tensor<3x8xf32>
  gpt.write @y, %y : tensor<3x8xf32>
  return
}

// -----

// Gradients are computed where they are kept; the second one is added by the product itself.
// CHECK-LABEL: plan.entry @gradients
// CHECK-NEXT: plan.matmul 4 x 5 x 3(<@b0, 0>, <@b1, 0>) to <@b2, 0> strides [4, 5, 5] batch [] transpose_lhs
// CHECK-NEXT: plan.matmul 4 x 5 x 3(<@b0, 0>, <@b1, 0>) to <@b2, 0> strides [4, 5, 5] batch [] transpose_lhs accumulate
// CHECK-NEXT: }
gpt.variable @x input : tensor<3x4xf32>
gpt.variable @dy input : tensor<3x5xf32>
gpt.variable @w_gradient gradient : tensor<4x5xf32>
func.func @gradients() {
  %x = gpt.read @x : tensor<3x4xf32>
  %dy = gpt.read @dy : tensor<3x5xf32>
  %0 = gpt.matmul %x, %dy transpose_lhs : tensor<3x4xf32>, tensor<3x5xf32> -> tensor<4x5xf32>
  %1 = gpt.matmul %x, %dy transpose_lhs : tensor<3x4xf32>, tensor<3x5xf32> -> tensor<4x5xf32>
  gpt.write @w_gradient, %0 : tensor<4x5xf32>
  gpt.write @w_gradient, %1 accumulate : tensor<4x5xf32>
  return
}

// -----

// A parameter is updated in place; rows of 128 elements or more are padded.
// CHECK: plan.buffer @b0 in "parameters" bytes 1728
// CHECK: plan.tensor "w" at <@b0, 0> strides [144, 1]
// CHECK-LABEL: plan.entry @update
// CHECK-NEXT: plan.launch @[[K:.*]] rows [3] {{.*}}@b0, 0>, #plan.view<@b1, 0>, #plan.view<@b0, 0>
// CHECK-NEXT: }
// CHECK: plan.kernel @[[K]] "row" rows 3 layouts [memref<3x130xf32, strided<[144, 1]>>, {{.*}}] accumulate [false] in_place [0]
gpt.variable @w parameter init(#gpt.init<constant, 0.0, 0.0>) : tensor<3x130xf32>
gpt.variable @g gradient : tensor<3x130xf32>
func.func @update() {
  %w = gpt.read @w : tensor<3x130xf32>
  %g = gpt.read @g : tensor<3x130xf32>
  %0 = gpt.fused(%w, %g) : (tensor<3x130xf32>, tensor<3x130xf32>) -> tensor<3x130xf32> {
  ^bb0(%a: tensor<3x130xf32>, %b: tensor<3x130xf32>):
    %1 = gpt.map(%a, %b) : (tensor<3x130xf32>, tensor<3x130xf32>) -> tensor<3x130xf32> {
    ^bb0(%c: f32, %d: f32):
      %2 = arith.subf %c, %d : f32
      gpt.yield %2 : f32
    }
    gpt.yield %1 : tensor<3x130xf32>
  }
  gpt.write @w, %0 : tensor<3x130xf32>
  return
}

// -----

// Somebody reads the old value after the new one is there: the new one waits in memory of its own.
// CHECK-LABEL: plan.entry @late_reader
// CHECK-NEXT: plan.launch {{.*}}[#plan.view<@b0, 0>, #plan.view<@[[NEW:b[0-9]+]], 0>]
// CHECK-NEXT: plan.matmul {{.*}}(<@[[NEW]], 0>, <@b0, 0>)
// CHECK-NEXT: plan.launch @copy_{{.*}}[#plan.view<@[[NEW]], 0>, #plan.view<@b0, 0>]
gpt.variable @s state init(#gpt.init<constant, 0.0, 0.0>) : tensor<3x3xf32>
gpt.variable @y output : tensor<3x3xf32>
func.func @late_reader() {
  %s = gpt.read @s : tensor<3x3xf32>
  %0 = gpt.fused(%s) : (tensor<3x3xf32>) -> tensor<3x3xf32> {
  ^bb0(%a: tensor<3x3xf32>):
    %1 = gpt.map(%a) : (tensor<3x3xf32>) -> tensor<3x3xf32> {
    ^bb0(%c: f32):
      %2 = arith.addf %c, %c : f32
      gpt.yield %2 : f32
    }
    gpt.yield %1 : tensor<3x3xf32>
  }
  %2 = gpt.matmul %0, %s : tensor<3x3xf32>, tensor<3x3xf32> -> tensor<3x3xf32>
  gpt.write @y, %2 : tensor<3x3xf32>
  gpt.write @s, %0 : tensor<3x3xf32>
  return
}

// -----

// The pieces of a concatenation are computed side by side; an input is copied there.
// CHECK-LABEL: plan.entry @join
// CHECK-NEXT: plan.matmul {{.*}} to <@b2, 0> strides [2, 2, 4]
// CHECK-NEXT: plan.launch @copy_{{.*}}[#plan.view<@b1, 0>, #plan.view<@b2, 2>]
// CHECK-NEXT: }
gpt.variable @x input : tensor<2x2xf32>
gpt.variable @z input : tensor<2x2xf32>
gpt.variable @y output : tensor<2x4xf32>
func.func @join() {
  %x = gpt.read @x : tensor<2x2xf32>
  %z = gpt.read @z : tensor<2x2xf32>
  %0 = gpt.matmul %x, %x : tensor<2x2xf32>, tensor<2x2xf32> -> tensor<2x2xf32>
  %1 = gpt.concat %0, %z axis 1 : tensor<2x2xf32>, tensor<2x2xf32> -> tensor<2x4xf32>
  gpt.write @y, %1 : tensor<2x4xf32>
  return
}

// -----

// The old value goes to another variable behind all commands, so the new one waits; both are copied then.
// CHECK-LABEL: plan.entry @keep_old
// CHECK-NEXT: plan.launch {{.*}}[#plan.view<@b0, 0>, #plan.view<@[[NEW:b[0-9]+]], 0>]
// CHECK-NEXT: plan.launch @copy_{{.*}}[#plan.view<@b0, 0>, #plan.view<@[[OLD:b[0-9]+]], 0>]
// CHECK-NEXT: plan.launch @copy_{{.*}}[#plan.view<@[[OLD]], 0>, #plan.view<@b1, 0>]
// CHECK-NEXT: plan.launch @copy_{{.*}}[#plan.view<@[[NEW]], 0>, #plan.view<@b0, 0>]
// CHECK-NEXT: }
gpt.variable @s state init(#gpt.init<constant, 0.0, 0.0>) : tensor<3x3xf32>
gpt.variable @old output : tensor<3x3xf32>
func.func @keep_old() {
  %s = gpt.read @s : tensor<3x3xf32>
  gpt.write @old, %s : tensor<3x3xf32>
  %0 = gpt.fused(%s) : (tensor<3x3xf32>) -> tensor<3x3xf32> {
  ^bb0(%a: tensor<3x3xf32>):
    %1 = gpt.map(%a) : (tensor<3x3xf32>) -> tensor<3x3xf32> {
    ^bb0(%c: f32):
      %2 = arith.addf %c, %c : f32
      gpt.yield %2 : f32
    }
    gpt.yield %1 : tensor<3x3xf32>
  }
  gpt.write @s, %0 : tensor<3x3xf32>
  return
}

// -----

// Element by element, but of the old value and its transpose: not in place.
// CHECK-LABEL: plan.entry @transposed_too
// CHECK-NEXT: plan.launch {{.*}}[#plan.view<@b0, 0>, #plan.view<@b0, 0>, #plan.view<@[[NEW:b[0-9]+]], 0>]
// CHECK-NEXT: plan.launch @copy_{{.*}}[#plan.view<@[[NEW]], 0>, #plan.view<@b0, 0>]
// CHECK-NEXT: }
gpt.variable @s state init(#gpt.init<constant, 0.0, 0.0>) : tensor<3x3xf32>
func.func @transposed_too() {
  %s = gpt.read @s : tensor<3x3xf32>
  %t = gpt.transpose %s [1, 0] : tensor<3x3xf32> -> tensor<3x3xf32>
  %0 = gpt.fused(%s, %t) : (tensor<3x3xf32>, tensor<3x3xf32>) -> tensor<3x3xf32> {
  ^bb0(%a: tensor<3x3xf32>, %b: tensor<3x3xf32>):
    %1 = gpt.map(%a, %b) : (tensor<3x3xf32>, tensor<3x3xf32>) -> tensor<3x3xf32> {
    ^bb0(%c: f32, %d: f32):
      %2 = arith.addf %c, %d : f32
      gpt.yield %2 : f32
    }
    gpt.yield %1 : tensor<3x3xf32>
  }
  gpt.write @s, %0 : tensor<3x3xf32>
  return
}

// -----

// What is added to a variable cannot be computed from it in place.
// CHECK-LABEL: plan.entry @add_to_itself
// CHECK-NEXT: plan.launch {{.*}}[#plan.view<@b0, 0>, #plan.view<@[[NEW:b[0-9]+]], 0>]
// CHECK-NEXT: plan.launch @add_{{.*}}[#plan.view<@[[NEW]], 0>, #plan.view<@b0, 0>]
// CHECK-NEXT: }
gpt.variable @s state init(#gpt.init<constant, 0.0, 0.0>) : tensor<3x3xf32>
func.func @add_to_itself() {
  %s = gpt.read @s : tensor<3x3xf32>
  %0 = gpt.fused(%s) : (tensor<3x3xf32>) -> tensor<3x3xf32> {
  ^bb0(%a: tensor<3x3xf32>):
    %1 = gpt.map(%a) : (tensor<3x3xf32>) -> tensor<3x3xf32> {
    ^bb0(%c: f32):
      %2 = arith.mulf %c, %c : f32
      gpt.yield %2 : f32
    }
    gpt.yield %1 : tensor<3x3xf32>
  }
  gpt.write @s, %0 accumulate : tensor<3x3xf32>
  return
}

// -----

// The first piece is computed while the old value is still to be read by the second one: side by side, but elsewhere.
// CHECK-LABEL: plan.entry @join_late
// CHECK-NEXT: plan.matmul {{.*}}(<@b1, 0>, <@b1, 0>) to <@[[NEW:b[0-9]+]], 0>
// CHECK-NEXT: plan.matmul {{.*}}(<@b1, 0>, <@b0, 0>) to <@[[NEW]], 6>
// CHECK-NEXT: plan.launch @copy_{{.*}}[#plan.view<@[[NEW]], 0>, #plan.view<@b0, 0>]
// CHECK-NEXT: }
gpt.variable @s state init(#gpt.init<constant, 0.0, 0.0>) : tensor<4x3xf32>
gpt.variable @x input : tensor<3x3xf32>
func.func @join_late() {
  %s = gpt.read @s : tensor<4x3xf32>
  %x = gpt.read @x : tensor<3x3xf32>
  %top = gpt.slice %s [0, 0] [3, 3] : tensor<4x3xf32> -> tensor<3x3xf32>
  %rows = gpt.slice %x [0, 0] [2, 3] : tensor<3x3xf32> -> tensor<2x3xf32>
  %0 = gpt.matmul %rows, %x : tensor<2x3xf32>, tensor<3x3xf32> -> tensor<2x3xf32>
  %1 = gpt.matmul %rows, %top : tensor<2x3xf32>, tensor<3x3xf32> -> tensor<2x3xf32>
  %2 = gpt.concat %0, %1 axis 0 : tensor<2x3xf32>, tensor<2x3xf32> -> tensor<4x3xf32>
  gpt.write @s, %2 : tensor<4x3xf32>
  return
}

// -----

// The stride of an axis of size 1 means nothing: the sum lies where it is kept, and is added once.
// CHECK-LABEL: plan.entry @one_row
// CHECK-NEXT: plan.launch {{.*}}[#plan.view<@b1, 0>, #plan.view<@b0, 0>]
// CHECK-NEXT: }
gpt.variable @g gradient : tensor<1x200xf32>
gpt.variable @x input : tensor<5x200xf32>
func.func @one_row() {
  %x = gpt.read @x : tensor<5x200xf32>
  %0 = gpt.fused(%x) : (tensor<5x200xf32>) -> tensor<200xf32> {
  ^bb0(%a: tensor<5x200xf32>):
    %1 = gpt.reduce sum %a [0] : tensor<5x200xf32> -> tensor<200xf32>
    gpt.yield %1 : tensor<200xf32>
  }
  %2 = gpt.reshape %0 : tensor<200xf32> -> tensor<1x200xf32>
  gpt.write @g, %2 accumulate : tensor<1x200xf32>
  return
}

// -----

// A vector along a row axis: the row axes stay as they are.
// CHECK-LABEL: plan.entry @vector_along_rows
// CHECK: plan.kernel {{.*}} "row" rows 6
// CHECK-NEXT: ^bb0(%{{.*}}: tensor<2x3x2xf32>, %{{.*}}: tensor<1x3xf32>)
gpt.variable @x input : tensor<2x3x2xf32>
gpt.variable @b input : tensor<1x3xf32>
gpt.variable @y output : tensor<2x3xf32>
func.func @vector_along_rows() {
  %x = gpt.read @x : tensor<2x3x2xf32>
  %b = gpt.read @b : tensor<1x3xf32>
  %0 = gpt.fused(%x, %b) : (tensor<2x3x2xf32>, tensor<1x3xf32>) -> tensor<2x3xf32> {
  ^bb0(%a: tensor<2x3x2xf32>, %v: tensor<1x3xf32>):
    %1 = gpt.reduce sum %a [2] : tensor<2x3x2xf32> -> tensor<2x3xf32>
    %2 = gpt.map(%1, %v) : (tensor<2x3xf32>, tensor<1x3xf32>) -> tensor<2x3xf32> {
    ^bb0(%c: f32, %d: f32):
      %3 = arith.addf %c, %d : f32
      gpt.yield %3 : f32
    }
    gpt.yield %2 : tensor<2x3xf32>
  }
  gpt.write @y, %0 : tensor<2x3xf32>
  return
}

// -----

// A reduction wants all elements of a constant; its row axes merge too.
// CHECK-LABEL: plan.entry @reduced_constant
// CHECK: plan.kernel
// CHECK: arith.constant dense<7.500000e-01> : tensor<6x4xf32>
// CHECK-NEXT: gpt.reduce sum %{{.*}} [1] : tensor<6x4xf32> -> tensor<6xf32>
gpt.variable @y output : tensor<2x3xf32>
func.func @reduced_constant() {
  %0 = gpt.fused() : () -> tensor<2x3xf32> {
    %1 = arith.constant dense<0.75> : tensor<2x3x4xf32>
    %2 = gpt.reduce sum %1 [2] : tensor<2x3x4xf32> -> tensor<2x3xf32>
    gpt.yield %2 : tensor<2x3xf32>
  }
  gpt.write @y, %0 : tensor<2x3xf32>
  return
}
