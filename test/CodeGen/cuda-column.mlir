// Column kernels and segmented sums in CUDA C++.
// RUN: gptc-opt %s --split-input-file --plan-print-cuda -o %t.mlir | FileCheck %s

// A block takes 32 columns and slices of the reduced axes; the first slice adds up the others' sums in order.
// CHECK-LABEL: // column kernel
// CHECK:         const int32_t lane = gptc_thread() % 32, slice = gptc_thread() / 32;
// CHECK-NEXT:    const int32_t row = block / 8;
// CHECK-NEXT:    const int32_t column = row % 2 * 256 + block % 8 * 32 + lane;
// CHECK-NEXT:    const int32_t kept = row / 2;
// CHECK:         GPTC_SHARED(float, parts_of_sum, 256);
// CHECK-NEXT:    float sum = 0.0f;
// CHECK-NEXT:    if (column < 300) {
// CHECK-NEXT:      for (int32_t r = slice; r < 9; r += 8) {
// CHECK-NEXT:        const float operand0_v = operand0[(kept * 2700 + r * 300) + column];
// CHECK-NEXT:        sum += operand0_v;
// CHECK:         parts_of_sum[slice * 32 + lane] = sum;
// CHECK-NEXT:    gptc_sync();
// CHECK-NEXT:    if (slice == 0 && column < 300) {
// CHECK-NEXT:      for (int other = 1; other < 8; ++other) {
// CHECK-NEXT:        sum += parts_of_sum[other * 32 + lane];
// CHECK-NEXT:      }
// CHECK-NEXT:      const float operand1_v = operand1[0];
// CHECK-NEXT:      operand2[kept * 300 + column] = sum * operand1_v;
// CHECK:       GPTC_KERNEL(256) sums(
plan.kernel @sums "column" rows 8 layouts [memref<4x9x300xf32>, memref<f32>, memref<4x300xf32>] accumulate [false] in_place [-1] {
^bb0(%x: tensor<4x9x300xf32>, %k: tensor<f32>):
  %s = gpt.reduce sum %x [1] : tensor<4x9x300xf32> -> tensor<4x300xf32>
  %y = gpt.map(%s, %k) : (tensor<4x300xf32>, tensor<f32>) -> tensor<4x300xf32> {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    gpt.yield %0 : f32
  }
  gpt.yield %y : tensor<4x300xf32>
}

// -----

// A block takes a row of the table. Without accumulation it starts from 0.
// CHECK-LABEL: // segmented_sum kernel
// CHECK:         const int32_t v = block;
// CHECK:         for (int end = 6; first < end;) {
// CHECK-NEXT:      const int middle = (first + end) / 2;
// CHECK-NEXT:      if (operand0[operand1[middle]] < v) {
// CHECK:         for (int c = gptc_thread(); c < 8; c += 128) {
// CHECK-NEXT:      float total = 0.0f;
// CHECK-NEXT:      for (int p = first; p < 6 && operand0[operand1[p]] == v; ++p) {
// CHECK-NEXT:        total += operand2[operand1[p] * 8 + c];
// CHECK-NEXT:      }
// CHECK-NEXT:      operand3[v * 16 + c] = total;
plan.kernel @replaced "segmented_sum" rows 10 layouts [memref<2x3xi32>, memref<6xi32>, memref<2x3x8xf32>, memref<10x8xf32, strided<[16, 1]>>] accumulate [false] in_place [-1] {
^bb0(%i: tensor<2x3xi32>, %o: tensor<6xi32>, %dy: tensor<2x3x8xf32>):
  %g = gpt.embedding_grad %i, %o, %dy : tensor<2x3xi32>, tensor<6xi32>, tensor<2x3x8xf32> -> tensor<10x8xf32>
  gpt.yield %g : tensor<10x8xf32>
}
