// RUN: gptc-opt %s --plan-generate-matmuls=least-work=100 | FileCheck %s
// RUN: gptc-opt %s --plan-generate-matmuls=least-work=100 --remarks-filter=plan-generate-matmuls --remark-policy=all -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: gptc-opt %s --plan-generate-matmuls=least-work=100 --verify-roundtrip | gptc-opt --plan-generate-matmuls=least-work=100 | FileCheck %s

plan.buffer @a in "parameters" bytes 65536 offset 0
plan.buffer @b in "parameters" bytes 65536 of bf16 offset 65536

// CHECK-LABEL: plan.entry @sizes
plan.entry @sizes {
  // CHECK-NEXT: plan.matmul 8 x 8 x 2{{.*}} generated
  // REMARK: remark: [Passed] GeneratedMatmul | Category:plan-generate-matmuls | Function=sizes | k=2, m=8, n=8
  plan.matmul 8 x 8 x 2 (#plan.view<@a, 0>, #plan.view<@a, 64>) to #plan.view<@a, 128> strides [2, 8, 8] batch []
  // CHECK-NEXT: plan.matmul 8 x 8 x 1{{.*}} batch []{{$}}
  // REMARK: remark: [Missed] GeneratedMatmul | Category:plan-generate-matmuls | Function=sizes | Reason="the library is faster on products as small as 8 x 8 x 1"
  plan.matmul 8 x 8 x 1 (#plan.view<@a, 0>, #plan.view<@a, 64>) to #plan.view<@a, 128> strides [1, 8, 8] batch []
  // CHECK-NEXT: plan.matmul 7 x 64 x 64{{.*}} batch []{{$}}
  // REMARK: remark: [Missed] GeneratedMatmul | Category:plan-generate-matmuls | Function=sizes | Reason="the library's functions for vectors are faster on 7 x 64 results"
  plan.matmul 7 x 64 x 64 (#plan.view<@a, 0>, #plan.view<@a, 1024>) to #plan.view<@a, 8192> strides [64, 64, 64] batch []
  // CHECK-NEXT: plan.matmul 64 x 1 x 64{{.*}} batch [] transpose_lhs
  // REMARK: Reason="the library's functions for vectors are faster on 64 x 1 results"
  plan.matmul 64 x 1 x 64 (#plan.view<@a, 0>, #plan.view<@a, 4096>) to #plan.view<@a, 8192> strides [64, 1, 1] batch [] transpose_lhs
  // CHECK: plan.matmul 64 x 32 x 16{{.*}} batch [#plan.batch<2, 1024, 0, 2048>] generated transpose_rhs accumulate
  plan.matmul 64 x 32 x 16 (#plan.view<@a, 0>, #plan.view<@a, 2048>) to #plan.view<@a, 4096> strides [16, 16, 32] batch [#plan.batch<2, 1024, 0, 2048>] transpose_rhs accumulate
}

// The library has float32 only.
// CHECK-LABEL: plan.entry @types
plan.entry @types {
  // CHECK-NEXT: plan.matmul 1 x 64 x 64{{.*}} types [bf16, bf16, f32] generated
  // REMARK: remark: [Passed] GeneratedMatmul | Category:plan-generate-matmuls | Function=types | k=64, m=1, n=64
  plan.matmul 1 x 64 x 64 (#plan.view<@b, 0>, #plan.view<@b, 64>) to #plan.view<@a, 0> strides [64, 64, 64] batch [] types [bf16, bf16, f32]
}
