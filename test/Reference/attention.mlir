// RUN: gptc-interpret %s
// RUN: gptc-interpret %s --precision=float32
// RUN: gptc-interpret %s --gpt-decompose
// RUN: gptc-interpret %s --gpt-decompose --precision=float32

// Three positions, heads of size 1, values of size 2 up to 40: a weight's 4 ulps times 40, relative to 32.
func.func @masks() {
  %q = arith.constant dense<[[[[1.0], [2.0], [-1.0]]]]> : tensor<1x1x3x1xf32>
  %k = arith.constant dense<[[[[0.0], [1.0], [2.0]]]]> : tensor<1x1x3x1xf32>
  %v = arith.constant dense<[[[[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]]]]> : tensor<1x1x3x2xf32>
  %0 = gpt.attention %q, %k, %v scale 0.5 : tensor<1x1x3x1xf32>, tensor<1x1x3x1xf32>, tensor<1x1x3x2xf32> -> tensor<1x1x3x2xf32>
  check.expect_close %0, dense<[[[[2.8266370588854604, 28.266370588854606], [3.2404513383792635, 32.40451338379263], [1.8661670553960412, 18.661670553960413]]]]> : tensor<1x1x3x2xf64> ulps 8 : tensor<1x1x3x2xf32>
  %1 = gpt.attention %q, %k, %v causal scale 0.5 : tensor<1x1x3x1xf32>, tensor<1x1x3x1xf32>, tensor<1x1x3x2xf32> -> tensor<1x1x3x2xf32>
  check.expect_close %1, dense<[[[[1.0, 10.0], [1.7310585786300049, 17.31058578630005], [1.8661670553960412, 18.661670553960413]]]]> : tensor<1x1x3x2xf64> ulps 8 : tensor<1x1x3x2xf32>
  %2 = gpt.attention %q, %k, %v causal window 2 scale 0.5 : tensor<1x1x3x1xf32>, tensor<1x1x3x1xf32>, tensor<1x1x3x2xf32> -> tensor<1x1x3x2xf32>
  check.expect_close %2, dense<[[[[1.0, 10.0], [1.7310585786300049, 17.31058578630005], [2.755081337596291, 27.55081337596291]]]]> : tensor<1x1x3x2xf64> ulps 8 : tensor<1x1x3x2xf32>
  // A window of 1 sees itself only, one of 3 or more all of the past.
  %3 = gpt.attention %q, %k, %v causal window 1 scale 0.5 : tensor<1x1x3x1xf32>, tensor<1x1x3x1xf32>, tensor<1x1x3x2xf32> -> tensor<1x1x3x2xf32>
  check.expect_equal %3, dense<[[[[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]]]]> : tensor<1x1x3x2xf32>
  %4 = gpt.attention %q, %k, %v causal window 9000000000 scale 0.5 : tensor<1x1x3x1xf32>, tensor<1x1x3x1xf32>, tensor<1x1x3x2xf32> -> tensor<1x1x3x2xf32>
  check.expect_close %4, dense<[[[[1.0, 10.0], [1.7310585786300049, 17.31058578630005], [1.8661670553960412, 18.661670553960413]]]]> : tensor<1x1x3x2xf64> ulps 8 : tensor<1x1x3x2xf32>
  return
}

// Fewer keys than queries, and one.
func.func @keys() {
  %q = arith.constant dense<[[[[1.0], [2.0], [-1.0]]]]> : tensor<1x1x3x1xf32>
  %k = arith.constant dense<[[[[0.0], [1.0]]]]> : tensor<1x1x2x1xf32>
  %v = arith.constant dense<[[[[1.0, 10.0], [2.0, 20.0]]]]> : tensor<1x1x2x2xf32>
  %0 = gpt.attention %q, %k, %v scale 0.5 : tensor<1x1x3x1xf32>, tensor<1x1x2x1xf32>, tensor<1x1x2x2xf32> -> tensor<1x1x3x2xf32>
  check.expect_close %0, dense<[[[[1.6224593312018545, 16.224593312018545], [1.7310585786300049, 17.31058578630005], [1.3775406687981455, 13.775406687981455]]]]> : tensor<1x1x3x2xf64> ulps 8 : tensor<1x1x3x2xf32>
  %k1 = arith.constant dense<[[[[5.0]]]]> : tensor<1x1x1x1xf32>
  %1 = gpt.attention %q, %k1, %k1 scale 0.5 : tensor<1x1x3x1xf32>, tensor<1x1x1x1xf32>, tensor<1x1x1x1xf32> -> tensor<1x1x3x1xf32>
  check.expect_equal %1, dense<5.0> : tensor<1x1x3x1xf32>
  return
}

// Heads 0 and 1 attend to group 0, heads 2 and 3 to group 1. Zero queries average the values they see.
func.func @groups() {
  %q = arith.constant dense<0.0> : tensor<1x4x2x1xf32>
  %k = arith.constant dense<[[[[1.0], [2.0]], [[3.0], [4.0]]]]> : tensor<1x2x2x1xf32>
  %v = arith.constant dense<[[[[1.0], [3.0]], [[10.0], [30.0]]]]> : tensor<1x2x2x1xf32>
  %0 = gpt.attention %q, %k, %v causal scale 1.0 : tensor<1x4x2x1xf32>, tensor<1x2x2x1xf32>, tensor<1x2x2x1xf32> -> tensor<1x4x2x1xf32>
  check.expect_equal %0, dense<[[[[1.0], [2.0]], [[1.0], [2.0]], [[10.0], [20.0]], [[10.0], [20.0]]]]> : tensor<1x4x2x1xf32>
  return
}
