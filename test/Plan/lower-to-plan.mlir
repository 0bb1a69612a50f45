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

// A parameter is updated in place; its memory is padded to flat rows of 1024 elements.
// CHECK: plan.buffer @b0 in "parameters" bytes 4096
// CHECK: plan.tensor "w" at <@b0, 0> strides [144, 1]
// CHECK-LABEL: plan.entry @update
// CHECK-NEXT: plan.launch @[[K:.*]] rows [1] {{.*}}@b0, 0>, #plan.view<@b1, 0>, #plan.view<@b0, 0>
// CHECK-NEXT: }
// CHECK: plan.kernel @[[K]] "row" rows 2 layouts [memref<2x1024xf32, strided<[1024, 1]>>, {{.*}}] accumulate [false] in_place [0]
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

// -----

// Attention reads the heads where they lie, and writes its result where the matrices behind it want it, both of them; so
// does its adjoint, side by side into the gradient of the whole. Nothing is copied.
// CHECK-LABEL: plan.buffer @b0 in "io"
// CHECK: plan.entry @attention
// CHECK-NEXT: plan.launch @[[F:[a-z_0-9]+]] rows [4] grain {{[0-9]+}} {{\[\[}}#plan.view<@b0, 0>, #plan.view<@b0, 8>, #plan.view<@b0, 16>, #plan.view<@[[O:b[0-9]+]], 0>, #plan.view<@[[L:b[0-9]+]], 0>]]
// CHECK-NEXT: plan.matmul 6 x 5 x 8(<@[[O]], 0>, <@b1, 0>) to <@b4, 0> strides [8, 5, 5]
// CHECK-NEXT: plan.matmul 6 x 8 x 5(<@b3, 0>, <@b1, 0>) to <@[[D:b[0-9]+]], 0> strides [5, 5, 8] batch [] transpose_rhs
// CHECK-NEXT: plan.matmul 8 x 5 x 6(<@[[O]], 0>, <@b3, 0>) to <@b5, 0> strides [8, 5, 5] batch [] transpose_lhs
// CHECK-NEXT: plan.launch @[[B:[a-z_0-9]+]] rows [4] grain {{[0-9]+}} {{\[\[}}#plan.view<@b0, 0>, #plan.view<@b0, 8>, #plan.view<@b0, 16>, #plan.view<@[[O]], 0>, #plan.view<@[[L]], 0>, #plan.view<@[[D]], 0>, #plan.view<@b2, 0>, #plan.view<@b2, 8>, #plan.view<@b2, 16>]]
// CHECK-NEXT: }
// CHECK: plan.kernel @[[F]] "attention" rows 4 layouts [memref<2x2x3x4xf32, strided<[72, 4, 24, 1]>>, {{.*}}, memref<2x2x3x4xf32, strided<[24, 4, 8, 1]>>, memref<2x2x3xf32, strided<[6, 3, 1]>>] accumulate [false, false] in_place [-1, -1]
// CHECK: plan.kernel @[[B]] "attention_grad" rows 4 layouts [{{.*}}] accumulate [false, false, false] in_place [-1, -1, -1]
gpt.variable @x input : tensor<2x3x24xf32>
gpt.variable @w input : tensor<8x5xf32>
gpt.variable @dx output : tensor<2x3x24xf32>
gpt.variable @dz input : tensor<2x3x5xf32>
gpt.variable @z output : tensor<2x3x5xf32>
gpt.variable @dw output : tensor<8x5xf32>
func.func @attention() {
  %x = gpt.read @x : tensor<2x3x24xf32>
  %w = gpt.read @w : tensor<8x5xf32>
  %dz = gpt.read @dz : tensor<2x3x5xf32>
  %q, %k, %v = gpt.split %x axis 2 : tensor<2x3x24xf32> -> tensor<2x3x8xf32>, tensor<2x3x8xf32>, tensor<2x3x8xf32>
  %q3 = gpt.reshape %q : tensor<2x3x8xf32> -> tensor<2x3x2x4xf32>
  %k3 = gpt.reshape %k : tensor<2x3x8xf32> -> tensor<2x3x2x4xf32>
  %v3 = gpt.reshape %v : tensor<2x3x8xf32> -> tensor<2x3x2x4xf32>
  %qh = gpt.transpose %q3 [0, 2, 1, 3] : tensor<2x3x2x4xf32> -> tensor<2x2x3x4xf32>
  %kh = gpt.transpose %k3 [0, 2, 1, 3] : tensor<2x3x2x4xf32> -> tensor<2x2x3x4xf32>
  %vh = gpt.transpose %v3 [0, 2, 1, 3] : tensor<2x3x2x4xf32> -> tensor<2x2x3x4xf32>
  %o, %l = gpt.fused(%qh, %kh, %vh) : (tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32>) -> (tensor<2x2x3x4xf32>, tensor<2x2x3xf32>) {
  ^bb0(%a: tensor<2x2x3x4xf32>, %b: tensor<2x2x3x4xf32>, %c: tensor<2x2x3x4xf32>):
    %0, %1 = gpt.flash_attention %a, %b, %c causal scale 0.5 : tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x4xf32>, tensor<2x2x3xf32>
    gpt.yield %0, %1 : tensor<2x2x3x4xf32>, tensor<2x2x3xf32>
  }
  %t = gpt.transpose %o [0, 2, 1, 3] : tensor<2x2x3x4xf32> -> tensor<2x3x2x4xf32>
  %y = gpt.reshape %t : tensor<2x3x2x4xf32> -> tensor<2x3x8xf32>
  %z = gpt.matmul %y, %w : tensor<2x3x8xf32>, tensor<8x5xf32> -> tensor<2x3x5xf32>
  gpt.write @z, %z : tensor<2x3x5xf32>
  %dy = gpt.matmul %dz, %w transpose_rhs : tensor<2x3x5xf32>, tensor<8x5xf32> -> tensor<2x3x8xf32>
  %rows = gpt.reshape %t : tensor<2x3x2x4xf32> -> tensor<6x8xf32>
  %drows = gpt.reshape %dz : tensor<2x3x5xf32> -> tensor<6x5xf32>
  %dw = gpt.matmul %rows, %drows transpose_lhs : tensor<6x8xf32>, tensor<6x5xf32> -> tensor<8x5xf32>
  gpt.write @dw, %dw : tensor<8x5xf32>
  %dt = gpt.reshape %dy : tensor<2x3x8xf32> -> tensor<2x3x2x4xf32>
  %do = gpt.transpose %dt [0, 2, 1, 3] : tensor<2x3x2x4xf32> -> tensor<2x2x3x4xf32>
  %dq, %dk, %dv = gpt.fused(%qh, %kh, %vh, %o, %l, %do) : (tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32>, tensor<2x2x3xf32>, tensor<2x2x3x4xf32>) -> (tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32>) {
  ^bb0(%a: tensor<2x2x3x4xf32>, %b: tensor<2x2x3x4xf32>, %c: tensor<2x2x3x4xf32>, %d: tensor<2x2x3x4xf32>, %e: tensor<2x2x3xf32>, %f: tensor<2x2x3x4xf32>):
    %0, %1, %2 = gpt.flash_attention_grad %a, %b, %c, %d, %e, %f causal scale 0.5 : tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32>, tensor<2x2x3xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32>
    gpt.yield %0, %1, %2 : tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32>
  }
  %dqt = gpt.transpose %dq [0, 2, 1, 3] : tensor<2x2x3x4xf32> -> tensor<2x3x2x4xf32>
  %dkt = gpt.transpose %dk [0, 2, 1, 3] : tensor<2x2x3x4xf32> -> tensor<2x3x2x4xf32>
  %dvt = gpt.transpose %dv [0, 2, 1, 3] : tensor<2x2x3x4xf32> -> tensor<2x3x2x4xf32>
  %dq3 = gpt.reshape %dqt : tensor<2x3x2x4xf32> -> tensor<2x3x8xf32>
  %dk3 = gpt.reshape %dkt : tensor<2x3x2x4xf32> -> tensor<2x3x8xf32>
  %dv3 = gpt.reshape %dvt : tensor<2x3x2x4xf32> -> tensor<2x3x8xf32>
  %dx = gpt.concat %dq3, %dk3, %dv3 axis 2 : tensor<2x3x8xf32>, tensor<2x3x8xf32>, tensor<2x3x8xf32> -> tensor<2x3x24xf32>
  gpt.write @dx, %dx : tensor<2x3x24xf32>
  return
}

// -----

// Attention adds to nothing, and reads rows of neighbouring elements: keys that lie transposed are copied, as is a sum.
// CHECK-LABEL: plan.entry @attention_copies
// CHECK-NEXT: plan.launch @copy_{{.*}} {{\[\[}}#plan.view<@b1, 0>, #plan.view<@[[K:b[0-9]+]], 0>]]
// CHECK-NEXT: plan.launch @{{.*}} {{\[\[}}#plan.view<@b0, 0>, #plan.view<@[[K]], 0>, #plan.view<@b0, 0>, #plan.view<@[[Y:b[0-9]+]], 0>]]
// CHECK-NEXT: plan.launch @add_{{.*}} {{\[\[}}#plan.view<@[[Y]], 0>, #plan.view<@b2, 0>]]
// CHECK-NEXT: }
gpt.variable @q input : tensor<1x2x3x4xf32>
gpt.variable @k input : tensor<1x2x4x3xf32>
gpt.variable @y output : tensor<1x2x3x4xf32>
func.func @attention_copies() {
  %q = gpt.read @q : tensor<1x2x3x4xf32>
  %k = gpt.read @k : tensor<1x2x4x3xf32>
  %kt = gpt.transpose %k [0, 1, 3, 2] : tensor<1x2x4x3xf32> -> tensor<1x2x3x4xf32>
  %y = gpt.fused(%q, %kt, %q) : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32> {
  ^bb0(%a: tensor<1x2x3x4xf32>, %b: tensor<1x2x3x4xf32>, %c: tensor<1x2x3x4xf32>):
    %0, %1 = gpt.flash_attention %a, %b, %c scale 0.5 : tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32> -> tensor<1x2x3x4xf32>, tensor<1x2x3xf32>
    gpt.yield %0 : tensor<1x2x3x4xf32>
  }
  gpt.write @y, %y accumulate : tensor<1x2x3x4xf32>
  return
}
