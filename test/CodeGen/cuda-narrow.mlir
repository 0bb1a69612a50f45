// Operands of 16 bits in CUDA C++: widened where they are read, rounded where they are stored, all
// arithmetic in float; and what says which products attention and matmuls are made of.
// RUN: gptc-opt %s --split-input-file --plan-print-cuda -o %t.mlir | FileCheck %s

// What is rounded to the output's type is added to it in float, and rounded again.
// CHECK:       GPTC_DEVICE void residual_block(const gptc_bf16* {{v[0-9]+}}, const float* {{v[0-9]+}}, float* {{v[0-9]+}}, gptc_f16* {{v[0-9]+}},
// CHECK-NEXT:    const gptc_view<const gptc_bf16, 48> operand0(
// CHECK:         const gptc_bf16 operand0_v = operand0[row * 8 + column];
// CHECK-NEXT:    const float operand1_v = operand1[row * 8 + column];
// CHECK-NEXT:    float [[X:v[0-9]+]] = gptc_to_float(operand0_v);
// CHECK-NEXT:    float [[Y:v[0-9]+]] = [[X]] + operand1_v;
// CHECK-NEXT:    gptc_f16 [[N:v[0-9]+]] = gptc_from_float<gptc_f16>([[Y]]);
// CHECK-NEXT:    operand2[row * 8 + column] = [[Y]];
// CHECK-NEXT:    const gptc_f16 operand3_v = operand3[row * 8 + column];
// CHECK-NEXT:    float [[OLD:v[0-9]+]] = gptc_to_float(operand3_v);
// CHECK-NEXT:    float [[NEW:v[0-9]+]] = gptc_to_float([[N]]);
// CHECK-NEXT:    gptc_f16 [[SUM:v[0-9]+]] = gptc_from_float<gptc_f16>([[OLD]] + [[NEW]]);
// CHECK-NEXT:    operand3[row * 8 + column] = [[SUM]];
// CHECK:       GPTC_KERNEL(256) residual(const gptc_bf16 *operand0, const float *operand1, float *operand2, gptc_f16 *operand3, gptc_i64 rows) {
plan.kernel @residual "row" rows 6 layouts [memref<6x8xbf16>, memref<6x8xf32>, memref<6x8xf32>, memref<6x8xf16>] accumulate [false, true] in_place [-1, -1] {
^bb0(%x: tensor<6x8xbf16>, %r: tensor<6x8xf32>):
  %y, %n = gpt.map(%x, %r) : (tensor<6x8xbf16>, tensor<6x8xf32>) -> (tensor<6x8xf32>, tensor<6x8xf16>) {
  ^bb0(%p: bf16, %q: f32):
    %0 = arith.extf %p : bf16 to f32
    %1 = arith.addf %0, %q : f32
    %2 = arith.truncf %1 : f32 to f16
    gpt.yield %1, %2 : f32, f16
  }
  gpt.yield %y, %n : tensor<6x8xf32>, tensor<6x8xf16>
}

// -----

// What is only moved keeps its bits; a constant is given by its own.
// CHECK-LABEL: GPTC_DEVICE void moved_block(
// CHECK:         operand2[row * 8 + column] = operand0_v > 0.0{{.*}} ? operand1_v : gptc_bf16{0x3f80};
plan.kernel @moved "row" rows 6 layouts [memref<6x8xf32>, memref<6x8xbf16>, memref<6x8xbf16>] accumulate [false] in_place [-1] {
^bb0(%c: tensor<6x8xf32>, %x: tensor<6x8xbf16>):
  %y = gpt.map(%c, %x) : (tensor<6x8xf32>, tensor<6x8xbf16>) -> tensor<6x8xbf16> {
  ^bb0(%p: f32, %q: bf16):
    %zero = arith.constant 0.0 : f32
    %one = arith.constant 1.0 : bf16
    %0 = arith.cmpf ogt, %p, %zero : f32
    %1 = arith.select %0, %q, %one : bf16
    gpt.yield %1 : bf16
  }
  gpt.yield %y : tensor<6x8xbf16>
}

// -----

// CHECK-LABEL: GPTC_DEVICE void columns_block(
// CHECK:         const gptc_f16 operand0_v = operand0[r * 8 + column];
// CHECK-NEXT:    float [[V:v[0-9]+]] = gptc_to_float(operand0_v);
// CHECK-NEXT:    sum += [[V]];
plan.kernel @columns "column" rows 1 layouts [memref<12x8xf16>, memref<8xf32>] accumulate [false] in_place [-1] {
^bb0(%x: tensor<12x8xf16>):
  %w = gpt.map(%x) : (tensor<12x8xf16>) -> tensor<12x8xf32> {
  ^bb0(%p: f16):
    %0 = arith.extf %p : f16 to f32
    gpt.yield %0 : f32
  }
  %s = gpt.reduce sum %w [0] : tensor<12x8xf32> -> tensor<8xf32>
  gpt.yield %s : tensor<8xf32>
}

// -----

// The sum is rounded once.
// CHECK-LABEL: GPTC_DEVICE void sums_block(
// CHECK:         float total = 0.0f;
// CHECK:           total += gptc_to_float(operand2[operand1[p] * 8 + c]);
// CHECK-NEXT:    }
// CHECK-NEXT:    gptc_bf16 [[V:v[0-9]+]] = gptc_from_float<gptc_bf16>(total);
// CHECK-NEXT:    operand3[v * 8 + c] = [[V]];
plan.kernel @sums "segmented_sum" rows 10 layouts [memref<6xi32>, memref<6xi32>, memref<6x8xbf16>, memref<10x8xbf16>] accumulate [false] in_place [-1] {
^bb0(%i: tensor<6xi32>, %o: tensor<6xi32>, %dy: tensor<6x8xbf16>):
  %g = gpt.embedding_grad %i, %o, %dy : tensor<6xi32>, tensor<6xi32>, tensor<6x8xbf16> -> tensor<10x8xbf16>
  gpt.yield %g : tensor<10x8xbf16>
}

// -----

// CHECK-LABEL: GPTC_DEVICE void attention_block(
// CHECK:         typedef gptc_attention_shape<gptc_bf16_products, 1, 1, 3, 3, 8, 8, false> shape;
plan.kernel @attention "attention" rows 1 layouts [memref<1x1x3x8xbf16>, memref<1x1x3x8xbf16>, memref<1x1x3x8xbf16>, memref<1x1x3x8xbf16>, memref<1x1x3xf32>] accumulate [false, false] in_place [-1, -1] {
^bb0(%q: tensor<1x1x3x8xbf16>, %k: tensor<1x1x3x8xbf16>, %v: tensor<1x1x3x8xbf16>):
  %o, %lse = gpt.flash_attention %q, %k, %v scale 1.0 : tensor<1x1x3x8xbf16>, tensor<1x1x3x8xbf16>, tensor<1x1x3x8xbf16> -> tensor<1x1x3x8xbf16>, tensor<1x1x3xf32>
  gpt.yield %o, %lse : tensor<1x1x3x8xbf16>, tensor<1x1x3xf32>
}

// -----

// CHECK-LABEL: GPTC_DEVICE void rounded_block(
// CHECK:         typedef gptc_attention_shape<gptc_tf32_products, 1, 1, 3, 3, 8, 8, false> shape;
plan.kernel @rounded "attention" rows 1 layouts [memref<1x1x3x8xf32>, memref<1x1x3x8xf32>, memref<1x1x3x8xf32>, memref<1x1x3x8xf32>] accumulate [false] in_place [-1] {
^bb0(%q: tensor<1x1x3x8xf32>, %k: tensor<1x1x3x8xf32>, %v: tensor<1x1x3x8xf32>):
  %o, %lse = gpt.flash_attention %q, %k, %v scale 1.0 tf32 : tensor<1x1x3x8xf32>, tensor<1x1x3x8xf32>, tensor<1x1x3x8xf32> -> tensor<1x1x3x8xf32>, tensor<1x1x3xf32>
  gpt.yield %o : tensor<1x1x3x8xf32>
}

// -----

// The epilogue computes from the product as it is stored.
// CHECK-LABEL: GPTC_DEVICE void gelu_element(
// CHECK:         gptc_bf16 [[G:v[0-9]+]] = gptc_from_float<gptc_bf16>(
// CHECK-NEXT:    const gptc_bf16 given = [[G]];
// CHECK:       GPTC_KERNEL(128) gelu_behind_bf16_bf16_nt(const gptc_bf16 *gptc_lhs, const gptc_bf16 *gptc_rhs, int gptc_m, int gptc_n, int gptc_k,
// CHECK-NEXT:      gptc_i64 gptc_lhs_stride, gptc_i64 gptc_rhs_stride, gptc_bf16 *in0, gptc_bf16 *out0) {
// CHECK-NEXT:    gptc_matmul_tiles<gptc_bf16_products, false, true>(
// CHECK:           in0[(gptc_i64)row * 7 + column] = gptc_from_float<gptc_bf16>(gptc_value);
plan.kernel @gelu "row" rows 6 layouts [memref<6x5xbf16, strided<[7, 1]>>, memref<6x5xbf16>] accumulate [false] in_place [-1] {
^bb0(%p: tensor<6x5xbf16>):
  %y = gpt.map(%p) : (tensor<6x5xbf16>) -> tensor<6x5xbf16> {
  ^bb0(%c: bf16):
    %0 = arith.extf %c : bf16 to f32
    %1 = math.erf %0 : f32
    %2 = arith.truncf %1 : f32 to bf16
    gpt.yield %2 : bf16
  }
  gpt.yield %y : tensor<6x5xbf16>
}
plan.entry @run {
  plan.matmul 6 x 5 x 4 (<@b0, 0>, <@b1, 0>) to <@b3, 0> strides [4, 4, 7] batch [] types [bf16, bf16, bf16] transpose_rhs epilogue @gelu rows 6 grain 4 [#plan.view<@b3, 0>, #plan.view<@b4, 0>]
}
