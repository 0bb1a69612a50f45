// RUN: gptc-interpret %s
// RUN: gptc-interpret %s --precision=float32

// Operations that move elements: what goes in comes out, elsewhere.
func.func @reshape_transpose() {
  %x = arith.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %0 = gpt.reshape %x : tensor<2x3xf32> -> tensor<3x1x2xf32>
  check.expect_equal %0, dense<[[[1.0, 2.0]], [[3.0, 4.0]], [[5.0, 6.0]]]> : tensor<3x1x2xf32>
  %1 = gpt.transpose %x [1, 0] : tensor<2x3xf32> -> tensor<3x2xf32>
  check.expect_equal %1, dense<[[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]> : tensor<3x2xf32>
  // Axis i of the result is axis permutation[i] of the input: not its inverse.
  %2 = gpt.transpose %0 [2, 0, 1] : tensor<3x1x2xf32> -> tensor<2x3x1xf32>
  check.expect_equal %2, dense<[[[1.0], [3.0], [5.0]], [[2.0], [4.0], [6.0]]]> : tensor<2x3x1xf32>
  %s = arith.constant dense<7> : tensor<1x1xi32>
  %3 = gpt.reshape %s : tensor<1x1xi32> -> tensor<i32>
  check.expect_equal %3, dense<7> : tensor<i32>
  return
}

func.func @split_concat() {
  %x = arith.constant dense<[[1, 2, 3, 4], [5, 6, 7, 8]]> : tensor<2x4xi32>
  %0:3 = gpt.split %x axis 1 : tensor<2x4xi32> -> tensor<2x1xi32>, tensor<2x0xi32>, tensor<2x3xi32>
  check.expect_equal %0#0, dense<[[1], [5]]> : tensor<2x1xi32>
  check.expect_equal %0#2, dense<[[2, 3, 4], [6, 7, 8]]> : tensor<2x3xi32>
  %1 = gpt.concat %0#2, %0#1, %0#0 axis 1 : tensor<2x3xi32>, tensor<2x0xi32>, tensor<2x1xi32> -> tensor<2x4xi32>
  check.expect_equal %1, dense<[[2, 3, 4, 1], [6, 7, 8, 5]]> : tensor<2x4xi32>
  %2 = gpt.concat %x, %1 axis 0 : tensor<2x4xi32>, tensor<2x4xi32> -> tensor<4x4xi32>
  check.expect_equal %2, dense<[[1, 2, 3, 4], [5, 6, 7, 8], [2, 3, 4, 1], [6, 7, 8, 5]]> : tensor<4x4xi32>
  return
}

func.func @slice_pad() {
  %x = arith.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %0 = gpt.slice %x [1, 1] [1, 2] : tensor<2x3xf32> -> tensor<1x2xf32>
  check.expect_equal %0, dense<[[5.0, 6.0]]> : tensor<1x2xf32>
  %1 = gpt.pad %0 [1, 0] [0, 2] : tensor<1x2xf32> -> tensor<2x4xf32>
  check.expect_equal %1, dense<[[0.0, 0.0, 0.0, 0.0], [5.0, 6.0, 0.0, 0.0]]> : tensor<2x4xf32>
  return
}

func.func @iota_detach() {
  %0 = gpt.iota : tensor<4xi32>
  check.expect_equal %0, dense<[0, 1, 2, 3]> : tensor<4xi32>
  %x = arith.constant dense<[1.0, -0.0]> : tensor<2xf32>
  %1 = gpt.detach %x : tensor<2xf32>
  check.expect_equal %1, dense<[1.0, -0.0]> : tensor<2xf32>
  return
}
