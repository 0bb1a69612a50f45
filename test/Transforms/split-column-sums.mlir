// RUN: gptc-opt %s --gpt-split-column-sums --split-input-file | FileCheck %s
// RUN: gptc-opt %s --gpt-split-column-sums --split-input-file --remarks-filter='gpt-split-column-sums' --remark-policy=all 2>&1 | FileCheck %s --check-prefix=REMARK

// The gradient of a bias: a kernel over rows computes what is summed. Blocks divide the inner axis of rows.
// REMARK-DAG: remark: [Passed] SplitColumnSum | Category:gpt-split-column-sums | Function=bias | bytes=32768, bytes_of_parts=4096, rows=8
// CHECK-LABEL: func.func @bias
// CHECK: %[[Y:.*]] = gpt.map
// CHECK: %[[B:.*]] = gpt.reshape %[[Y]] : tensor<4x64x32xf32> -> tensor<32x8x32xf32>
// CHECK: %[[P:.*]] = gpt.reduce sum %[[B]] [1] : tensor<32x8x32xf32> -> tensor<32x32xf32>
// CHECK: %[[S:.*]] = gpt.reduce sum %[[P]] [0] : tensor<32x32xf32> -> tensor<32xf32>
// CHECK: return %[[Y]], %[[S]]
func.func @bias(%x: tensor<4x64x32xf32>) -> (tensor<4x64x32xf32>, tensor<32xf32>) {
  %y = gpt.map(%x) : (tensor<4x64x32xf32>) -> tensor<4x64x32xf32> {
  ^bb0(%a: f32):
    %0 = math.exp %a : f32
    gpt.yield %0 : f32
  }
  %s = gpt.reduce sum %y [0, 1] : tensor<4x64x32xf32> -> tensor<32xf32>
  return %y, %s : tensor<4x64x32xf32>, tensor<32xf32>
}

// -----

// A kernel over rows reads it, and a map that the sum alone uses goes along.
// CHECK-LABEL: func.func @weight
// CHECK: gpt.reduce sum %{{.*}} [1] : tensor<8x8x32xf32> -> tensor<8x32xf32>
// CHECK: gpt.reduce sum %{{.*}} [0] : tensor<8x32xf32> -> tensor<32xf32>
func.func @weight(%x: tensor<64x32xf32>) -> (tensor<64xf32>, tensor<32xf32>) {
  %m = gpt.reduce max %x [1] : tensor<64x32xf32> -> tensor<64xf32>
  %y = gpt.map(%x) : (tensor<64x32xf32>) -> tensor<64x32xf32> {
  ^bb0(%a: f32):
    %0 = arith.mulf %a, %a : f32
    gpt.yield %0 : f32
  }
  %s = gpt.reduce sum %y [0] : tensor<64x32xf32> -> tensor<32xf32>
  return %m, %s : tensor<64xf32>, tensor<32xf32>
}

// -----

// Nobody else works on its rows.
// REMARK-DAG: remark: [Missed] ColumnSumNotSplit | Category:gpt-split-column-sums | Function=alone | Reason="no kernel over rows computes or reads what it sums", bytes=8192
// CHECK-LABEL: func.func @alone
// CHECK-NEXT: gpt.reduce sum %{{.*}} [0] : tensor<64x32xf32> -> tensor<32xf32>
func.func @alone(%x: tensor<64x32xf32>) -> tensor<32xf32> {
  %s = gpt.reduce sum %x [0] : tensor<64x32xf32> -> tensor<32xf32>
  return %s : tensor<32xf32>
}

// -----

// 61 rows do not divide into blocks.
// REMARK-DAG: remark: [Missed] ColumnSumNotSplit | Category:gpt-split-column-sums | Function=prime | Reason="no divisor of the number of rows is a sensible height of blocks", bytes=7808
// CHECK-LABEL: func.func @prime
// CHECK: gpt.reduce sum %{{.*}} [0] : tensor<61x32xf32> -> tensor<32xf32>
func.func @prime(%x: tensor<61x32xf32>) -> (tensor<61xf32>, tensor<32xf32>) {
  %m = gpt.reduce max %x [1] : tensor<61x32xf32> -> tensor<61xf32>
  %s = gpt.reduce sum %x [0] : tensor<61x32xf32> -> tensor<32xf32>
  return %m, %s : tensor<61xf32>, tensor<32xf32>
}

// -----

// The greatest of a column is no sum.
// CHECK-LABEL: func.func @greatest
// CHECK: gpt.reduce max %{{.*}} [0] : tensor<64x32xf32> -> tensor<32xf32>
func.func @greatest(%x: tensor<64x32xf32>) -> (tensor<64xf32>, tensor<32xf32>) {
  %m = gpt.reduce max %x [1] : tensor<64x32xf32> -> tensor<64xf32>
  %s = gpt.reduce max %x [0] : tensor<64x32xf32> -> tensor<32xf32>
  return %m, %s : tensor<64xf32>, tensor<32xf32>
}
