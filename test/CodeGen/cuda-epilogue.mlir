// Matrix products with an epilogue in CUDA C++: a thread computes outputs from the elements that it holds.
// RUN: gptc-opt %s --split-input-file --plan-print-cuda -o %t.mlir | FileCheck %s

// The first output takes the product's place, so the product is not written.
// CHECK:       GPTC_DEVICE void gelu_element(const float* [[B:v[0-9]+]], const float* {{v[0-9]+}}, float* [[S:v[0-9]+]], float* [[Y:v[0-9]+]], int64_t [[ROW:v[0-9]+]], uint32_t [[COLUMN:v[0-9]+]], float [[P:v[0-9]+]]) {
// CHECK-NEXT:    const gptc_view<const float, 5> in0([[B]]);
// CHECK-NEXT:    const gptc_view<float, 40> out0([[S]]);
// CHECK-NEXT:    const gptc_view<float, 30> out1([[Y]]);
// CHECK-NEXT:    const int32_t row = [[ROW]];
// CHECK-NEXT:    const int32_t column = [[COLUMN]];
// CHECK-NEXT:    const float given = [[P]];
// CHECK-NEXT:    const float in0_v = in0[column];
// CHECK:         out0[row * 7 + column] =
// CHECK:         out1[row * 5 + column] =
// CHECK:       GPTC_KERNEL(128) gelu_behind_nt(const float *gptc_lhs, const float *gptc_rhs, int gptc_m, int gptc_n, int gptc_k,
// CHECK-NEXT:      gptc_i64 gptc_lhs_stride, gptc_i64 gptc_rhs_stride, const float *in0, float *in1, float *out0, float *out1) {
// CHECK-NEXT:    gptc_matmul_tiles<gptc_fp32_products, false, true>(
// CHECK-NEXT:        gptc_lhs, gptc_rhs, gptc_m, gptc_n, gptc_k, gptc_lhs_stride, gptc_rhs_stride,
// CHECK-NEXT:        [&](int row, int column, float gptc_value) {
// CHECK-NEXT:          gelu_element(in0, in1, out0, out1, row, (gptc_u32)column, gptc_value);
plan.kernel @gelu "row" rows 6 layouts [memref<5xf32>, memref<6x5xf32, strided<[7, 1]>>, memref<6x5xf32, strided<[7, 1]>>, memref<6x5xf32>] accumulate [false, false] in_place [1, -1] {
^bb0(%b: tensor<5xf32>, %p: tensor<6x5xf32>):
  %s, %y = gpt.map(%p, %b) : (tensor<6x5xf32>, tensor<5xf32>) -> (tensor<6x5xf32>, tensor<6x5xf32>) {
  ^bb0(%c: f32, %d: f32):
    %0 = arith.addf %c, %d : f32
    %1 = math.erf %0 : f32
    gpt.yield %0, %1 : f32, f32
  }
  gpt.yield %s, %y : tensor<6x5xf32>, tensor<6x5xf32>
}
plan.entry @run {
  plan.matmul 6 x 5 x 4 (<@b0, 0>, <@b1, 0>) to <@b3, 0> strides [4, 4, 7] batch [] transpose_rhs epilogue @gelu rows 6 grain 4 [#plan.view<@b2, 0>, #plan.view<@b3, 0>, #plan.view<@b3, 0>, #plan.view<@b4, 0>]
}

// -----

// Others need the product too.
// CHECK:       GPTC_KERNEL(128) square_behind_nn(
// CHECK:         [&](int row, int column, float gptc_value) {
// CHECK-NEXT:      in0[(gptc_i64)row * 7 + column] = gptc_value;
// CHECK-NEXT:      square_element(in0, out0, row, (gptc_u32)column, gptc_value);
plan.kernel @square "row" rows 6 layouts [memref<6x5xf32, strided<[7, 1]>>, memref<6x5xf32>] accumulate [false] in_place [-1] {
^bb0(%p: tensor<6x5xf32>):
  %y = gpt.map(%p) : (tensor<6x5xf32>) -> tensor<6x5xf32> {
  ^bb0(%c: f32):
    %0 = arith.mulf %c, %c : f32
    gpt.yield %0 : f32
  }
  gpt.yield %y : tensor<6x5xf32>
}
plan.entry @run {
  plan.matmul 6 x 5 x 4 (<@b0, 0>, <@b1, 0>) to <@b3, 0> strides [4, 5, 7] batch [] epilogue @square rows 6 grain 4 [#plan.view<@b3, 0>, #plan.view<@b4, 0>]
}

// -----

// A sum along the row needs what other threads hold: the kernel is launched behind the product.
// CHECK:       GPTC_KERNEL({{.*}}) total(
// CHECK-NOT:   behind
plan.kernel @total "row" rows 6 layouts [memref<6x5xf32>, memref<6xf32>] accumulate [false] in_place [-1] {
^bb0(%p: tensor<6x5xf32>):
  %y = gpt.reduce sum %p [1] : tensor<6x5xf32> -> tensor<6xf32>
  gpt.yield %y : tensor<6xf32>
}
plan.entry @run {
  plan.matmul 6 x 5 x 4 (<@b0, 0>, <@b1, 0>) to <@b3, 0> strides [4, 5, 5] batch [] epilogue @total rows 6 grain 4 [#plan.view<@b3, 0>, #plan.view<@b4, 0>]
}
