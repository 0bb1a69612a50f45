// RUN: gptc-interpret %s
// RUN: gptc-interpret %s --precision=float32
// RUN: gptc-interpret %s --gpt-decompose
// RUN: gptc-interpret %s --gpt-decompose --precision=float32

// 1000.69 stands on 10 bits before the point; relative to it the error is that of one rounding.
func.func @rows() {
  %x = arith.constant dense<[[1.0, 2.0, 3.0], [-1.0, 0.5, 0xFF800000]]> : tensor<2x3xf32>
  %0 = gpt.logsumexp %x : tensor<2x3xf32> -> tensor<2xf32>
  check.expect_close %0, dense<[3.40760596444438, 0.7014132779827524]> : tensor<2xf64> ulps 2 : tensor<2xf32>
  %y = arith.constant dense<[1000.0, 1000.0]> : tensor<2xf32>
  %1 = gpt.logsumexp %y : tensor<2xf32> -> tensor<f32>
  check.expect_close %1, dense<1000.69314718055994531> : tensor<f64> ulps 1 : tensor<f32>
  return
}

// Infinite rows have an infinite sum, not NaN.
func.func @infinite() {
  %x = arith.constant dense<[[0xFF800000, 0xFF800000], [0x7F800000, 0.0], [0x7FC00000, 0.0]]> : tensor<3x2xf32>
  %0 = gpt.logsumexp %x : tensor<3x2xf32> -> tensor<3xf32>
  check.expect_equal %0, dense<[0xFF800000, 0x7F800000, 0x7FC00000]> : tensor<3xf32>
  %y = arith.constant dense<[[3.0], [0xFF800000]]> : tensor<2x1xf32>
  %1 = gpt.logsumexp %y : tensor<2x1xf32> -> tensor<2xf32>
  check.expect_equal %1, dense<[3.0, 0xFF800000]> : tensor<2xf32>
  return
}
