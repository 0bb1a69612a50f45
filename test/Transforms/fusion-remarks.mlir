// What was joined, with the bytes that its kernel moves and that its operations would move apart, and what was not, and why.
// RUN: gptc-opt %s --gpt-form-kernels --split-input-file --remarks-filter='gpt-form-kernels' --remark-policy=all 2>&1 | FileCheck %s

// CHECK-DAG: remark: [Passed] Fused | Category:gpt-form-kernels | Function=siblings | bytes=24576, bytes_apart=32768, operations=2
func.func @siblings(%x: tensor<64x32xf32>) -> (tensor<64x32xf32>, tensor<64x32xf32>) {
  %0 = gpt.map(%x) : (tensor<64x32xf32>) -> tensor<64x32xf32> {
  ^bb0(%a: f32):
    %s = math.exp %a : f32
    gpt.yield %s : f32
  }
  %1 = gpt.map(%x) : (tensor<64x32xf32>) -> tensor<64x32xf32> {
  ^bb0(%a: f32):
    %s = math.tanh %a : f32
    gpt.yield %s : f32
  }
  return %0, %1 : tensor<64x32xf32>, tensor<64x32xf32>
}

// -----

// CHECK-DAG: remark: [Missed] NotFused | Category:gpt-form-kernels | Function=cycle | Reason="one would depend on itself through what stands between them"
func.func @cycle(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %0 = gpt.map(%x) : (tensor<8x8xf32>) -> tensor<8x8xf32> {
  ^bb0(%a: f32):
    %s = math.exp %a : f32
    gpt.yield %s : f32
  }
  %1 = gpt.matmul %0, %0 : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
  %2 = gpt.map(%1, %x) : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32> {
  ^bb0(%a: f32, %b: f32):
    %s = arith.addf %a, %b : f32
    gpt.yield %s : f32
  }
  return %2 : tensor<8x8xf32>
}
