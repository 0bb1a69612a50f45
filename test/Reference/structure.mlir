// RUN: gptc-interpret %s
// RUN: gptc-interpret %s --precision=float32

// A fused operation computes what its region does; constants of both kinds.
func.func @fused() {
  %x = arith.constant dense<[[1.0, 3.0], [2.0, 2.0]]> : tensor<2x2xf32>
  %0, %1 = gpt.fused(%x) : (tensor<2x2xf32>) -> (tensor<2xf32>, tensor<2x2xf32>) {
  ^bb0(%a: tensor<2x2xf32>):
    %s = gpt.reduce sum %a [1] : tensor<2x2xf32> -> tensor<2xf32>
    %c = gpt.reshape %s : tensor<2xf32> -> tensor<2x1xf32>
    %m = gpt.map(%a, %c) : (tensor<2x2xf32>, tensor<2x1xf32>) -> tensor<2x2xf32> {
    ^bb1(%b: f32, %d: f32):
      %q = arith.divf %b, %d : f32
      gpt.yield %q : f32
    }
    gpt.yield %s, %m : tensor<2xf32>, tensor<2x2xf32>
  }
  check.expect_equal %0, dense<4.0> : tensor<2xf32>
  check.expect_equal %1, dense<[[0.25, 0.75], [0.5, 0.5]]> : tensor<2x2xf32>
  return
}
