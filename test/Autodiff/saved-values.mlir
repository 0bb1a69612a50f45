// RUN: gptc-opt %s --gpt-differentiate --remarks-filter='gpt-differentiate' --remark-policy=all 2>&1 | FileCheck %s

// The backward part keeps the softmax's result, once, and neither variables nor views of them.
gpt.variable @x input : tensor<2x3x4xf32>
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<4x4xf32>

// CHECK-DAG: func.func @accumulate_first() attributes {gpt.saved_bytes = 96 : i64}
// CHECK-DAG: remark: [Analysis] SavedValues | Category:gpt-differentiate | Function=accumulate_first | bytes=96, values=1
func.func @train() -> tensor<f32> {
  %x = gpt.read @x : tensor<2x3x4xf32>
  %w = gpt.read @w : tensor<4x4xf32>
  %rows = gpt.reshape %x : tensor<2x3x4xf32> -> tensor<6x4xf32>
  %y = gpt.matmul %rows, %w : tensor<6x4xf32>, tensor<4x4xf32> -> tensor<6x4xf32>
  %p = gpt.softmax %y : tensor<6x4xf32>
  %cube = gpt.reshape %p : tensor<6x4xf32> -> tensor<2x3x4xf32>
  %square = gpt.map(%cube) : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  ^bb0(%a: f32):
    %0 = arith.mulf %a, %a : f32
    gpt.yield %0 : f32
  }
  %loss = gpt.reduce sum %square [0, 1, 2] : tensor<2x3x4xf32> -> tensor<f32>
  return %loss : tensor<f32>
}
