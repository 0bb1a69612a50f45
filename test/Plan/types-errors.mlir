// RUN: gptc-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{requires elements of f32, i32, bf16 or f16, found 'f64'}}
plan.buffer @b0 in "transient" bytes 64 of f64

// -----

plan.buffer @b0 in "parameters" bytes 64 of bf16
// expected-error @+1 {{requires elements of 'f32' in @b0, which holds 'bf16'}}
plan.tensor "w" at #plan.view<@b0, 0> strides [4, 1] {} : tensor<4x4xf32>

// -----

plan.buffer @b0 in "transient" bytes 32 of f16
plan.buffer @b1 in "transient" bytes 64
plan.kernel @copy "row" rows 4 layouts [memref<4x4xf32>, memref<4x4xf32>] accumulate [false] in_place [-1] {
^bb0(%x: tensor<4x4xf32>):
  %0 = gpt.map(%x) : (tensor<4x4xf32>) -> tensor<4x4xf32> {
  ^bb0(%a: f32):
    gpt.yield %a : f32
  }
  gpt.yield %0 : tensor<4x4xf32>
}
plan.entry @launch {
  // expected-error @+1 {{requires elements of 'f32' in @b0, which holds 'f16'}}
  plan.launch @copy rows [4] grain 4 [[#plan.view<@b0, 0>, #plan.view<@b1, 0>]]
}

// -----

plan.buffer @b0 in "transient" bytes 32 of bf16
plan.entry @product {
  // expected-error @+1 {{requires elements of 'f32' in @b0, which holds 'bf16'}}
  plan.matmul 4 x 4 x 4 (<@b0, 0>, <@b0, 0>) to <@b0, 0> strides [4, 4, 4] batch []
}

// -----

plan.entry @types {
  // expected-error @+1 {{requires three types of f32, bf16 or f16, found [bf16, i32, f32]}}
  plan.matmul 4 x 4 x 4 (<@b0, 0>, <@b1, 0>) to <@b2, 0> strides [4, 4, 4] batch [] types [bf16, i32, f32]
}

// -----

plan.entry @count {
  // expected-error @+1 {{requires three types of f32, bf16 or f16, found [bf16, bf16]}}
  plan.matmul 4 x 4 x 4 (<@b0, 0>, <@b1, 0>) to <@b2, 0> strides [4, 4, 4] batch [] types [bf16, bf16]
}

// -----

plan.entry @tf32 {
  // expected-error @+1 {{requires operands of f32 with tf32, found 'bf16' and 'bf16'}}
  plan.matmul 4 x 4 x 4 (<@b0, 0>, <@b1, 0>) to <@b2, 0> strides [4, 4, 4] batch [] types [bf16, bf16, f32] tf32
}

// -----

plan.entry @factors {
  // expected-error @+1 {{requires two factors that the operands can be rounded to, found [bf16, f16]}}
  plan.matmul 4 x 4 x 4 (<@b0, 0>, <@b1, 0>) to <@b2, 0> strides [4, 4, 4] batch [] types [f32, bf16, f32] factors [bf16, f16]
}
