// RUN: gptc-opt %s --split-input-file --verify-diagnostics --gpt-derive-entries

// expected-error @below {{requires the attribute gpt.output on result 1 of entry @evaluate}}
func.func @evaluate() -> (tensor<f32> {gpt.output = "loss"}, tensor<f32>) {
  %c = arith.constant dense<0.0> : tensor<f32>
  return %c, %c : tensor<f32>, tensor<f32>
}

// -----

// expected-note @below {{the name is taken here}}
gpt.variable @"output:loss" output : tensor<2xf32>
func.func @evaluate() -> (tensor<f32> {gpt.output = "loss"}) {
  %c = arith.constant dense<0.0> : tensor<f32>
  // expected-error @below {{requires @output:loss for a variable of kind output and type 'tensor<f32>'}}
  return %c : tensor<f32>
}
