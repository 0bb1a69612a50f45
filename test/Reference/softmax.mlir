// RUN: gptc-interpret %s
// RUN: gptc-interpret %s --precision=float32
// RUN: gptc-interpret %s --gpt-decompose
// RUN: gptc-interpret %s --gpt-decompose --precision=float32

// Each weight is a quotient of an exponential and a sum of three: 4 ulps.
func.func @rows() {
  %x = arith.constant dense<[[1.0, 2.0, 3.0], [0.0, -1000.0, 1.0], [1001.0, 1002.0, 1003.0]]> : tensor<3x3xf32>
  %0 = gpt.softmax %x : tensor<3x3xf32>
  check.expect_close %0, dense<[[0.09003057317038046, 0.24472847105479764, 0.6652409557748219],
                                [0.2689414213699951, 0.0, 0.7310585786300049],
                                [0.09003057317038046, 0.24472847105479764, 0.6652409557748219]]> : tensor<3x3xf64> ulps 4 : tensor<3x3xf32>
  return
}

// A row of one element; masked elements; a row that is masked throughout.
func.func @edges() {
  %x = arith.constant dense<[[3.0], [0xFF800000]]> : tensor<2x1xf32>
  %0 = gpt.softmax %x : tensor<2x1xf32>
  check.expect_equal %0, dense<[[1.0], [0x7FC00000]]> : tensor<2x1xf32>
  %m = arith.constant dense<[[0xFF800000, 2.0, 2.0], [0xFF800000, 0xFF800000, 0xFF800000]]> : tensor<2x3xf32>
  %1 = gpt.softmax %m : tensor<2x3xf32>
  check.expect_equal %1, dense<[[0.0, 0.5, 0.5], [0x7FC00000, 0x7FC00000, 0x7FC00000]]> : tensor<2x3xf32>
  return
}
