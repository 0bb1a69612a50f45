// RUN: gptc-opt %s --plan-assign-buffers | FileCheck %s
// RUN: gptc-opt %s --plan-assign-buffers=no-reuse | FileCheck %s --check-prefix=NOREUSE

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
// NOREUSE: plan.entry @chain attributes {transient_bytes = 192 : i64}
plan.entry @chain {
  plan.launch @copy rows [4] grain 1 [[#plan.view<@v, 0>, #plan.view<@t0, 0>]]
  plan.launch @copy rows [4] grain 1 [[#plan.view<@t0, 0>, #plan.view<@t1, 0>]]
  plan.launch @copy rows [4] grain 1 [[#plan.view<@t1, 0>, #plan.view<@t2, 0>]]
  plan.launch @copy rows [4] grain 1 [[#plan.view<@t2, 0>, #plan.view<@v, 0>]]
}
