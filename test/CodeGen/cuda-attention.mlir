// Attention in CUDA C++: calls of the templates, with sizes and where operands lie.
// RUN: gptc-opt %s --split-input-file --plan-print-cuda -o %t.mlir | FileCheck %s

// q, k and v side by side in rows of 96, the result's heads side by side in rows of 32.
// CHECK-LABEL: // attention kernel
// CHECK:       GPTC_DEVICE void packed_block(
// CHECK-NEXT:    const gptc_view<const float, 13376> operand0(
// CHECK:         const auto q = gptc_attention_operand<6720, 8, 96>(operand0);
// CHECK-NEXT:    const auto k = gptc_attention_operand<6720, 8, 96>(operand1);
// CHECK-NEXT:    const auto v = gptc_attention_operand<6720, 8, 96>(operand2);
// CHECK-NEXT:    const auto o = gptc_attention_operand<2240, 8, 32>(operand3);
// CHECK-NEXT:    const auto lse = gptc_attention_operand<280, 70, 1>(operand4);
// CHECK:         typedef gptc_attention_shape<gptc_fp32_products, 4, 4, 70, 70, 8, 8, true> shape;
// CHECK-NEXT:    gptc_attention<shape>(q, k, v, o, lse, 3.535533850e-01f, block);
// CHECK:       GPTC_KERNEL(128) packed(
plan.kernel @packed "attention" rows 16 layouts [memref<2x4x70x8xf32, strided<[6720, 8, 96, 1]>>, memref<2x4x70x8xf32, strided<[6720, 8, 96, 1]>>, memref<2x4x70x8xf32, strided<[6720, 8, 96, 1]>>, memref<2x4x70x8xf32, strided<[2240, 8, 32, 1]>>, memref<2x4x70xf32>] accumulate [false, false] in_place [-1, -1] {
^bb0(%q: tensor<2x4x70x8xf32>, %k: tensor<2x4x70x8xf32>, %v: tensor<2x4x70x8xf32>):
  %o, %lse = gpt.flash_attention %q, %k, %v causal scale 0.35355339059327379 : tensor<2x4x70x8xf32>, tensor<2x4x70x8xf32>, tensor<2x4x70x8xf32> -> tensor<2x4x70x8xf32>, tensor<2x4x70xf32>
  gpt.yield %o, %lse : tensor<2x4x70x8xf32>, tensor<2x4x70xf32>
}

// -----

// Nobody reads the log-sum-exp; two heads share keys, of which there are more than queries.
// CHECK-LABEL: // attention kernel
// CHECK:         typedef gptc_attention_shape<gptc_fp32_products, 4, 2, 3, 5, 7, 9, false> shape;
// CHECK-NEXT:    gptc_attention<shape>(q, k, v, o, gptc_attention_unused(), 1.0{{.*}}, block);
plan.kernel @grouped "attention" rows 4 layouts [memref<1x4x3x7xf32>, memref<1x2x5x7xf32>, memref<1x2x5x9xf32>, memref<1x4x3x9xf32>] accumulate [false] in_place [-1] {
^bb0(%q: tensor<1x4x3x7xf32>, %k: tensor<1x2x5x7xf32>, %v: tensor<1x2x5x9xf32>):
  %o, %lse = gpt.flash_attention %q, %k, %v scale 1.0 : tensor<1x4x3x7xf32>, tensor<1x2x5x7xf32>, tensor<1x2x5x9xf32> -> tensor<1x4x3x9xf32>, tensor<1x4x3xf32>
  gpt.yield %o : tensor<1x4x3x9xf32>
}

// -----

// A row has blocks of its keys and of its heads' queries: 2 of 70 keys and twice 3 of 130 queries.
// CHECK-LABEL: // attention_grad kernel
// CHECK:         const auto lse = gptc_attention_operand<260, 130, 1>(operand4);
// CHECK-NEXT:    const auto d_o = gptc_attention_operand<2080, 1040, 8>(operand5);
// CHECK:         typedef gptc_attention_shape<gptc_fp32_products, 2, 1, 130, 70, 8, 8, false> shape;
// CHECK-NEXT:    static_assert(gptc_attention_grad_tile<shape>::items == 8,
// CHECK-NEXT:    gptc_attention_grad<shape>(q, k, v, o, lse, d_o, d_q, d_k, d_v, {{.*}}, block);
plan.kernel @grad "attention_grad" rows 1 layouts [memref<1x2x130x8xf32>, memref<1x1x70x8xf32>, memref<1x1x70x8xf32>, memref<1x2x130x8xf32>, memref<1x2x130xf32>, memref<1x2x130x8xf32>, memref<1x2x130x8xf32>, memref<1x1x70x8xf32>, memref<1x1x70x8xf32>] accumulate [false, false, false] in_place [-1, -1, -1] {
^bb0(%q: tensor<1x2x130x8xf32>, %k: tensor<1x1x70x8xf32>, %v: tensor<1x1x70x8xf32>, %o: tensor<1x2x130x8xf32>, %lse: tensor<1x2x130xf32>, %d: tensor<1x2x130x8xf32>):
  %dq, %dk, %dv = gpt.flash_attention_grad %q, %k, %v, %o, %lse, %d scale 0.5 : tensor<1x2x130x8xf32>, tensor<1x1x70x8xf32>, tensor<1x1x70x8xf32>, tensor<1x2x130x8xf32>, tensor<1x2x130xf32>, tensor<1x2x130x8xf32> -> tensor<1x2x130x8xf32>, tensor<1x1x70x8xf32>, tensor<1x1x70x8xf32>
  gpt.yield %dq, %dk, %dv : tensor<1x2x130x8xf32>, tensor<1x1x70x8xf32>, tensor<1x1x70x8xf32>
}

// -----

// With more columns, a block takes half as many: 3 of 70 keys, 5 of 130 queries.
// CHECK:         static_assert(gptc_attention_grad_tile<shape>::items == 8,
plan.kernel @wide "attention_grad" rows 1 layouts [memref<1x1x130x80xf32>, memref<1x1x70x80xf32>, memref<1x1x70x80xf32>, memref<1x1x130x80xf32>, memref<1x1x130xf32>, memref<1x1x130x80xf32>, memref<1x1x130x80xf32>, memref<1x1x70x80xf32>, memref<1x1x70x80xf32>] accumulate [false, false, false] in_place [-1, -1, -1] {
^bb0(%q: tensor<1x1x130x80xf32>, %k: tensor<1x1x70x80xf32>, %v: tensor<1x1x70x80xf32>, %o: tensor<1x1x130x80xf32>, %lse: tensor<1x1x130xf32>, %d: tensor<1x1x130x80xf32>):
  %dq, %dk, %dv = gpt.flash_attention_grad %q, %k, %v, %o, %lse, %d scale 0.5 : tensor<1x1x130x80xf32>, tensor<1x1x70x80xf32>, tensor<1x1x70x80xf32>, tensor<1x1x130x80xf32>, tensor<1x1x130xf32>, tensor<1x1x130x80xf32> -> tensor<1x1x130x80xf32>, tensor<1x1x70x80xf32>, tensor<1x1x70x80xf32>
  gpt.yield %dq, %dk, %dv : tensor<1x1x130x80xf32>, tensor<1x1x70x80xf32>, tensor<1x1x70x80xf32>
}
