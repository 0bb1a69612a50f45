// RUN: gptc-opt %s --gpt-differentiate=loss-scale=1024 | FileCheck %s

// CHECK: gpt.variable @"scaler:loss_scale" state init(<constant, 1.024000e+03, 0.000000e+00>) : tensor<f32>
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<2xf32>

// CHECK-LABEL: func.func @accumulate_first()
func.func @train() -> tensor<f32> {
  %w = gpt.read @w : tensor<2xf32>
  // CHECK: %[[LOSS:.*]] = gpt.reduce
  %loss = gpt.reduce sum %w [0] : tensor<2xf32> -> tensor<f32>
  // The written loss is without the scale, the gradient with it.
  // CHECK: %[[SEED:.*]] = gpt.read @"step:inverse_accumulation" : tensor<f32>
  // CHECK: %[[MEAN:.*]] = gpt.map(%[[LOSS]], %[[SEED]])
  // CHECK: gpt.write @"output:loss", %[[MEAN]] : tensor<f32>
  // CHECK: %[[SCALE:.*]] = gpt.read @"scaler:loss_scale" : tensor<f32>
  // CHECK: %[[SCALED:.*]] = gpt.map(%[[SEED]], %[[SCALE]])
  // CHECK: arith.mulf
  // CHECK: %[[DW:.*]] = gpt.map(%[[SCALED]]) : (tensor<f32>) -> tensor<2xf32>
  // CHECK: gpt.write @"gradient:w", %[[DW]] : tensor<2xf32>
  return %loss : tensor<f32>
}
