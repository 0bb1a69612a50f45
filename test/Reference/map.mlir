// RUN: gptc-interpret %s
// RUN: gptc-interpret %s --precision=float32

// Elementwise arithmetic on real numbers, and how operands stretch.
func.func @arithmetic() {
  %a = arith.constant dense<[1.5, -2.0, 0.0, 7.0]> : tensor<4xf32>
  %b = arith.constant dense<[0.5, 4.0, -1.0, 2.0]> : tensor<4xf32>
  %0:8 = gpt.map(%a, %b) : (tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  ^bb0(%x: f32, %y: f32):
    %1 = arith.addf %x, %y : f32
    %2 = arith.subf %x, %y : f32
    %3 = arith.mulf %x, %y : f32
    %4 = arith.divf %x, %y : f32
    %5 = arith.negf %x : f32
    %6 = arith.remf %x, %y : f32
    %7 = arith.maximumf %x, %y : f32
    %8 = arith.minimumf %x, %y : f32
    gpt.yield %1, %2, %3, %4, %5, %6, %7, %8 : f32, f32, f32, f32, f32, f32, f32, f32
  }
  check.expect_equal %0#0, dense<[2.0, 2.0, -1.0, 9.0]> : tensor<4xf32>
  check.expect_equal %0#1, dense<[1.0, -6.0, 1.0, 5.0]> : tensor<4xf32>
  check.expect_equal %0#2, dense<[0.75, -8.0, 0.0, 14.0]> : tensor<4xf32>
  check.expect_equal %0#3, dense<[3.0, -0.5, 0.0, 3.5]> : tensor<4xf32>
  check.expect_equal %0#4, dense<[-1.5, 2.0, 0.0, -7.0]> : tensor<4xf32>
  check.expect_equal %0#5, dense<[0.0, -2.0, 0.0, 1.0]> : tensor<4xf32>
  check.expect_equal %0#6, dense<[1.5, 4.0, 0.0, 7.0]> : tensor<4xf32>
  check.expect_equal %0#7, dense<[0.5, -2.0, -1.0, 2.0]> : tensor<4xf32>
  return
}

// maximumf and minimumf hand on NaN, maxnumf and minnumf prefer the number.
func.func @not_a_number() {
  %a = arith.constant dense<[0x7FC00000, 1.0, 0x7FC00000]> : tensor<3xf32>
  %b = arith.constant dense<[2.0, 0x7FC00000, 0x7FC00000]> : tensor<3xf32>
  %0:4 = gpt.map(%a, %b) : (tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) {
  ^bb0(%x: f32, %y: f32):
    %1 = arith.maximumf %x, %y : f32
    %2 = arith.minimumf %x, %y : f32
    %3 = arith.maxnumf %x, %y : f32
    %4 = arith.minnumf %x, %y : f32
    gpt.yield %1, %2, %3, %4 : f32, f32, f32, f32
  }
  check.expect_equal %0#0, dense<0x7FC00000> : tensor<3xf32>
  check.expect_equal %0#1, dense<0x7FC00000> : tensor<3xf32>
  check.expect_equal %0#2, dense<[2.0, 1.0, 0x7FC00000]> : tensor<3xf32>
  check.expect_equal %0#3, dense<[2.0, 1.0, 0x7FC00000]> : tensor<3xf32>
  return
}

// In float32 the constant and the sum are floats: 1 + 2^-30 is 1.
func.func @precision() -> tensor<f32> {
  %a = arith.constant dense<1.0> : tensor<f32>
  %0 = gpt.map(%a) : (tensor<f32>) -> tensor<f32> {
  ^bb0(%x: f32):
    %tiny = arith.constant 9.31322574615478515625e-10 : f32
    %sum = arith.addf %x, %tiny : f32
    %rest = arith.subf %sum, %x : f32
    gpt.yield %rest : f32
  }
  return %0 : tensor<f32>
}

func.func @stretch() {
  %a = arith.constant dense<[[[1.0, 2.0, 3.0]], [[4.0, 5.0, 6.0]]]> : tensor<2x1x3xf32>
  %b = arith.constant dense<[[10.0], [20.0]]> : tensor<2x1xf32>
  %c = arith.constant dense<100.0> : tensor<f32>
  %d = arith.constant dense<[1000.0, 2000.0, 3000.0]> : tensor<3xf32>
  %0 = gpt.map(%a, %b, %c, %d) : (tensor<2x1x3xf32>, tensor<2x1xf32>, tensor<f32>, tensor<3xf32>) -> tensor<2x2x3xf32> {
  ^bb0(%x: f32, %y: f32, %z: f32, %w: f32):
    %1 = arith.addf %x, %y : f32
    %2 = arith.addf %1, %z : f32
    %3 = arith.addf %2, %w : f32
    gpt.yield %3 : f32
  }
  check.expect_equal %0, dense<[
    [[1111.0, 2112.0, 3113.0], [1121.0, 2122.0, 3123.0]],
    [[1114.0, 2115.0, 3116.0], [1124.0, 2125.0, 3126.0]]]> : tensor<2x2x3xf32>
  return
}

// No operand, and a region that hands an argument on.
func.func @degenerate() {
  %a = arith.constant dense<[3, -4]> : tensor<2xi32>
  %0:2 = gpt.map(%a) : (tensor<2xi32>) -> (tensor<3x2xi32>, tensor<3x2xf32>) {
  ^bb0(%x: i32):
    %half = arith.constant 0.5 : f32
    gpt.yield %x, %half : i32, f32
  }
  check.expect_equal %0#0, dense<[[3, -4], [3, -4], [3, -4]]> : tensor<3x2xi32>
  check.expect_equal %0#1, dense<0.5> : tensor<3x2xf32>
  %1 = gpt.map() : () -> tensor<2xf32> {
    %two = arith.constant 2.0 : f32
    gpt.yield %two : f32
  }
  check.expect_equal %1, dense<2.0> : tensor<2xf32>
  return
}

// More elements than are computed together.
func.func @long() {
  %i = gpt.iota : tensor<1000xi32>
  %c = gpt.reshape %i : tensor<1000xi32> -> tensor<1000x1xi32>
  %two = arith.constant dense<[0, 1]> : tensor<2xi32>
  %0 = gpt.map(%c, %two) : (tensor<1000x1xi32>, tensor<2xi32>) -> tensor<1000x2xf32> {
  ^bb0(%x: i32, %y: i32):
    %1 = arith.addi %x, %y : i32
    %2 = arith.sitofp %1 : i32 to f32
    gpt.yield %2 : f32
  }
  %1 = gpt.reduce sum %0 [0] : tensor<1000x2xf32> -> tensor<2xf32>
  check.expect_equal %1, dense<[499500.0, 500500.0]> : tensor<2xf32>
  %2 = gpt.slice %0 [255, 0] [3, 2] : tensor<1000x2xf32> -> tensor<3x2xf32>
  check.expect_equal %2, dense<[[255.0, 256.0], [256.0, 257.0], [257.0, 258.0]]> : tensor<3x2xf32>
  return
}

// The difference between the precisions is there:
// RUN: gptc-interpret %s | FileCheck %s --check-prefix=DOUBLE
// RUN: gptc-interpret %s --precision=float32 | FileCheck %s --check-prefix=FLOAT
// DOUBLE: @precision []: 9.31322575e-10
// FLOAT: @precision []: 0{{$}}
