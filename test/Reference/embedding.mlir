// RUN: gptc-interpret %s
// RUN: gptc-interpret %s --precision=float32

func.func @lookup() {
  %i = arith.constant dense<[[2, 0], [2, 1]]> : tensor<2x2xi32>
  %t = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
  %0 = gpt.embedding %i, %t : tensor<2x2xi32>, tensor<3x2xf32> -> tensor<2x2x2xf32>
  check.expect_equal %0, dense<[[[5.0, 6.0], [1.0, 2.0]], [[5.0, 6.0], [3.0, 4.0]]]> : tensor<2x2x2xf32>
  return
}

// Equal indices keep their order.
func.func @sorted() {
  %i = arith.constant dense<[[2, 0, 2], [-1, 0, 2]]> : tensor<2x3xi32>
  %0 = gpt.argsort %i : tensor<2x3xi32> -> tensor<6xi32>
  check.expect_equal %0, dense<[3, 1, 4, 0, 2, 5]> : tensor<6xi32>
  return
}

// Rows that are read several times get the sum, rows that are not read 0.
func.func @gradient() {
  %i = arith.constant dense<[[2, 0], [2, 2]]> : tensor<2x2xi32>
  %o = gpt.argsort %i : tensor<2x2xi32> -> tensor<4xi32>
  %d = arith.constant dense<[[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]]> : tensor<2x2x2xf32>
  %0 = gpt.embedding_grad %i, %o, %d : tensor<2x2xi32>, tensor<4xi32>, tensor<2x2x2xf32> -> tensor<4x2xf32>
  check.expect_equal %0, dense<[[3.0, 4.0], [0.0, 0.0], [13.0, 16.0], [0.0, 0.0]]> : tensor<4x2xf32>
  return
}
