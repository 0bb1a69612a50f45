// RUN: gptc-interpret %s
// RUN: gptc-interpret %s --precision=float32

func.func @kinds() {
  %x = arith.constant dense<[[1.0, -2.0, 3.0], [0.5, 4.0, -6.0]]> : tensor<2x3xf32>
  %0 = gpt.reduce sum %x [0] : tensor<2x3xf32> -> tensor<3xf32>
  check.expect_equal %0, dense<[1.5, 2.0, -3.0]> : tensor<3xf32>
  %1 = gpt.reduce max %x [1] : tensor<2x3xf32> -> tensor<2xf32>
  check.expect_equal %1, dense<[3.0, 4.0]> : tensor<2xf32>
  %2 = gpt.reduce min %x [0, 1] : tensor<2x3xf32> -> tensor<f32>
  check.expect_equal %2, dense<-6.0> : tensor<f32>
  %3 = gpt.reduce sum %x [] : tensor<2x3xf32> -> tensor<2x3xf32>
  check.expect_equal %3, dense<[[1.0, -2.0, 3.0], [0.5, 4.0, -6.0]]> : tensor<2x3xf32>
  return
}

func.func @axes_between() {
  %x = arith.constant dense<[[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]]> : tensor<2x2x2xf32>
  %0 = gpt.reduce sum %x [1] : tensor<2x2x2xf32> -> tensor<2x2xf32>
  check.expect_equal %0, dense<[[4.0, 6.0], [12.0, 14.0]]> : tensor<2x2xf32>
  %1 = gpt.reduce sum %x [0, 2] : tensor<2x2x2xf32> -> tensor<2xf32>
  check.expect_equal %1, dense<[14.0, 22.0]> : tensor<2xf32>
  return
}

// An axis of size 1, of size 0, infinities and NaN.
func.func @edges() {
  %x = arith.constant dense<[[0xFF800000], [2.0]]> : tensor<2x1xf32>
  %0 = gpt.reduce max %x [1] : tensor<2x1xf32> -> tensor<2xf32>
  check.expect_equal %0, dense<[0xFF800000, 2.0]> : tensor<2xf32>
  %e = arith.constant dense<> : tensor<2x0xf32>
  %1 = gpt.reduce sum %e [1] : tensor<2x0xf32> -> tensor<2xf32>
  check.expect_equal %1, dense<0.0> : tensor<2xf32>
  %2 = gpt.reduce min %e [1] : tensor<2x0xf32> -> tensor<2xf32>
  check.expect_equal %2, dense<0x7F800000> : tensor<2xf32>
  %n = arith.constant dense<[[1.0, 0x7FC00000, 2.0], [0x7FC00000, 1.0, 2.0]]> : tensor<2x3xf32>
  %3 = gpt.reduce max %n [1] : tensor<2x3xf32> -> tensor<2xf32>
  check.expect_equal %3, dense<0x7FC00000> : tensor<2xf32>
  %4 = gpt.reduce min %n [0] : tensor<2x3xf32> -> tensor<3xf32>
  check.expect_equal %4, dense<[0x7FC00000, 0x7FC00000, 2.0]> : tensor<3xf32>
  return
}
