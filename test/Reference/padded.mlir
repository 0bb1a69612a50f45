// RUN: gptc-interpret %s
// RUN: gptc-interpret %s --precision=float32

// A padded variable: reads give zeros behind its axes, writes leave the pads out.
gpt.variable @w parameter init(#gpt.init<constant, 1.0, 0.0>) {padded = array<i64: 3, 2>} : tensor<2x1xf32>

func.func @start() {
  %0 = arith.constant dense<[[1.0, 0.0], [2.0, 0.0], [0.0, 0.0]]> : tensor<3x2xf32>
  gpt.write @w, %0 : tensor<3x2xf32>
  return
}

func.func @twice() {
  %0 = gpt.read @w : tensor<3x2xf32>
  check.expect_equal %0, dense<[[1.0, 0.0], [2.0, 0.0], [0.0, 0.0]]> : tensor<3x2xf32>
  gpt.write @w, %0 accumulate : tensor<3x2xf32>
  return
}

func.func @after() {
  %0 = gpt.read @w : tensor<3x2xf32>
  check.expect_equal %0, dense<[[2.0, 0.0], [4.0, 0.0], [0.0, 0.0]]> : tensor<3x2xf32>
  return
}
