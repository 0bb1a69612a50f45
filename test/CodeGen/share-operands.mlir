// Outputs take the place of inputs that nobody reads again.
// RUN: gptc-opt %s --plan-share-operands --split-input-file | FileCheck %s
// RUN: gptc-opt %s --plan-share-operands --split-input-file --remarks-filter=plan-share-operands --remark-policy=all -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// A row is read whole before the last loop writes it. @b1 takes @b0's place, @b2 does in turn: its reader finds it there.
// REMARK-COUNT-2: [Passed] InPlace | Category:plan-share-operands | Function=run | bytes=192
// CHECK-LABEL: plan.buffer @b0
// CHECK:       plan.kernel @center_0 "row" rows 6 {{.*}} in_place [0]
// CHECK-NOT:   plan.kernel @center "row"
// CHECK:       plan.entry @run
// CHECK-NEXT:    plan.launch @fill rows [6] grain 6 {{\[\[}}#plan.view<@b0, 0>]]
// CHECK-NEXT:    plan.launch @center_0 rows [6] grain 6 {{\[\[}}#plan.view<@b0, 0>, #plan.view<@b0, 0>]]
// CHECK-NEXT:    plan.launch @center_0 rows [6] grain 6 {{\[\[}}#plan.view<@b0, 0>, #plan.view<@b0, 0>]]
// CHECK-NEXT:    plan.matmul 6 x 6 x 8(<@b0, 0>, <@b0, 0>) to <@out, 0>
plan.buffer @b0 in "transient" bytes 192
plan.buffer @b1 in "transient" bytes 192
plan.buffer @b2 in "transient" bytes 192
plan.buffer @out in "io" bytes 144
plan.kernel @fill "row" rows 6 layouts [memref<6x8xf32>] accumulate [false] in_place [-1] {
  %y = gpt.map() : () -> tensor<6x8xf32> {
    %0 = arith.constant 1.0 : f32
    gpt.yield %0 : f32
  }
  gpt.yield %y : tensor<6x8xf32>
}
plan.kernel @center "row" rows 6 layouts [memref<6x8xf32>, memref<6x8xf32>] accumulate [false] in_place [-1] {
^bb0(%x: tensor<6x8xf32>):
  %s = gpt.reduce sum %x [1] : tensor<6x8xf32> -> tensor<6xf32>
  %c = gpt.reshape %s : tensor<6xf32> -> tensor<6x1xf32>
  %y = gpt.map(%x, %c) : (tensor<6x8xf32>, tensor<6x1xf32>) -> tensor<6x8xf32> {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.subf %a, %b : f32
    gpt.yield %0 : f32
  }
  gpt.yield %y : tensor<6x8xf32>
}
plan.entry @run {
  plan.launch @fill rows [6] grain 6 [[#plan.view<@b0, 0>]]
  plan.launch @center rows [6] grain 6 [[#plan.view<@b0, 0>, #plan.view<@b1, 0>]]
  plan.launch @center rows [6] grain 6 [[#plan.view<@b1, 0>, #plan.view<@b2, 0>]]
  plan.matmul 6 x 6 x 8(<@b2, 0>, <@b2, 0>) to <@out, 0> strides [8, 8, 6] batch [] transpose_rhs
}

// -----

// What somebody reads again, what is no longer transient, and what lies otherwise stays.
// REMARK: [Missed] InPlace | Category:plan-share-operands | Function=run | Reason="the input is read again", bytes=192
// REMARK-NOT: InPlace
// CHECK-LABEL: plan.buffer @again
// CHECK:       plan.entry @run
// CHECK-NEXT:    plan.launch @negate rows [6] grain 6 {{\[\[}}#plan.view<@again, 0>, #plan.view<@b1, 0>]]
// CHECK-NEXT:    plan.launch @widen rows [6] grain 6 {{\[\[}}#plan.view<@b1, 0>, #plan.view<@b2, 0>]]
// CHECK-NEXT:    plan.launch @negate rows [6] grain 6 {{\[\[}}#plan.view<@again, 0>, #plan.view<@out, 0>]]
// CHECK-NEXT:    plan.launch @negate rows [6] grain 6 {{\[\[}}#plan.view<@out, 0>, #plan.view<@b3, 0>]]
plan.buffer @again in "transient" bytes 192
plan.buffer @b1 in "transient" bytes 192
plan.buffer @b2 in "transient" bytes 384
plan.buffer @b3 in "transient" bytes 192
plan.buffer @out in "io" bytes 192
plan.kernel @negate "row" rows 6 layouts [memref<6x8xf32>, memref<6x8xf32>] accumulate [false] in_place [-1] {
^bb0(%x: tensor<6x8xf32>):
  %y = gpt.map(%x) : (tensor<6x8xf32>) -> tensor<6x8xf32> {
  ^bb0(%a: f32):
    %0 = arith.negf %a : f32
    gpt.yield %0 : f32
  }
  gpt.yield %y : tensor<6x8xf32>
}
plan.kernel @widen "row" rows 6 layouts [memref<6x8xf32>, memref<6x8xf32, strided<[16, 1]>>] accumulate [false] in_place [-1] {
^bb0(%x: tensor<6x8xf32>):
  %y = gpt.map(%x) : (tensor<6x8xf32>) -> tensor<6x8xf32> {
  ^bb0(%a: f32):
    %0 = arith.negf %a : f32
    gpt.yield %0 : f32
  }
  gpt.yield %y : tensor<6x8xf32>
}
plan.entry @run {
  plan.launch @negate rows [6] grain 6 [[#plan.view<@again, 0>, #plan.view<@b1, 0>]]
  plan.launch @widen rows [6] grain 6 [[#plan.view<@b1, 0>, #plan.view<@b2, 0>]]
  plan.launch @negate rows [6] grain 6 [[#plan.view<@again, 0>, #plan.view<@out, 0>]]
  plan.launch @negate rows [6] grain 6 [[#plan.view<@out, 0>, #plan.view<@b3, 0>]]
}
