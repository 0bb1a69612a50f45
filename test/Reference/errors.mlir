// RUN: split-file --leading-lines %s %t
// RUN: not gptc-interpret %t/index.mlir 2>&1 | FileCheck %s --check-prefix=INDEX
// RUN: not gptc-interpret %t/target.mlir 2>&1 | FileCheck %s --check-prefix=TARGET
// RUN: not gptc-interpret %t/order.mlir 2>&1 | FileCheck %s --check-prefix=ORDER
// RUN: not gptc-interpret %t/missing.mlir 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: not gptc-interpret %t/accumulate.mlir 2>&1 | FileCheck %s --check-prefix=ACCUMULATE
// RUN: not gptc-interpret %t/unknown.mlir 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not gptc-interpret %t/scalar.mlir 2>&1 | FileCheck %s --check-prefix=SCALAR
// RUN: not gptc-interpret %t/wide.mlir 2>&1 | FileCheck %s --check-prefix=WIDE
// RUN: not gptc-interpret %t/large.mlir 2>&1 | FileCheck %s --check-prefix=LARGE
// RUN: not gptc-interpret %t/pads.mlir 2>&1 | FileCheck %s --check-prefix=PADS
// RUN: not gptc-interpret %t/expectations.mlir 2>&1 | FileCheck %s --check-prefix=EXPECT

// Each error names the place and the operation, and says what was required and what was found.

//--- index.mlir
// INDEX: @f: {{.*}}index.mlir:[[#@LINE+6]]:8: gpt.embedding: requires indices from 0 to 1, found 2
// INDEX: @g: {{.*}}gpt.embedding: requires indices from 0 to 1, found -1
func.func @f() {
  %i = arith.constant dense<[0, 2]> : tensor<2xi32>
  %t = arith.constant dense<1.0> : tensor<2x3xf32>

  %0 = gpt.embedding %i, %t : tensor<2xi32>, tensor<2x3xf32> -> tensor<2x3xf32>
  return
}
func.func @g() {
  %i = arith.constant dense<[0, -1]> : tensor<2xi32>
  %t = arith.constant dense<1.0> : tensor<2x3xf32>
  %0 = gpt.embedding %i, %t : tensor<2xi32>, tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

//--- target.mlir
// TARGET: gpt.cross_entropy: requires targets below 2, found 2
func.func @f() {
  %x = arith.constant dense<0.0> : tensor<1x2xf32>
  %t = arith.constant dense<2> : tensor<1xi32>
  %0:3 = gpt.cross_entropy %x, %t : tensor<1x2xf32>, tensor<1xi32> -> tensor<f32>, tensor<1xf32>, tensor<1xf32>
  return
}

//--- order.mlir
// ORDER: gpt.embedding_grad: requires an order of positions from 0 to 1, found 2
func.func @f() {
  %i = arith.constant dense<0> : tensor<2xi32>
  %o = arith.constant dense<2> : tensor<2xi32>
  %d = arith.constant dense<1.0> : tensor<2x3xf32>
  %0 = gpt.embedding_grad %i, %o, %d : tensor<2xi32>, tensor<2xi32>, tensor<2x3xf32> -> tensor<4x3xf32>
  return
}

//--- missing.mlir
// MISSING: gpt.read: variable 'h.0.w' has no value
gpt.variable @"h.*.w" parameter init(#gpt.init<constant, 1.0, 0.0>) copies [1] : tensor<f32>
func.func @f() {
  gpt.repeat 1 iter() : () -> () {
    %0 = gpt.read @"h.*.w" : tensor<f32>
    gpt.yield
  }
  return
}

//--- accumulate.mlir
// ACCUMULATE: @f: {{.*}}gpt.write: variable 'w' has no value to add to
// ACCUMULATE: @g: {{.*}}gpt.write: variable 'w' has no value to add to
gpt.variable @w gradient : tensor<f32>
func.func @f() {
  %0 = arith.constant dense<1.0> : tensor<f32>
  gpt.write @w, %0 accumulate : tensor<f32>
  return
}
func.func @g() {
  %0 = arith.constant dense<1.0> : tensor<f32>
  gpt.write @w, %0 accumulate : tensor<f32>
  return
}

//--- pads.mlir
// PADS: gpt.write: the pads that are written to variable 'w' are not all 0
gpt.variable @w gradient {padded = array<i64: 3>} : tensor<2xf32>
func.func @f() {
  %0 = arith.constant dense<[1.0, 2.0, 1.0e-30]> : tensor<3xf32>
  gpt.write @w, %0 : tensor<3xf32>
  return
}

//--- unknown.mlir
// UNKNOWN: arith.addf: is not an operation that the interpreter knows
func.func @f() {
  %0 = arith.constant dense<1.0> : tensor<2xf32>
  %1 = arith.addf %0, %0 : tensor<2xf32>
  return
}

//--- scalar.mlir
// SCALAR: gpt.map: the interpreter does not know arith.bitcast
func.func @f() {
  %0 = arith.constant dense<1.0> : tensor<2xf32>
  %1 = gpt.map(%0) : (tensor<2xf32>) -> tensor<2xi32> {
  ^bb0(%x: f32):
    %2 = arith.bitcast %x : f32 to i32
    gpt.yield %2 : i32
  }
  return
}

//--- wide.mlir
// WIDE: wide.mlir:{{.*}} gpt.map: the interpreter does not know arith.extui
func.func @f() {
  %0 = arith.constant dense<1> : tensor<2xi32>
  %1 = gpt.map(%0) : (tensor<2xi32>) -> tensor<2xi32> {
  ^bb0(%x: i32):
    %2 = arith.extui %x : i32 to i128
    %3 = arith.trunci %2 : i128 to i32
    gpt.yield %3 : i32
  }
  return
}

//--- large.mlir
// LARGE: gpt.map: the result is too large for the interpreter
func.func @f() {
  %0 = arith.constant dense<1.0> : tensor<1xf32>
  %1 = gpt.map(%0) : (tensor<1xf32>) -> tensor<10000000000xf32> {
  ^bb0(%x: f32):
    gpt.yield %x : f32
  }
  return
}

//--- expectations.mlir
// The operations of the check dialect can fail.
// EXPECT: @equal: {{.*}}check.expect_equal: element [1, 0] is 3, expected 4
// EXPECT: @close: {{.*}}check.expect_close: element [] is 1, expected 1.25 (differs by 0.25 of an allowed
// EXPECT: @nan: {{.*}}check.expect_close: element [0] is 0, expected nan
// EXPECT-NOT: @fine
func.func @equal() {
  %0 = arith.constant dense<[[1, 2], [3, 4]]> : tensor<2x2xi32>
  check.expect_equal %0, dense<[[1, 2], [4, 3]]> : tensor<2x2xi32>
  return
}
func.func @close() {
  %0 = arith.constant dense<1.0> : tensor<f32>
  check.expect_close %0, dense<1.25> : tensor<f64> ulps 1000 : tensor<f32>
  return
}
func.func @nan() {
  %0 = arith.constant dense<0.0> : tensor<1xf32>
  check.expect_close %0, dense<0x7FF8000000000000> : tensor<1xf64> : tensor<1xf32>
  return
}
func.func @fine() {
  %0 = arith.constant dense<1.0> : tensor<f32>
  check.expect_close %0, dense<1.0000000000000002> : tensor<f64> ulps 1 : tensor<f32>
  return
}
