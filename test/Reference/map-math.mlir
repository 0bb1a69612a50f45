// RUN: gptc-interpret %s
// RUN: gptc-interpret %s --precision=float32

// Functions of real numbers. Values are the mathematical ones, rounded to double; C's library is within an ulp
// or two of them.
func.func @exponentials() {
  %a = arith.constant dense<[1.0, -1.0, 0.0]> : tensor<3xf32>
  %0:4 = gpt.map(%a) : (tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) {
  ^bb0(%x: f32):
    %1 = math.exp %x : f32
    %2 = math.exp2 %x : f32
    %3 = math.expm1 %x : f32
    %4 = math.tanh %x : f32
    gpt.yield %1, %2, %3, %4 : f32, f32, f32, f32
  }
  check.expect_close %0#0, dense<[2.718281828459045235, 0.367879441171442322, 1.0]> : tensor<3xf64> ulps 2 : tensor<3xf32>
  check.expect_close %0#1, dense<[2.0, 0.5, 1.0]> : tensor<3xf64> ulps 1 : tensor<3xf32>
  check.expect_close %0#2, dense<[1.718281828459045235, -0.632120558828557678, 0.0]> : tensor<3xf64> ulps 2 : tensor<3xf32>
  check.expect_close %0#3, dense<[0.761594155955764888, -0.761594155955764888, 0.0]> : tensor<3xf64> ulps 2 : tensor<3xf32>
  return
}

func.func @logarithms() {
  %a = arith.constant dense<[1.0, 2.0, 0.0, -1.0]> : tensor<4xf32>
  %0:4 = gpt.map(%a) : (tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  ^bb0(%x: f32):
    %1 = math.log %x : f32
    %2 = math.log2 %x : f32
    %3 = math.log10 %x : f32
    %4 = math.log1p %x : f32
    gpt.yield %1, %2, %3, %4 : f32, f32, f32, f32
  }
  check.expect_close %0#0, dense<[0.0, 0.693147180559945309, 0xFFF0000000000000, 0x7FF8000000000000]> : tensor<4xf64> ulps 1 : tensor<4xf32>
  check.expect_close %0#1, dense<[0.0, 1.0, 0xFFF0000000000000, 0x7FF8000000000000]> : tensor<4xf64> ulps 1 : tensor<4xf32>
  check.expect_close %0#2, dense<[0.0, 0.301029995663981195, 0xFFF0000000000000, 0x7FF8000000000000]> : tensor<4xf64> ulps 1 : tensor<4xf32>
  check.expect_close %0#3, dense<[0.693147180559945309, 1.098612288668109691, 0.0, 0xFFF0000000000000]> : tensor<4xf64> ulps 1 : tensor<4xf32>
  return
}

func.func @powers() {
  %a = arith.constant dense<[4.0, 2.25, 0.0]> : tensor<3xf32>
  %n = arith.constant dense<[-1, 3, 0]> : tensor<3xi32>
  %0:5 = gpt.map(%a, %n) : (tensor<3xf32>, tensor<3xi32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) {
  ^bb0(%x: f32, %k: i32):
    %half = arith.constant 1.5 : f32
    %1 = math.sqrt %x : f32
    %2 = math.rsqrt %x : f32
    %3 = math.powf %x, %half : f32
    %4 = math.fpowi %x, %k : f32, i32
    %5 = math.fma %x, %x, %half : f32
    gpt.yield %1, %2, %3, %4, %5 : f32, f32, f32, f32, f32
  }
  check.expect_equal %0#0, dense<[2.0, 1.5, 0.0]> : tensor<3xf32>
  check.expect_close %0#1, dense<[0.5, 0.666666666666666667, 0x7FF0000000000000]> : tensor<3xf64> ulps 1 : tensor<3xf32>
  check.expect_close %0#2, dense<[8.0, 3.375, 0.0]> : tensor<3xf64> ulps 1 : tensor<3xf32>
  check.expect_close %0#3, dense<[0.25, 11.390625, 1.0]> : tensor<3xf64> ulps 1 : tensor<3xf32>
  check.expect_equal %0#4, dense<[17.5, 6.5625, 1.5]> : tensor<3xf32>
  return
}

func.func @circular() {
  %a = arith.constant dense<[1.0, -0.5]> : tensor<2xf32>
  %0:6 = gpt.map(%a) : (tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) {
  ^bb0(%x: f32):
    %two = arith.constant 2.0 : f32
    %1 = math.sin %x : f32
    %2 = math.cos %x : f32
    %3 = math.tan %x : f32
    %4 = math.atan %x : f32
    %5 = math.atan2 %x, %two : f32
    %6 = math.erf %x : f32
    gpt.yield %1, %2, %3, %4, %5, %6 : f32, f32, f32, f32, f32, f32
  }
  check.expect_close %0#0, dense<[0.841470984807896507, -0.479425538604203000]> : tensor<2xf64> ulps 2 : tensor<2xf32>
  check.expect_close %0#1, dense<[0.540302305868139717, 0.877582561890372716]> : tensor<2xf64> ulps 2 : tensor<2xf32>
  check.expect_close %0#2, dense<[1.557407724654902231, -0.546302489843790514]> : tensor<2xf64> ulps 2 : tensor<2xf32>
  check.expect_close %0#3, dense<[0.785398163397448310, -0.463647609000806116]> : tensor<2xf64> ulps 2 : tensor<2xf32>
  check.expect_close %0#4, dense<[0.463647609000806116, -0.244978663126864154]> : tensor<2xf64> ulps 2 : tensor<2xf32>
  check.expect_close %0#5, dense<[0.842700792949714869, -0.520499877813046538]> : tensor<2xf64> ulps 2 : tensor<2xf32>
  return
}

func.func @rounding() {
  %a = arith.constant dense<[2.5, -1.5, 0.75]> : tensor<3xf32>
  %0:6 = gpt.map(%a) : (tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) {
  ^bb0(%x: f32):
    %1 = math.floor %x : f32
    %2 = math.ceil %x : f32
    %3 = math.round %x : f32
    %4 = math.roundeven %x : f32
    %5 = math.trunc %x : f32
    %6 = math.absf %x : f32
    gpt.yield %1, %2, %3, %4, %5, %6 : f32, f32, f32, f32, f32, f32
  }
  check.expect_equal %0#0, dense<[2.0, -2.0, 0.0]> : tensor<3xf32>
  check.expect_equal %0#1, dense<[3.0, -1.0, 1.0]> : tensor<3xf32>
  check.expect_equal %0#2, dense<[3.0, -2.0, 1.0]> : tensor<3xf32>
  check.expect_equal %0#3, dense<[2.0, -2.0, 1.0]> : tensor<3xf32>
  check.expect_equal %0#4, dense<[2.0, -1.0, 0.0]> : tensor<3xf32>
  check.expect_equal %0#5, dense<[2.5, 1.5, 0.75]> : tensor<3xf32>
  return
}
