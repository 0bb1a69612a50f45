// RUN: gptc-opt %s --plan-assign-buffers | FileCheck %s
// RUN: gptc-opt %s --plan-assign-buffers=no-reuse | FileCheck %s --check-prefix=NOREUSE
// RUN: gptc-opt %s --plan-assign-buffers --remarks-filter=plan-assign-buffers --remark-policy=all -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// Variables lie one after another, at multiples of 64 bytes.
// CHECK: plan.buffer @w in "parameters" bytes 100 offset 0
// CHECK: plan.buffer @v in "parameters" bytes 64 offset 128
plan.buffer @w in "parameters" bytes 100
plan.buffer @v in "parameters" bytes 64
// @t0 dies before @t2 is born: they share memory; @t1 lives with both.
// CHECK: plan.buffer @t0 in "transient" bytes 64 offset [[T0:[0-9]+]]
// CHECK: plan.buffer @t1 in "transient" bytes 64 offset
// CHECK-NOT: offset [[T0]]
// CHECK: plan.buffer @t2 in "transient" bytes 64 offset [[T0]]
// NOREUSE: plan.buffer @t0 in "transient" bytes 64 offset 0
// NOREUSE: plan.buffer @t1 in "transient" bytes 64 offset 64
// NOREUSE: plan.buffer @t2 in "transient" bytes 64 offset 128
plan.buffer @t0 in "transient" bytes 64
plan.buffer @t1 in "transient" bytes 64
plan.buffer @t2 in "transient" bytes 64
// No command touches it: it is dropped.
// CHECK-NOT: plan.buffer @unused
plan.buffer @unused in "transient" bytes 64
plan.kernel @copy "row" rows 4 layouts [memref<4x4xf32>, memref<4x4xf32>] accumulate [false] in_place [-1] {
^bb0(%x: tensor<4x4xf32>):
  gpt.yield %x : tensor<4x4xf32>
}
// CHECK: plan.entry @chain attributes {transient_bytes = 128 : i64}
// REMARK: [Analysis] TransientMemory | Category:plan-assign-buffers | Function=chain | bound=128, bytes=128
// NOREUSE: plan.entry @chain attributes {transient_bytes = 192 : i64}
plan.entry @chain {
  plan.launch @copy rows [4] grain 1 [[#plan.view<@v, 0>, #plan.view<@t0, 0>]]
  plan.launch @copy rows [4] grain 1 [[#plan.view<@t0, 0>, #plan.view<@t1, 0>]]
  plan.launch @copy rows [4] grain 1 [[#plan.view<@t1, 0>, #plan.view<@t2, 0>]]
  plan.launch @copy rows [4] grain 1 [[#plan.view<@t2, 0>, #plan.view<@v, 0>]]
}

// The first command that touches a gradient writes all of it: until then its memory serves another
// buffer, and what lies behind its rows is zero again at the end. A gradient that is added to keeps its own,
// and so does one of a single row, which has no distance between rows.
// CHECK: plan.buffer @g in "gradients" bytes 256 offset 0
// CHECK: plan.buffer @kept in "gradients" bytes 256 offset 256
// CHECK: plan.buffer @early in "gradients" bytes 128 offset 0 {plan.lent}
// CHECK: plan.buffer @late in "transient" bytes 64 offset 0
// NOREUSE-NOT: plan.lent
plan.buffer @g in "gradients" bytes 256
plan.buffer @kept in "gradients" bytes 256
plan.buffer @early in "transient" bytes 128
plan.buffer @late in "transient" bytes 64
plan.tensor "g" at #plan.view<@g, 0> strides [16, 1] {} : tensor<4x4xf32>
plan.tensor "kept" at #plan.view<@kept, 0> strides [16, 1] {} : tensor<1x4xf32>
plan.kernel @spread "row" rows 4 layouts [memref<4x4xf32>, memref<4x4xf32, strided<[16, 1]>>] accumulate [false] in_place [-1] {
^bb0(%x: tensor<4x4xf32>):
  gpt.yield %x : tensor<4x4xf32>
}
plan.kernel @gather "row" rows 4 layouts [memref<4x4xf32, strided<[16, 1]>>, memref<4x4xf32>] accumulate [false] in_place [-1] {
^bb0(%x: tensor<4x4xf32>):
  gpt.yield %x : tensor<4x4xf32>
}
// CHECK: plan.entry @lend
// CHECK-COUNT-4: plan.launch
// CHECK: plan.launch @[[CLEAR:clear_pads_[0-9a-f]+]] rows [4] grain 256 {{\[\[}}#plan.view<@g, 4>]]
// CHECK-NEXT: }
// CHECK: plan.kernel @[[CLEAR]] "row" rows 4 layouts [memref<4x12xf32, strided<[16, 1]>>]
// NOREUSE-NOT: clear_pads
plan.entry @lend {
  plan.launch @copy rows [4] grain 1 [[#plan.view<@v, 0>, #plan.view<@early, 0>]]
  plan.launch @copy rows [4] grain 1 [[#plan.view<@early, 0>, #plan.view<@v, 0>]]
  plan.launch @spread rows [4] grain 1 [[#plan.view<@v, 0>, #plan.view<@g, 0>]]
  plan.launch @gather rows [4] grain 1 [[#plan.view<@g, 0>, #plan.view<@late, 0>]]
}
