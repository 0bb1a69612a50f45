// RUN: gptc-opt %s --split-input-file --verify-diagnostics

plan.entry @part {
  // expected-error @+1 {{requires an epilogue with rows, grain and operands, or nothing of it}}
  "plan.matmul"() <{m = 4 : i64, n = 4 : i64, k = 4 : i64, lhs = #plan.view<@b0, 0>, rhs = #plan.view<@b1, 0>, result = #plan.view<@b2, 0>,
    strides = array<i64: 4, 4, 4>, batch = [], epilogue = @k}> : () -> ()
}

// -----

plan.entry @unknown {
  // expected-error @+1 {{requires a row kernel, found none named @k}}
  plan.matmul 4 x 4 x 4 (<@b0, 0>, <@b1, 0>) to <@b2, 0> strides [4, 4, 4] batch [] epilogue @k rows 4 grain 1 [#plan.view<@b2, 0>, #plan.view<@b2, 0>]
}

// -----

plan.entry @rows {
  // expected-error @+1 {{requires its 4 rows to be a multiple of the epilogue's, found 3}}
  plan.matmul 4 x 4 x 4 (<@b0, 0>, <@b1, 0>) to <@b2, 0> strides [4, 4, 4] batch [] epilogue @k rows 3 grain 1 [#plan.view<@b2, 0>, #plan.view<@b2, 0>]
}

// -----

plan.entry @grain {
  // expected-error @+1 {{requires a grain of at least 1, found 0}}
  plan.matmul 4 x 4 x 4 (<@b0, 0>, <@b1, 0>) to <@b2, 0> strides [4, 4, 4] batch [] epilogue @k rows 4 grain 0 [#plan.view<@b2, 0>, #plan.view<@b2, 0>]
}

// -----

plan.entry @batch {
  // expected-error @+1 {{requires no batch axes with an epilogue}}
  plan.matmul 4 x 4 x 4 (<@b0, 0>, <@b1, 0>) to <@b2, 0> strides [4, 4, 4] batch [#plan.batch<2, 16, 16, 16>] epilogue @k rows 4 grain 1 [#plan.view<@b2, 0>, #plan.view<@b2, 0>]
}

// -----

plan.entry @operands {
  // expected-error @+1 {{requires 2 operands of the epilogue, found 1}}
  plan.matmul 4 x 4 x 4 (<@b0, 0>, <@b1, 0>) to <@b2, 0> strides [4, 4, 4] batch [] epilogue @k rows 4 grain 1 [#plan.view<@b2, 0>]
}
plan.kernel @k "row" rows 4 layouts [memref<4x4xf32>, memref<4x4xf32>] accumulate [false] in_place [0] {
^bb0(%a: tensor<4x4xf32>):
  %0 = gpt.map(%a) : (tensor<4x4xf32>) -> tensor<4x4xf32> {
  ^bb0(%b: f32):
    %1 = arith.addf %b, %b : f32
    gpt.yield %1 : f32
  }
  gpt.yield %0 : tensor<4x4xf32>
}

// -----

plan.entry @elsewhere {
  // expected-error @+1 {{requires the epilogue to read the product, and to overwrite it in place only}}
  plan.matmul 4 x 4 x 4 (<@b0, 0>, <@b1, 0>) to <@b2, 0> strides [4, 4, 4] batch [] epilogue @k rows 4 grain 1 [#plan.view<@b3, 0>, #plan.view<@b2, 0>]
}
plan.kernel @k "row" rows 4 layouts [memref<4x4xf32>, memref<4x4xf32>] accumulate [false] in_place [0] {
^bb0(%a: tensor<4x4xf32>):
  %0 = gpt.map(%a) : (tensor<4x4xf32>) -> tensor<4x4xf32> {
  ^bb0(%b: f32):
    %1 = arith.addf %b, %b : f32
    gpt.yield %1 : f32
  }
  gpt.yield %0 : tensor<4x4xf32>
}

// -----

plan.entry @overwritten {
  // expected-error @+1 {{requires the epilogue to read the product, and to overwrite it in place only}}
  plan.matmul 4 x 4 x 4 (<@b0, 0>, <@b1, 0>) to <@b2, 0> strides [4, 4, 4] batch [] epilogue @k rows 4 grain 1 [#plan.view<@b2, 0>, #plan.view<@b2, 0>]
}
plan.kernel @k "row" rows 4 layouts [memref<4x4xf32>, memref<4x4xf32>] accumulate [false] in_place [-1] {
^bb0(%a: tensor<4x4xf32>):
  %0 = gpt.map(%a) : (tensor<4x4xf32>) -> tensor<4x4xf32> {
  ^bb0(%b: f32):
    %1 = arith.addf %b, %b : f32
    gpt.yield %1 : f32
  }
  gpt.yield %0 : tensor<4x4xf32>
}
