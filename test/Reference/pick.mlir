// RUN: gptc-interpret %s
// RUN: gptc-interpret %s --precision=float32
// RUN: gptc-interpret %s --gpt-decompose
// RUN: gptc-interpret %s --gpt-decompose --precision=float32

// Indices outside of the row pick 0, whatever stands there.
func.func @pick() {
  %x = arith.constant dense<[[1.0, 0xFF800000, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0], [0xFF800000, 1.0, 2.0]]> : tensor<4x3xf32>
  %i = arith.constant dense<[2, -1, 3, 0]> : tensor<4xi32>
  %0 = gpt.pick %x, %i : tensor<4x3xf32>, tensor<4xi32> -> tensor<4xf32>
  check.expect_equal %0, dense<[3.0, 0.0, 0.0, 0xFF800000]> : tensor<4xf32>
  return
}

func.func @one_column() {
  %x = arith.constant dense<[[[2.0], [3.0]]]> : tensor<1x2x1xf32>
  %i = arith.constant dense<[[0, 0]]> : tensor<1x2xi32>
  %0 = gpt.pick %x, %i : tensor<1x2x1xf32>, tensor<1x2xi32> -> tensor<1x2xf32>
  check.expect_equal %0, dense<[[2.0, 3.0]]> : tensor<1x2xf32>
  return
}
