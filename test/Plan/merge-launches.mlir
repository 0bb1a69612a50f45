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

// What takes more than 1 MiB is not computed before another command for a launch less, unless nothing stands between.
plan.buffer @large in "transient" bytes 2097152
plan.buffer @other in "transient" bytes 2097152
plan.kernel @fill "row" rows 512 layouts [memref<512x1024xf32>] accumulate [false] in_place [-1] {
  %0 = gpt.map() : () -> tensor<512x1024xf32> {
    %c = arith.constant 1.0 : f32
    gpt.yield %c : f32
  }
  gpt.yield %0 : tensor<512x1024xf32>
}
// CHECK-LABEL: plan.entry @early
// CHECK-NEXT: plan.launch @fill rows [512]
// CHECK-NEXT: plan.launch @copy
// CHECK-NEXT: plan.launch @fill rows [512]
plan.entry @early {
  plan.launch @fill rows [512] grain 16 [[#plan.view<@large, 0>]]
  plan.launch @copy rows [4] grain 1 [[#plan.view<@a, 0>, #plan.view<@b, 0>]]
  plan.launch @fill rows [512] grain 16 [[#plan.view<@other, 0>]]
}

// CHECK-LABEL: plan.entry @neighbours
// CHECK-NEXT: plan.launch @fill rows [512, 512]
// CHECK-NEXT: }
plan.entry @neighbours {
  plan.launch @fill rows [512] grain 16 [[#plan.view<@large, 0>]]
  plan.launch @fill rows [512] grain 16 [[#plan.view<@other, 0>]]
}
