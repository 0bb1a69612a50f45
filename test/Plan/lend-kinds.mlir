// RUN: gptc-opt %s --plan-assign-buffers | FileCheck %s

// Gradients whose rows need no clearing come first, then those with pads: by kind, those that have most memory first.
// CHECK-DAG: plan.buffer @whole in "gradients" bytes 256 offset 0
// CHECK-DAG: plan.buffer @most in "gradients" bytes 512 offset 256
// CHECK-DAG: plan.buffer @less in "gradients" bytes 128 offset 768
// CHECK-DAG: plan.buffer @crumb in "gradients" bytes 64 offset 896
plan.buffer @v in "parameters" bytes 4096
plan.buffer @crumb in "gradients" bytes 64
plan.buffer @less in "gradients" bytes 128
plan.buffer @most in "gradients" bytes 512
plan.buffer @whole in "gradients" bytes 256
plan.tensor "crumb" at #plan.view<@crumb, 0> strides [8, 1] {} : tensor<2x2xf32>
plan.tensor "less" at #plan.view<@less, 0> strides [16, 1] {} : tensor<2x8xf32>
plan.tensor "most" at #plan.view<@most, 0> strides [16, 1] {} : tensor<8x4xf32>
plan.tensor "whole" at #plan.view<@whole, 0> strides [16, 1] {} : tensor<4x16xf32>
plan.kernel @put_crumb "row" rows 2 layouts [memref<2x2xf32, strided<[8, 1]>>] accumulate [false] in_place [-1] {
  %0 = gpt.map() : () -> tensor<2x2xf32> {
    %zero = arith.constant 0.0 : f32
    gpt.yield %zero : f32
  }
  gpt.yield %0 : tensor<2x2xf32>
}
plan.kernel @put_less "row" rows 2 layouts [memref<2x8xf32, strided<[16, 1]>>] accumulate [false] in_place [-1] {
  %0 = gpt.map() : () -> tensor<2x8xf32> {
    %zero = arith.constant 0.0 : f32
    gpt.yield %zero : f32
  }
  gpt.yield %0 : tensor<2x8xf32>
}
plan.kernel @put_most "row" rows 8 layouts [memref<8x4xf32, strided<[16, 1]>>] accumulate [false] in_place [-1] {
  %0 = gpt.map() : () -> tensor<8x4xf32> {
    %zero = arith.constant 0.0 : f32
    gpt.yield %zero : f32
  }
  gpt.yield %0 : tensor<8x4xf32>
}
plan.kernel @put_whole "row" rows 4 layouts [memref<4x16xf32, strided<[16, 1]>>] accumulate [false] in_place [-1] {
  %0 = gpt.map() : () -> tensor<4x16xf32> {
    %zero = arith.constant 0.0 : f32
    gpt.yield %zero : f32
  }
  gpt.yield %0 : tensor<4x16xf32>
}
plan.kernel @put_8 "row" rows 8 layouts [memref<8x16xf32, strided<[16, 1]>>] accumulate [false] in_place [-1] {
  %0 = gpt.map() : () -> tensor<8x16xf32> {
    %zero = arith.constant 0.0 : f32
    gpt.yield %zero : f32
  }
  gpt.yield %0 : tensor<8x16xf32>
}
plan.kernel @put_2 "row" rows 2 layouts [memref<2x16xf32, strided<[16, 1]>>] accumulate [false] in_place [-1] {
  %0 = gpt.map() : () -> tensor<2x16xf32> {
    %zero = arith.constant 0.0 : f32
    gpt.yield %zero : f32
  }
  gpt.yield %0 : tensor<2x16xf32>
}
plan.kernel @put_60 "row" rows 60 layouts [memref<60x16xf32, strided<[16, 1]>>] accumulate [false] in_place [-1] {
  %0 = gpt.map() : () -> tensor<60x16xf32> {
    %zero = arith.constant 0.0 : f32
    gpt.yield %zero : f32
  }
  gpt.yield %0 : tensor<60x16xf32>
}
plan.kernel @put_1 "row" rows 1 layouts [memref<1x16xf32, strided<[16, 1]>>] accumulate [false] in_place [-1] {
  %0 = gpt.map() : () -> tensor<1x16xf32> {
    %zero = arith.constant 0.0 : f32
    gpt.yield %zero : f32
  }
  gpt.yield %0 : tensor<1x16xf32>
}
plan.kernel @get_4 "row" rows 4 layouts [memref<4x16xf32, strided<[16, 1]>>, memref<4x16xf32, strided<[16, 1]>>] accumulate [false] in_place [-1] {
^bb0(%x: tensor<4x16xf32>):
  gpt.yield %x : tensor<4x16xf32>
}
plan.kernel @get_8 "row" rows 8 layouts [memref<8x16xf32, strided<[16, 1]>>, memref<8x16xf32, strided<[16, 1]>>] accumulate [false] in_place [-1] {
^bb0(%x: tensor<8x16xf32>):
  gpt.yield %x : tensor<8x16xf32>
}
plan.kernel @get_2 "row" rows 2 layouts [memref<2x16xf32, strided<[16, 1]>>, memref<2x16xf32, strided<[16, 1]>>] accumulate [false] in_place [-1] {
^bb0(%x: tensor<2x16xf32>):
  gpt.yield %x : tensor<2x16xf32>
}
plan.kernel @get_60 "row" rows 60 layouts [memref<60x16xf32, strided<[16, 1]>>, memref<60x16xf32, strided<[16, 1]>>] accumulate [false] in_place [-1] {
^bb0(%x: tensor<60x16xf32>):
  gpt.yield %x : tensor<60x16xf32>
}
plan.kernel @get_1 "row" rows 1 layouts [memref<1x16xf32, strided<[16, 1]>>, memref<1x16xf32, strided<[16, 1]>>] accumulate [false] in_place [-1] {
^bb0(%x: tensor<1x16xf32>):
  gpt.yield %x : tensor<1x16xf32>
}

// What fits into rows without pads needs no clearing.
// CHECK: plan.entry @none attributes {transient_bytes = 0 : i64}
// CHECK-NOT: clear_pads
plan.buffer @n0 in "transient" bytes 256
plan.entry @none {
  plan.launch @put_whole rows [4] grain 1 [[#plan.view<@n0, 0>]]
  plan.launch @get_4 rows [4] grain 1 [[#plan.view<@n0, 0>, #plan.view<@v, 0>]]
  plan.launch @put_whole rows [4] grain 1 [[#plan.view<@whole, 0>]]
  plan.launch @put_most rows [8] grain 1 [[#plan.view<@most, 0>]]
  plan.launch @put_less rows [2] grain 1 [[#plan.view<@less, 0>]]
  plan.launch @put_crumb rows [2] grain 1 [[#plan.view<@crumb, 0>]]
}

// One kind suffices for more: the others' pads stay as they are.
// CHECK: plan.entry @one attributes {transient_bytes = 0 : i64}
// CHECK: plan.launch @clear_pads{{.*}} [8] grain 256 {{\[\[}}#plan.view<@most, 4>]]
// CHECK-NOT: clear_pads
plan.buffer @o0 in "transient" bytes 256
plan.buffer @o1 in "transient" bytes 512
plan.entry @one {
  plan.launch @put_whole rows [4] grain 1 [[#plan.view<@o0, 0>]]
  plan.launch @put_8 rows [8] grain 1 [[#plan.view<@o1, 0>]]
  plan.launch @get_4 rows [4] grain 1 [[#plan.view<@o0, 0>, #plan.view<@v, 0>]]
  plan.launch @get_8 rows [8] grain 1 [[#plan.view<@o1, 0>, #plan.view<@v, 0>]]
  plan.launch @put_whole rows [4] grain 1 [[#plan.view<@whole, 0>]]
  plan.launch @put_most rows [8] grain 1 [[#plan.view<@most, 0>]]
  plan.launch @put_less rows [2] grain 1 [[#plan.view<@less, 0>]]
  plan.launch @put_crumb rows [2] grain 1 [[#plan.view<@crumb, 0>]]
}

// Where it does not, the next kind lends too, and one more launch clears its pads.
// CHECK: plan.entry @two attributes {transient_bytes = 0 : i64}
// CHECK: plan.launch @clear_pads{{.*}} [8] grain 256 {{\[\[}}#plan.view<@most, 4>]]
// CHECK-NEXT: plan.launch @clear_pads{{.*}} [2] grain 256 {{\[\[}}#plan.view<@less, 8>]]
// CHECK-NOT: clear_pads
plan.buffer @t0 in "transient" bytes 256
plan.buffer @t1 in "transient" bytes 512
plan.buffer @t2 in "transient" bytes 128
plan.entry @two {
  plan.launch @put_whole rows [4] grain 1 [[#plan.view<@t0, 0>]]
  plan.launch @put_8 rows [8] grain 1 [[#plan.view<@t1, 0>]]
  plan.launch @put_2 rows [2] grain 1 [[#plan.view<@t2, 0>]]
  plan.launch @get_4 rows [4] grain 1 [[#plan.view<@t0, 0>, #plan.view<@v, 0>]]
  plan.launch @get_8 rows [8] grain 1 [[#plan.view<@t1, 0>, #plan.view<@v, 0>]]
  plan.launch @get_2 rows [2] grain 1 [[#plan.view<@t2, 0>, #plan.view<@v, 0>]]
  plan.launch @put_whole rows [4] grain 1 [[#plan.view<@whole, 0>]]
  plan.launch @put_most rows [8] grain 1 [[#plan.view<@most, 0>]]
  plan.launch @put_less rows [2] grain 1 [[#plan.view<@less, 0>]]
  plan.launch @put_crumb rows [2] grain 1 [[#plan.view<@crumb, 0>]]
}

// The least kind would spare less than a hundredth of what the entry takes: not worth a launch.
// CHECK: plan.entry @enough attributes {transient_bytes = 3904 : i64}
// CHECK-COUNT-2: plan.launch @clear_pads
// CHECK-NOT: plan.launch @clear_pads
// CHECK: plan.kernel
plan.buffer @e0 in "transient" bytes 256
plan.buffer @e1 in "transient" bytes 512
plan.buffer @e2 in "transient" bytes 128
plan.buffer @e3 in "transient" bytes 3840
plan.buffer @e4 in "transient" bytes 64
plan.entry @enough {
  plan.launch @put_whole rows [4] grain 1 [[#plan.view<@e0, 0>]]
  plan.launch @put_8 rows [8] grain 1 [[#plan.view<@e1, 0>]]
  plan.launch @put_2 rows [2] grain 1 [[#plan.view<@e2, 0>]]
  plan.launch @put_60 rows [60] grain 1 [[#plan.view<@e3, 0>]]
  plan.launch @put_1 rows [1] grain 1 [[#plan.view<@e4, 0>]]
  plan.launch @get_4 rows [4] grain 1 [[#plan.view<@e0, 0>, #plan.view<@v, 0>]]
  plan.launch @get_8 rows [8] grain 1 [[#plan.view<@e1, 0>, #plan.view<@v, 0>]]
  plan.launch @get_2 rows [2] grain 1 [[#plan.view<@e2, 0>, #plan.view<@v, 0>]]
  plan.launch @get_60 rows [60] grain 1 [[#plan.view<@e3, 0>, #plan.view<@v, 0>]]
  plan.launch @get_1 rows [1] grain 1 [[#plan.view<@e4, 0>, #plan.view<@v, 0>]]
  plan.launch @put_whole rows [4] grain 1 [[#plan.view<@whole, 0>]]
  plan.launch @put_most rows [8] grain 1 [[#plan.view<@most, 0>]]
  plan.launch @put_less rows [2] grain 1 [[#plan.view<@less, 0>]]
  plan.launch @put_crumb rows [2] grain 1 [[#plan.view<@crumb, 0>]]
}
