// RUN: gptc-opt %s --split-input-file --plan-fold-roundings | FileCheck %s
// RUN: gptc-opt %s --split-input-file --plan-fold-roundings --remarks-filter=plan-fold-roundings --remark-policy=all 2>&1 | FileCheck %s --check-prefix=REMARK

// Two products read the copy, one of them from its third row on.
// CHECK-LABEL: plan.buffer @w
// CHECK-NOT: plan.kernel
// CHECK-NOT: plan.launch
// CHECK: plan.matmul 4 x 300 x 200(<@x, 0>, <@w, 8>) to <@y, 0> strides [200, 312, 312] batch [] types [bf16, f32, f32] factors [bf16, bf16]
// CHECK: plan.matmul 4 x 198 x 300(<@y16, 0>, <@w, 632>) to <@z, 0> strides [300, 312, 198] batch [] types [bf16, f32, bf16] factors [bf16, bf16] transpose_rhs
// REMARK: [Passed] Rounding | Category:plan-fold-roundings | Function=two | readers=2
plan.buffer @w in "parameters" bytes 262144
plan.buffer @x in "transient" bytes 1600 of bf16
plan.buffer @copy in "transient" bytes 128000 of bf16
plan.buffer @y in "transient" bytes 4992
plan.buffer @y16 in "transient" bytes 2400 of bf16
plan.buffer @z in "transient" bytes 1584 of bf16
plan.kernel @round "row" rows 200 layouts [memref<200x300xf32, strided<[312, 1]>>, memref<200x300xbf16, strided<[320, 1]>>] accumulate [false] in_place [-1] {
^bb0(%w: tensor<200x300xf32>):
  %0 = gpt.map(%w) : (tensor<200x300xf32>) -> tensor<200x300xbf16> {
  ^bb0(%a: f32):
    %1 = arith.truncf %a : f32 to bf16
    gpt.yield %1 : bf16
  }
  gpt.yield %0 : tensor<200x300xbf16>
}
plan.entry @two {
  plan.launch @round rows [200] grain 54 [[#plan.view<@w, 8>, #plan.view<@copy, 0>]]
  plan.matmul 4 x 300 x 200(<@x, 0>, <@copy, 0>) to <@y, 0> strides [200, 320, 312] batch [] types [bf16, bf16, f32]
  plan.matmul 4 x 198 x 300(<@y16, 0>, <@copy, 640>) to <@z, 0> strides [300, 320, 198] batch [] types [bf16, bf16, bf16] transpose_rhs
}

// -----

// The variable is overwritten before the product; a kernel reads the copy; the copy is made of what
// is no variable; a product reads it by columns of heads; five products read it.
// CHECK-LABEL: plan.entry @changed
// CHECK: plan.launch @round
// REMARK: [Missed] Rounding{{.*}}the variable changes before the last product
// CHECK-LABEL: plan.entry @read
// CHECK: plan.launch @round
// REMARK: [Missed] Rounding{{.*}}something but a product of whole rows reads the copy
// CHECK-LABEL: plan.entry @transient
// CHECK: plan.launch @round
// CHECK-LABEL: plan.entry @heads
// CHECK: plan.launch @round
// REMARK: [Missed] Rounding{{.*}}something but a product of whole rows reads the copy
// CHECK-LABEL: plan.entry @often
// CHECK: plan.launch @round
// REMARK: [Missed] Rounding{{.*}}so many products read the copy that it spares traffic
plan.buffer @w in "parameters" bytes 1024
plan.buffer @t in "transient" bytes 1024
plan.buffer @copy in "transient" bytes 512 of bf16
plan.buffer @y in "transient" bytes 512 of bf16
plan.kernel @round "row" rows 16 layouts [memref<16x16xf32>, memref<16x16xbf16>] accumulate [false] in_place [-1] {
^bb0(%w: tensor<16x16xf32>):
  %0 = gpt.map(%w) : (tensor<16x16xf32>) -> tensor<16x16xbf16> {
  ^bb0(%a: f32):
    %1 = arith.truncf %a : f32 to bf16
    gpt.yield %1 : bf16
  }
  gpt.yield %0 : tensor<16x16xbf16>
}
plan.kernel @widen "row" rows 16 layouts [memref<16x16xbf16>, memref<16x16xf32>] accumulate [false] in_place [-1] {
^bb0(%w: tensor<16x16xbf16>):
  %0 = gpt.map(%w) : (tensor<16x16xbf16>) -> tensor<16x16xf32> {
  ^bb0(%a: bf16):
    %1 = arith.extf %a : bf16 to f32
    gpt.yield %1 : f32
  }
  gpt.yield %0 : tensor<16x16xf32>
}
plan.entry @changed {
  plan.launch @round rows [16] grain 16 [[#plan.view<@w, 0>, #plan.view<@copy, 0>]]
  plan.launch @widen rows [16] grain 16 [[#plan.view<@y, 0>, #plan.view<@w, 0>]]
  plan.matmul 16 x 16 x 16(<@copy, 0>, <@y, 0>) to <@y, 0> strides [16, 16, 16] batch [] types [bf16, bf16, bf16]
}
plan.entry @read {
  plan.launch @round rows [16] grain 16 [[#plan.view<@w, 0>, #plan.view<@copy, 0>]]
  plan.matmul 16 x 16 x 16(<@copy, 0>, <@y, 0>) to <@y, 0> strides [16, 16, 16] batch [] types [bf16, bf16, bf16]
  plan.launch @widen rows [16] grain 16 [[#plan.view<@copy, 0>, #plan.view<@t, 0>]]
}
plan.entry @transient {
  plan.launch @round rows [16] grain 16 [[#plan.view<@t, 0>, #plan.view<@copy, 0>]]
  plan.matmul 16 x 16 x 16(<@copy, 0>, <@y, 0>) to <@y, 0> strides [16, 16, 16] batch [] types [bf16, bf16, bf16]
}
plan.entry @heads {
  plan.launch @round rows [16] grain 16 [[#plan.view<@w, 0>, #plan.view<@copy, 0>]]
  plan.matmul 4 x 16 x 4(<@copy, 0>, <@y, 0>) to <@y, 0> strides [16, 16, 16] batch [#plan.batch<4, 4, 0, 0>] types [bf16, bf16, bf16]
}
plan.entry @often {
  plan.launch @round rows [16] grain 16 [[#plan.view<@w, 0>, #plan.view<@copy, 0>]]
  plan.matmul 16 x 16 x 16(<@copy, 0>, <@y, 0>) to <@y, 0> strides [16, 16, 16] batch [] types [bf16, bf16, bf16]
  plan.matmul 16 x 16 x 16(<@copy, 0>, <@y, 0>) to <@y, 0> strides [16, 16, 16] batch [] types [bf16, bf16, bf16]
  plan.matmul 16 x 16 x 16(<@copy, 0>, <@y, 0>) to <@y, 0> strides [16, 16, 16] batch [] types [bf16, bf16, bf16]
  plan.matmul 16 x 16 x 16(<@copy, 0>, <@y, 0>) to <@y, 0> strides [16, 16, 16] batch [] types [bf16, bf16, bf16]
  plan.matmul 16 x 16 x 16(<@copy, 0>, <@y, 0>) to <@y, 0> strides [16, 16, 16] batch [] types [bf16, bf16, bf16]
}
