// RUN: gptc-interpret %s
// RUN: gptc-interpret %s --precision=float32

// Philox4x32-10: values from a program of its own in another language, checked against the test vectors of
// Salmon et al. They are multiples of 2^-24, so the same in every precision.
func.func @stream() {
  %key = arith.constant dense<[1, 2, 3, 4]> : tensor<4xi32>
  %0 = gpt.random %key stream "h.0.mlp" : tensor<4xi32> -> tensor<2x3xf32>
  check.expect_equal %0, dense<[[0.1425045132637024, 0.3577093482017517, 0.8552160263061523],
                                [0.37603265047073364, 0.6921402215957642, 0.7467923164367676]]> : tensor<2x3xf32>
  return
}

// Words of the key are 32 bits without a sign.
func.func @negative() {
  %key = arith.constant dense<[-1, 7, 5, 0]> : tensor<4xi32>
  %0 = gpt.random %key stream "x" : tensor<4xi32> -> tensor<3xf32>
  check.expect_equal %0, dense<[0.31825584173202515, 0.9215802550315857, 0.314050555229187]> : tensor<3xf32>
  return
}

// Each copy of a repeat has its own stream.
func.func @copies() {
  %key = arith.constant dense<[1, 2, 3, 4]> : tensor<4xi32>
  %zero = arith.constant dense<0.0> : tensor<2xf32>
  %0:2 = gpt.repeat 2 iter(%zero, %zero) : (tensor<2xf32>, tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
  ^bb0(%a: tensor<2xf32>, %b: tensor<2xf32>):
    %u = gpt.random %key stream "h.*.mlp" : tensor<4xi32> -> tensor<2xf32>
    gpt.yield %u, %a : tensor<2xf32>, tensor<2xf32>
  }
  check.expect_equal %0#0, dense<[0.7602793574333191, 0.20357728004455566]> : tensor<2xf32>
  check.expect_equal %0#1, dense<[0.1425045132637024, 0.3577093482017517]> : tensor<2xf32>
  return
}
