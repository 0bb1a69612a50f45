// RUN: gptc-interpret %s
// RUN: gptc-interpret %s --precision=float32

// Integers, comparisons and conversions in regions.
func.func @arithmetic() {
  %a = arith.constant dense<[7, -8, 2147483647]> : tensor<3xi32>
  %b = arith.constant dense<[3, 3, 1]> : tensor<3xi32>
  %0:9 = gpt.map(%a, %b) : (tensor<3xi32>, tensor<3xi32>) -> (tensor<3xi32>, tensor<3xi32>, tensor<3xi32>, tensor<3xi32>, tensor<3xi32>, tensor<3xi32>, tensor<3xi32>, tensor<3xi32>, tensor<3xi32>) {
  ^bb0(%x: i32, %y: i32):
    %1 = arith.addi %x, %y : i32
    %2 = arith.subi %x, %y : i32
    %3 = arith.muli %x, %y : i32
    %4 = arith.divsi %x, %y : i32
    %5 = arith.remsi %x, %y : i32
    %6 = arith.xori %x, %y : i32
    %7 = arith.shrui %x, %y : i32
    %8 = arith.shrsi %x, %y : i32
    %9 = arith.maxui %x, %y : i32
    gpt.yield %1, %2, %3, %4, %5, %6, %7, %8, %9 : i32, i32, i32, i32, i32, i32, i32, i32, i32
  }
  check.expect_equal %0#0, dense<[10, -5, -2147483648]> : tensor<3xi32>
  check.expect_equal %0#1, dense<[4, -11, 2147483646]> : tensor<3xi32>
  check.expect_equal %0#2, dense<[21, -24, 2147483647]> : tensor<3xi32>
  check.expect_equal %0#3, dense<[2, -2, 2147483647]> : tensor<3xi32>
  check.expect_equal %0#4, dense<[1, -2, 0]> : tensor<3xi32>
  check.expect_equal %0#5, dense<[4, -5, 2147483646]> : tensor<3xi32>
  check.expect_equal %0#6, dense<[0, 536870911, 1073741823]> : tensor<3xi32>
  check.expect_equal %0#7, dense<[0, -1, 1073741823]> : tensor<3xi32>
  check.expect_equal %0#8, dense<[7, -8, 2147483647]> : tensor<3xi32>
  return
}

// Nothing that arith leaves open crashes.
func.func @undefined() {
  %a = arith.constant dense<[5, -2147483648]> : tensor<2xi32>
  %b = arith.constant dense<[0, -1]> : tensor<2xi32>
  %f = arith.constant dense<[0x7FC00000, -1.0e30]> : tensor<2xf32>
  %0:4 = gpt.map(%a, %b, %f) : (tensor<2xi32>, tensor<2xi32>, tensor<2xf32>) -> (tensor<2xi32>, tensor<2xi32>, tensor<2xi32>, tensor<2xi32>) {
  ^bb0(%x: i32, %y: i32, %z: f32):
    %many = arith.constant 32 : i32
    %1 = arith.divsi %x, %y : i32
    %2 = arith.remsi %x, %y : i32
    %3 = arith.shli %x, %many : i32
    %4 = arith.fptosi %z : f32 to i32
    gpt.yield %1, %2, %3, %4 : i32, i32, i32, i32
  }
  check.expect_equal %0#0, dense<[0, -2147483648]> : tensor<2xi32>
  check.expect_equal %0#1, dense<0> : tensor<2xi32>
  check.expect_equal %0#2, dense<0> : tensor<2xi32>
  check.expect_equal %0#3, dense<[0, -2147483648]> : tensor<2xi32>
  return
}

func.func @conversions() {
  %a = arith.constant dense<[2.75, -2.75]> : tensor<2xf32>
  %i = arith.constant dense<[-1, 6]> : tensor<2xi32>
  %0:6 = gpt.map(%a, %i) : (tensor<2xf32>, tensor<2xi32>) -> (tensor<2xi32>, tensor<2xf32>, tensor<2xf32>, tensor<2xi32>, tensor<2xi32>, tensor<2xf32>) {
  ^bb0(%x: f32, %k: i32):
    %zero = arith.constant 0 : i32
    %1 = arith.fptosi %x : f32 to i32
    %2 = arith.sitofp %k : i32 to f32
    %3 = arith.uitofp %k : i32 to f32
    %negative = arith.cmpi slt, %k, %zero : i32
    %4 = arith.extui %negative : i1 to i32
    %5 = arith.extsi %negative : i1 to i32
    %6 = arith.uitofp %negative : i1 to f32
    gpt.yield %1, %2, %3, %4, %5, %6 : i32, f32, f32, i32, i32, f32
  }
  check.expect_equal %0#0, dense<[2, -2]> : tensor<2xi32>
  check.expect_equal %0#1, dense<[-1.0, 6.0]> : tensor<2xf32>
  check.expect_close %0#2, dense<[4294967295.0, 6.0]> : tensor<2xf64> ulps 1 : tensor<2xf32>
  check.expect_equal %0#3, dense<[1, 0]> : tensor<2xi32>
  check.expect_equal %0#4, dense<[-1, 0]> : tensor<2xi32>
  check.expect_equal %0#5, dense<[1.0, 0.0]> : tensor<2xf32>
  return
}

// Each comparison against 1, as bits: of 0, 1, 2 and NaN.
func.func @comparisons() {
  %a = arith.constant dense<[0.0, 1.0, 2.0, 0x7FC00000]> : tensor<4xf32>
  %0:6 = gpt.map(%a) : (tensor<4xf32>) -> (tensor<4xi32>, tensor<4xi32>, tensor<4xi32>, tensor<4xi32>, tensor<4xi32>, tensor<4xi32>) {
  ^bb0(%x: f32):
    %one = arith.constant 1.0 : f32
    %yes = arith.constant 1 : i32
    %no = arith.constant 0 : i32
    %c1 = arith.cmpf oeq, %x, %one : f32
    %c2 = arith.cmpf une, %x, %one : f32
    %c3 = arith.cmpf olt, %x, %one : f32
    %c4 = arith.cmpf uge, %x, %one : f32
    %c5 = arith.cmpf ord, %x, %one : f32
    %and = arith.andi %c2, %c4 : i1
    %1 = arith.select %c1, %yes, %no : i32
    %2 = arith.select %c2, %yes, %no : i32
    %3 = arith.select %c3, %yes, %no : i32
    %4 = arith.select %c4, %yes, %no : i32
    %5 = arith.select %c5, %yes, %no : i32
    %6 = arith.select %and, %yes, %no : i32
    gpt.yield %1, %2, %3, %4, %5, %6 : i32, i32, i32, i32, i32, i32
  }
  check.expect_equal %0#0, dense<[0, 1, 0, 0]> : tensor<4xi32>
  check.expect_equal %0#1, dense<[1, 0, 1, 1]> : tensor<4xi32>
  check.expect_equal %0#2, dense<[1, 0, 0, 0]> : tensor<4xi32>
  check.expect_equal %0#3, dense<[0, 1, 1, 1]> : tensor<4xi32>
  check.expect_equal %0#4, dense<[1, 1, 1, 0]> : tensor<4xi32>
  check.expect_equal %0#5, dense<[0, 0, 1, 1]> : tensor<4xi32>
  return
}
