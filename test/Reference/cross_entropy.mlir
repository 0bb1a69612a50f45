// RUN: gptc-interpret %s
// RUN: gptc-interpret %s --precision=float32
// RUN: gptc-interpret %s --gpt-decompose
// RUN: gptc-interpret %s --gpt-decompose --precision=float32

// Terms are differences of numbers up to 5.05: 5 ulps of 1 a rounding.
func.func @mean() {
  %x = arith.constant dense<[[1.0, 2.0, 3.0], [0.0, 0.0, 0.0], [5.0, -1.0, 2.0]]> : tensor<3x3xf32>
  %t = arith.constant dense<[2, -1, 0]> : tensor<3xi32>
  %loss, %terms, %lse = gpt.cross_entropy %x, %t : tensor<3x3xf32>, tensor<3xi32> -> tensor<f32>, tensor<3xf32>, tensor<3xf32>
  check.expect_close %loss, dense<0.22927586398368938> : tensor<f64> ulps 16 : tensor<f32>
  check.expect_close %terms, dense<[0.4076059644443803, 0.0, 0.05094576352299847]> : tensor<3xf64> ulps 16 : tensor<3xf32>
  check.expect_close %lse, dense<[3.40760596444438, 1.0986122886681098, 5.050945763522998]> : tensor<3xf64> ulps 2 : tensor<3xf32>
  return
}

// No target is left: 0 / 0. One class: no loss.
func.func @edges() {
  %x = arith.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %t = arith.constant dense<-100> : tensor<1xi32>
  %loss, %terms, %lse = gpt.cross_entropy %x, %t : tensor<1x2xf32>, tensor<1xi32> -> tensor<f32>, tensor<1xf32>, tensor<1xf32>
  check.expect_equal %loss, dense<0x7FC00000> : tensor<f32>
  check.expect_equal %terms, dense<0.0> : tensor<1xf32>
  %y = arith.constant dense<[[[7.0], [-3.0]]]> : tensor<1x2x1xf32>
  %u = arith.constant dense<0> : tensor<1x2xi32>
  %loss1, %terms1, %lse1 = gpt.cross_entropy %y, %u : tensor<1x2x1xf32>, tensor<1x2xi32> -> tensor<f32>, tensor<1x2xf32>, tensor<1x2xf32>
  check.expect_equal %loss1, dense<0.0> : tensor<f32>
  return
}

// Classes that are masked out cost nothing; one that is the target costs infinitely much.
func.func @masked() {
  %x = arith.constant dense<[[2.0, 0xFF800000], [2.0, 0xFF800000]]> : tensor<2x2xf32>
  %t = arith.constant dense<[0, 1]> : tensor<2xi32>
  %loss, %terms, %lse = gpt.cross_entropy %x, %t : tensor<2x2xf32>, tensor<2xi32> -> tensor<f32>, tensor<2xf32>, tensor<2xf32>
  check.expect_equal %terms, dense<[0.0, 0x7F800000]> : tensor<2xf32>
  check.expect_equal %loss, dense<0x7F800000> : tensor<f32>
  return
}
