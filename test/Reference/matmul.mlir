// RUN: gptc-interpret %s
// RUN: gptc-interpret %s --precision=float32

func.func @transposes() {
  %a = arith.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %b = arith.constant dense<[[1.0, 0.0], [2.0, -1.0], [0.0, 1.0]]> : tensor<3x2xf32>
  %0 = gpt.matmul %a, %b : tensor<2x3xf32>, tensor<3x2xf32> -> tensor<2x2xf32>
  check.expect_equal %0, dense<[[5.0, 1.0], [14.0, 1.0]]> : tensor<2x2xf32>
  %1 = gpt.matmul %a, %a transpose_rhs : tensor<2x3xf32>, tensor<2x3xf32> -> tensor<2x2xf32>
  check.expect_equal %1, dense<[[14.0, 32.0], [32.0, 77.0]]> : tensor<2x2xf32>
  %2 = gpt.matmul %b, %b transpose_lhs : tensor<3x2xf32>, tensor<3x2xf32> -> tensor<2x2xf32>
  check.expect_equal %2, dense<[[5.0, -2.0], [-2.0, 2.0]]> : tensor<2x2xf32>
  %3 = gpt.matmul %b, %a transpose_lhs transpose_rhs : tensor<3x2xf32>, tensor<2x3xf32> -> tensor<2x2xf32>
  check.expect_equal %3, dense<[[5.0, 14.0], [1.0, 1.0]]> : tensor<2x2xf32>
  return
}

func.func @batches() {
  %a = arith.constant dense<[[[1.0, 2.0]], [[3.0, 4.0]]]> : tensor<2x1x2xf32>
  %b = arith.constant dense<[[[1.0], [1.0]], [[2.0], [-1.0]]]> : tensor<2x2x1xf32>
  %0 = gpt.matmul %a, %b : tensor<2x1x2xf32>, tensor<2x2x1xf32> -> tensor<2x1x1xf32>
  check.expect_equal %0, dense<[[[3.0]], [[2.0]]]> : tensor<2x1x1xf32>
  // One matrix for all.
  %w = arith.constant dense<[[1.0, 10.0], [100.0, 1000.0]]> : tensor<2x2xf32>
  %1 = gpt.matmul %a, %w : tensor<2x1x2xf32>, tensor<2x2xf32> -> tensor<2x1x2xf32>
  check.expect_equal %1, dense<[[[201.0, 2010.0]], [[403.0, 4030.0]]]> : tensor<2x1x2xf32>
  %2 = gpt.matmul %a, %w transpose_rhs : tensor<2x1x2xf32>, tensor<2x2xf32> -> tensor<2x1x2xf32>
  check.expect_equal %2, dense<[[[21.0, 2100.0]], [[43.0, 4300.0]]]> : tensor<2x1x2xf32>
  // A transposed lhs, batch by batch.
  %3 = gpt.matmul %b, %b transpose_lhs : tensor<2x2x1xf32>, tensor<2x2x1xf32> -> tensor<2x1x1xf32>
  check.expect_equal %3, dense<[[[2.0]], [[5.0]]]> : tensor<2x1x1xf32>
  return
}
