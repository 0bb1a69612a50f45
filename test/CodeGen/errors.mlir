// Kernels that no schedule can do.
// RUN: gptc-opt %s --split-input-file --plan-lower-kernels --verify-diagnostics

// expected-error @below {{requires schedule row, column, segmented_sum, attention or attention_grad, found "diagonal"}}
plan.kernel @k "diagonal" rows 4 layouts [memref<4xf32>, memref<4xf32>] accumulate [false] in_place [-1] {
^bb0(%x: tensor<4xf32>):
  gpt.yield %x : tensor<4xf32>
}

// -----

// expected-error @below {{does not take gpt.transpose in its region}}
plan.kernel @k "row" rows 4 layouts [memref<3x4xf32>, memref<4x3xf32>] accumulate [false] in_place [-1] {
^bb0(%x: tensor<3x4xf32>):
  %y = gpt.transpose %x [1, 0] : tensor<3x4xf32> -> tensor<4x3xf32>
  gpt.yield %y : tensor<4x3xf32>
}

// -----

// expected-error @below {{requires reductions over the last axis for a row schedule}}
plan.kernel @k "row" rows 4 layouts [memref<3x4xf32>, memref<3xf32>] accumulate [false] in_place [-1] {
^bb0(%x: tensor<3x4xf32>):
  %y = gpt.reduce sum %x [0] : tensor<3x4xf32> -> tensor<4xf32>
  %z = gpt.reduce sum %x [1] : tensor<3x4xf32> -> tensor<3xf32>
  %s = gpt.reduce sum %y [0] : tensor<4xf32> -> tensor<f32>
  %t = gpt.map(%z, %s) : (tensor<3xf32>, tensor<f32>) -> tensor<3xf32> {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.addf %a, %b : f32
    gpt.yield %0 : f32
  }
  gpt.yield %t : tensor<3xf32>
}

// -----

// expected-error @below {{requires outputs of one element for each point or each row of its space, found 0 to have another shape}}
plan.kernel @k "row" rows 3 layouts [memref<3x4xf32>, memref<2x4xf32>] accumulate [false] in_place [-1] {
^bb0(%x: tensor<3x4xf32>):
  %z = gpt.reduce sum %x [1] : tensor<3x4xf32> -> tensor<3xf32>
  %y = arith.constant dense<1.0> : tensor<2x4xf32>
  gpt.yield %y : tensor<2x4xf32>
}

// -----

// expected-error @below {{requires reshapes that merge axes, split them as the space does, or add and drop axes of size 1}}
plan.kernel @k "row" rows 4 layouts [memref<4x6xf32>, memref<8x3xf32>, memref<4x6xf32>] accumulate [false] in_place [-1] {
^bb0(%x: tensor<4x6xf32>, %z: tensor<8x3xf32>):
  %w = gpt.reshape %z : tensor<8x3xf32> -> tensor<4x6xf32>
  %y = gpt.map(%x, %w) : (tensor<4x6xf32>, tensor<4x6xf32>) -> tensor<4x6xf32> {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.addf %a, %b : f32
    gpt.yield %0 : f32
  }
  gpt.yield %y : tensor<4x6xf32>
}

// -----

// expected-error @below {{requires tables of gpt.embedding among its inputs}}
plan.kernel @k "row" rows 4 layouts [memref<4xi32>, memref<2x6xf32>, memref<4x6xf32>] accumulate [false] in_place [-1] {
^bb0(%i: tensor<4xi32>, %t: tensor<2x6xf32>):
  %u = gpt.map(%t) : (tensor<2x6xf32>) -> tensor<2x6xf32> {
  ^bb0(%a: f32):
    gpt.yield %a : f32
  }
  %y = gpt.embedding %i, %u : tensor<4xi32>, tensor<2x6xf32> -> tensor<4x6xf32>
  gpt.yield %y : tensor<4x6xf32>
}

// -----

// The square is written in the first phase, and the last one reads x.
// expected-error @below {{requires input 0 to be read before output 0 takes its place}}
plan.kernel @k "row" rows 3 layouts [memref<3x4xf32>, memref<3x4xf32>, memref<3x4xf32>] accumulate [false, false] in_place [0, -1] {
^bb0(%x: tensor<3x4xf32>):
  %q = gpt.map(%x) : (tensor<3x4xf32>) -> tensor<3x4xf32> {
  ^bb0(%a: f32):
    %0 = arith.mulf %a, %a : f32
    gpt.yield %0 : f32
  }
  %s = gpt.reduce sum %q [1] : tensor<3x4xf32> -> tensor<3xf32>
  %c = gpt.reshape %s : tensor<3xf32> -> tensor<3x1xf32>
  %y = gpt.map(%x, %c) : (tensor<3x4xf32>, tensor<3x1xf32>) -> tensor<3x4xf32> {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    gpt.yield %0 : f32
  }
  gpt.yield %q, %y : tensor<3x4xf32>, tensor<3x4xf32>
}

// -----

// expected-error @below {{requires a reduction for a column schedule}}
plan.kernel @k "column" rows 1 layouts [memref<3x4xf32>, memref<3x4xf32>] accumulate [false] in_place [-1] {
^bb0(%x: tensor<3x4xf32>):
  gpt.yield %x : tensor<3x4xf32>
}

// -----

// expected-error @below {{requires reductions of the whole space, over axes before the last}}
plan.kernel @k "column" rows 1 layouts [memref<3x4xf32>, memref<3xf32>] accumulate [false] in_place [-1] {
^bb0(%x: tensor<3x4xf32>):
  %s = gpt.reduce sum %x [1] : tensor<3x4xf32> -> tensor<3xf32>
  gpt.yield %s : tensor<3xf32>
}

// -----

// expected-error @below {{requires column reductions over the same axes}}
plan.kernel @k "column" rows 1 layouts [memref<2x3x4xf32>, memref<3x4xf32>, memref<2x4xf32>] accumulate [false, false] in_place [-1, -1] {
^bb0(%x: tensor<2x3x4xf32>):
  %s = gpt.reduce sum %x [0] : tensor<2x3x4xf32> -> tensor<3x4xf32>
  %t = gpt.reduce sum %x [1] : tensor<2x3x4xf32> -> tensor<2x4xf32>
  gpt.yield %s, %t : tensor<3x4xf32>, tensor<2x4xf32>
}

// -----

// expected-error @below {{does not take outputs in place of inputs for a column schedule}}
plan.kernel @k "column" rows 1 layouts [memref<3x4xf32>, memref<4xf32>, memref<4xf32>] accumulate [false] in_place [1] {
^bb0(%x: tensor<3x4xf32>, %b: tensor<4xf32>):
  %s = gpt.reduce sum %x [0] : tensor<3x4xf32> -> tensor<4xf32>
  %y = gpt.map(%s, %b) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%p: f32, %q: f32):
    %0 = arith.addf %p, %q : f32
    gpt.yield %0 : f32
  }
  gpt.yield %y : tensor<4xf32>
}

// -----

// expected-error @below {{requires gpt.embedding_grad of its inputs alone for a segmented sum}}
plan.kernel @k "segmented_sum" rows 4 layouts [memref<4xf32>, memref<4xf32>] accumulate [false] in_place [-1] {
^bb0(%x: tensor<4xf32>):
  gpt.yield %x : tensor<4xf32>
}

// -----

// expected-error @below {{requires one gpt.flash_attention of its inputs, each result of which is an output once, for "attention"}}
plan.kernel @k "attention" rows 1 layouts [memref<1x1x8x4xf32>, memref<1x1x8x4xf32>] accumulate [true] in_place [-1] {
^bb0(%x: tensor<1x1x8x4xf32>):
  %y, %l = gpt.flash_attention %x, %x, %x scale 0.5 : tensor<1x1x8x4xf32>, tensor<1x1x8x4xf32>, tensor<1x1x8x4xf32> -> tensor<1x1x8x4xf32>, tensor<1x1x8xf32>
  gpt.yield %y : tensor<1x1x8x4xf32>
}

// -----

// expected-error @below {{requires one gpt.flash_attention of its inputs, each result of which is an output once, for "attention"}}
plan.kernel @k "attention" rows 1 layouts [memref<1x1x8x4xf32>, memref<1x1x8xf32>] accumulate [false] in_place [-1] {
^bb0(%x: tensor<1x1x8x4xf32>):
  %y, %l = gpt.flash_attention %x, %x, %x scale 0.5 : tensor<1x1x8x4xf32>, tensor<1x1x8x4xf32>, tensor<1x1x8x4xf32> -> tensor<1x1x8x4xf32>, tensor<1x1x8xf32>
  gpt.yield %l : tensor<1x1x8xf32>
}

// -----

// expected-error @below {{requires one gpt.flash_attention_grad of its inputs, each result of which is an output once, for "attention_grad"}}
plan.kernel @k "attention_grad" rows 1 layouts [memref<1x1x8x4xf32>, memref<1x1x8x4xf32>] accumulate [false] in_place [-1] {
^bb0(%x: tensor<1x1x8x4xf32>):
  %y, %l = gpt.flash_attention %x, %x, %x scale 0.5 : tensor<1x1x8x4xf32>, tensor<1x1x8x4xf32>, tensor<1x1x8x4xf32> -> tensor<1x1x8x4xf32>, tensor<1x1x8xf32>
  gpt.yield %y : tensor<1x1x8x4xf32>
}
