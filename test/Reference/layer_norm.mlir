// RUN: gptc-interpret %s
// RUN: gptc-interpret %s --precision=float32
// RUN: gptc-interpret %s --gpt-decompose
// RUN: gptc-interpret %s --gpt-decompose --precision=float32

// Mean 7/3, variance 14/9; mean 0, variance 2/3. Cancellation in x - mean costs an ulp of x, at most 4.
func.func @parameters() {
  %x = arith.constant dense<[[1.0, 2.0, 4.0], [-1.0, 1.0, 0.0]]> : tensor<2x3xf32>
  %w = arith.constant dense<[2.0, -1.0, 0.5]> : tensor<3xf32>
  %b = arith.constant dense<[1.0, 0.0, -1.0]> : tensor<3xf32>
  %y, %mean, %rstd = gpt.layer_norm %x weight %w : tensor<3xf32> bias %b : tensor<3xf32> epsilon 0.25 : tensor<2x3xf32> -> tensor<2x3xf32>, tensor<2xf32>, tensor<2xf32>
  check.expect_close %y, dense<[[-0.9845557534273353, 0.2480694691784169, -0.37982632705395775],
                                [-1.088931871468374, -1.044465935734187, -1.0]]> : tensor<2x3xf64> ulps 8 : tensor<2x3xf32>
  check.expect_close %mean, dense<[2.33333333333333333, 0.0]> : tensor<2xf64> ulps 1 : tensor<2xf32>
  check.expect_close %rstd, dense<[0.7442084075352507, 1.044465935734187]> : tensor<2xf64> ulps 4 : tensor<2xf32>
  return
}

func.func @optional() {
  %x = arith.constant dense<[-1.0, 1.0, 0.0]> : tensor<3xf32>
  %w = arith.constant dense<[2.0, -1.0, 0.5]> : tensor<3xf32>
  %b = arith.constant dense<[1.0, 0.0, -1.0]> : tensor<3xf32>
  %y0, %m0, %r0 = gpt.layer_norm %x epsilon 0.25 : tensor<3xf32> -> tensor<3xf32>, tensor<f32>, tensor<f32>
  check.expect_close %y0, dense<[-1.044465935734187, 1.044465935734187, 0.0]> : tensor<3xf64> ulps 4 : tensor<3xf32>
  %y1, %m1, %r1 = gpt.layer_norm %x weight %w : tensor<3xf32> epsilon 0.25 : tensor<3xf32> -> tensor<3xf32>, tensor<f32>, tensor<f32>
  check.expect_close %y1, dense<[-2.088931871468374, -1.044465935734187, 0.0]> : tensor<3xf64> ulps 4 : tensor<3xf32>
  %y2, %m2, %r2 = gpt.layer_norm %x bias %b : tensor<3xf32> epsilon 0.25 : tensor<3xf32> -> tensor<3xf32>, tensor<f32>, tensor<f32>
  check.expect_close %y2, dense<[-0.044465935734187, 1.044465935734187, -1.0]> : tensor<3xf64> ulps 4 : tensor<3xf32>
  return
}

// Without variance epsilon alone divides: rows of one element, and of equal elements far from 0.
func.func @constant_rows() {
  %x = arith.constant dense<[[3.0], [-5.0]]> : tensor<2x1xf32>
  %y, %mean, %rstd = gpt.layer_norm %x epsilon 0.0625 : tensor<2x1xf32> -> tensor<2x1xf32>, tensor<2xf32>, tensor<2xf32>
  check.expect_equal %y, dense<0.0> : tensor<2x1xf32>
  check.expect_equal %rstd, dense<4.0> : tensor<2xf32>
  %z = arith.constant dense<4096.0> : tensor<1x4xf32>
  %y1, %mean1, %rstd1 = gpt.layer_norm %z epsilon 0.0625 : tensor<1x4xf32> -> tensor<1x4xf32>, tensor<1xf32>, tensor<1xf32>
  check.expect_equal %y1, dense<0.0> : tensor<1x4xf32>
  check.expect_equal %mean1, dense<4096.0> : tensor<1xf32>
  return
}
