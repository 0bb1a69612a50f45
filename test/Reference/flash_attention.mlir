// RUN: gptc-interpret %s
// RUN: gptc-interpret %s --precision=float32
// RUN: gptc-interpret %s --gpt-decompose="ops=flash_attention,flash_attention_grad"
// RUN: gptc-interpret %s --gpt-decompose="ops=flash_attention,flash_attention_grad" --precision=float32

// Three positions, heads of size 1, values of size 2 up to 40: as in attention.mlir.
func.func @masks() {
  %q = arith.constant dense<[[[[1.0], [2.0], [-1.0]]]]> : tensor<1x1x3x1xf32>
  %k = arith.constant dense<[[[[0.0], [1.0], [2.0]]]]> : tensor<1x1x3x1xf32>
  %v = arith.constant dense<[[[[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]]]]> : tensor<1x1x3x2xf32>
  %0, %l0 = gpt.flash_attention %q, %k, %v scale 0.5 : tensor<1x1x3x1xf32>, tensor<1x1x3x1xf32>, tensor<1x1x3x2xf32> -> tensor<1x1x3x2xf32>, tensor<1x1x3xf32>
  check.expect_close %0, dense<[[[[2.8266370588854604, 28.266370588854606], [3.2404513383792635, 32.40451338379263], [1.8661670553960412, 18.661670553960413]]]]> : tensor<1x1x3x2xf64> ulps 8 : tensor<1x1x3x2xf32>
  check.expect_close %l0, dense<[[[1.6802696706417346, 2.40760596444438, 0.6802696706417346]]]> : tensor<1x1x3xf64> ulps 4 : tensor<1x1x3xf32>
  %1, %l1 = gpt.flash_attention %q, %k, %v causal scale 0.5 : tensor<1x1x3x1xf32>, tensor<1x1x3x1xf32>, tensor<1x1x3x2xf32> -> tensor<1x1x3x2xf32>, tensor<1x1x3xf32>
  check.expect_close %1, dense<[[[[1.0, 10.0], [1.7310585786300049, 17.31058578630005], [1.8661670553960412, 18.661670553960413]]]]> : tensor<1x1x3x2xf64> ulps 8 : tensor<1x1x3x2xf32>
  check.expect_close %l1, dense<[[[0.0, 1.3132616875182228, 0.6802696706417346]]]> : tensor<1x1x3xf64> ulps 4 : tensor<1x1x3xf32>
  return
}

// Scores beyond what exp takes.
func.func @large() {
  %q = arith.constant dense<[[[[1000.0]]]]> : tensor<1x1x1x1xf32>
  %k = arith.constant dense<[[[[1.0], [1.0]]]]> : tensor<1x1x2x1xf32>
  %0, %l = gpt.flash_attention %q, %k, %k scale 1.0 : tensor<1x1x1x1xf32>, tensor<1x1x2x1xf32>, tensor<1x1x2x1xf32> -> tensor<1x1x1x1xf32>, tensor<1x1x1xf32>
  check.expect_equal %0, dense<1.0> : tensor<1x1x1x1xf32>
  check.expect_close %l, dense<1000.6931471805599> : tensor<1x1x1xf64> ulps 2 : tensor<1x1x1xf32>
  return
}

// With a query of 0 and a log-sum-exp of 0, p = 1 for both keys: delta = 1/2, dp = 0, 1, ds = -1/2, 1/2. Two heads share the keys.
func.func @gradient() {
  %q = arith.constant dense<0.0> : tensor<1x2x1x1xf32>
  %k = arith.constant dense<[[[[1.0], [3.0]]]]> : tensor<1x1x2x1xf32>
  %v = arith.constant dense<[[[[0.0], [1.0]]]]> : tensor<1x1x2x1xf32>
  %o = arith.constant dense<0.5> : tensor<1x2x1x1xf32>
  %l = arith.constant dense<0.0> : tensor<1x2x1xf32>
  %d = arith.constant dense<1.0> : tensor<1x2x1x1xf32>
  %dq, %dk, %dv = gpt.flash_attention_grad %q, %k, %v, %o, %l, %d scale 1.0 : tensor<1x2x1x1xf32>, tensor<1x1x2x1xf32>, tensor<1x1x2x1xf32>, tensor<1x2x1x1xf32>, tensor<1x2x1xf32>, tensor<1x2x1x1xf32> -> tensor<1x2x1x1xf32>, tensor<1x1x2x1xf32>, tensor<1x1x2x1xf32>
  check.expect_equal %dq, dense<1.0> : tensor<1x2x1x1xf32>
  check.expect_equal %dk, dense<0.0> : tensor<1x1x2x1xf32>
  check.expect_equal %dv, dense<2.0> : tensor<1x1x2x1xf32>
  return
}
