// RUN: gptc-opt %s --split-input-file --verify-diagnostics --gpt-differentiate

// expected-error @below {{requires a function @train}}
module {
}

// -----

// expected-error @below {{requires @train to take nothing and return the loss, a real scalar, found '() -> tensor<2xf32>'}}
func.func @train() -> tensor<2xf32> {
  %c = arith.constant dense<0.0> : tensor<2xf32>
  return %c : tensor<2xf32>
}

// -----

gpt.variable @"h.*.w" parameter init(<constant, 0.0, 0.0>) copies [2] : tensor<f32>
func.func @train() -> tensor<f32> {
  %c = arith.constant dense<0.0> : tensor<f32>
  // expected-error @below {{'gpt.repeat' op is not differentiated: expand repeats first}}
  %y = gpt.repeat 2 iter(%c) : (tensor<f32>) -> tensor<f32> {
  ^bb0(%a: tensor<f32>):
    gpt.yield %a : tensor<f32>
  }
  return %y : tensor<f32>
}

// -----

// expected-note @below {{the parameter is declared here}}
gpt.variable @q parameter init(<constant, 0.0, 0.0>) : tensor<1x2x3x4xf32>
func.func @train() -> tensor<f32> {
  %q = gpt.read @q : tensor<1x2x3x4xf32>
  // expected-error @below {{'gpt.attention' op has no gradient, but lies between parameter @q and the loss}}
  // expected-note @below {{it can be decomposed first}}
  %y = gpt.attention %q, %q, %q causal scale 0.5 : tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32> -> tensor<1x2x3x4xf32>
  %loss = gpt.reduce sum %y [0, 1, 2, 3] : tensor<1x2x3x4xf32> -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// Beside the path to the loss it may stand.
gpt.variable @q parameter init(<constant, 0.0, 0.0>) : tensor<1x2x3x4xf32>
func.func @train() -> tensor<f32> {
  %q = gpt.read @q : tensor<1x2x3x4xf32>
  %y = gpt.attention %q, %q, %q causal scale 0.5 : tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32> -> tensor<1x2x3x4xf32>
  %loss = gpt.reduce sum %q [0, 1, 2, 3] : tensor<1x2x3x4xf32> -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// expected-note @below {{the parameter is declared here}}
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<f32>
func.func @train() -> tensor<f32> {
  %w = gpt.read @w : tensor<f32>
  %loss = gpt.map(%w) : (tensor<f32>) -> tensor<f32> {
  ^bb0(%a: f32):
    %0 = math.exp %a : f32
    // expected-error @below {{'math.clampf' op has no gradient, but lies between parameter @w and the loss}}
    %1 = math.clampf %0 to [%a, %a] : f32
    gpt.yield %1 : f32
  }
  return %loss : tensor<f32>
}

// -----

gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<2xf32>
// expected-note @below {{the name is taken here}}
gpt.variable @"output:loss" output : tensor<2xf32>
func.func @train() -> tensor<f32> {
  %w = gpt.read @w : tensor<2xf32>
  %loss = gpt.reduce sum %w [0] : tensor<2xf32> -> tensor<f32>
  // expected-error @below {{requires @output:loss for a variable of kind output and type 'tensor<f32>'}}
  return %loss : tensor<f32>
}
