// RUN: gptc-opt %s --plan-merge-launches | FileCheck %s

plan.buffer @a in "parameters" bytes 64 offset 0
plan.buffer @b in "parameters" bytes 64 offset 64
plan.buffer @c in "parameters" bytes 64 offset 128
plan.kernel @copy "row" rows 4 layouts [memref<4x4xf32>, memref<4x4xf32>] accumulate [false] in_place [-1] {
^bb0(%x: tensor<4x4xf32>):
  gpt.yield %x : tensor<4x4xf32>
}

// CHECK-LABEL: plan.entry @independent
// CHECK-NEXT: plan.launch @copy rows [4, 4] grain 1 {{.*}}@a, 0>, #plan.view<@b, 0>], [#plan.view<@a, 0>, #plan.view<@c, 0>
// CHECK-NEXT: }
plan.entry @independent {
  plan.launch @copy rows [4] grain 1 [[#plan.view<@a, 0>, #plan.view<@b, 0>]]
  plan.launch @copy rows [4] grain 1 [[#plan.view<@a, 0>, #plan.view<@c, 0>]]
}

// The second reads what the first wrote.
// CHECK-LABEL: plan.entry @chain
// CHECK-NEXT: plan.launch @copy rows [4]
// CHECK-NEXT: plan.launch @copy rows [4]
plan.entry @chain {
  plan.launch @copy rows [4] grain 1 [[#plan.view<@a, 0>, #plan.view<@b, 0>]]
  plan.launch @copy rows [4] grain 1 [[#plan.view<@b, 0>, #plan.view<@c, 0>]]
}

// A command between them reads what the second would overwrite.
// CHECK-LABEL: plan.entry @between
// CHECK-NEXT: plan.launch @copy rows [4]
// CHECK-NEXT: plan.argsort
// CHECK-NEXT: plan.launch @copy rows [4]
plan.entry @between {
  plan.launch @copy rows [4] grain 1 [[#plan.view<@a, 0>, #plan.view<@b, 0>]]
  plan.argsort <@c, 0> to <@c, 8> count 8
  plan.launch @copy rows [4] grain 1 [[#plan.view<@a, 0>, #plan.view<@c, 0>]]
}
