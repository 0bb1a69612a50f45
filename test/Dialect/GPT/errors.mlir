// RUN: gptc-opt %s --split-input-file --verify-diagnostics

// One case for each labelled constraint, and for those that types and traits make.

// V1: a parameter starts somewhere.
// expected-error@+1 {{requires an initialiser}}
gpt.variable @w parameter : tensor<4xf32>

// -----

// V1: an input does not.
// expected-error@+1 {{does not take an initialiser}}
gpt.variable @x input init(#gpt.init<constant, 0.0, 0.0>) : tensor<4xf32>

// -----

// V2.
// expected-error@+1 {{requires kind parameter to decay}}
gpt.variable @m moment init(#gpt.init<constant, 0.0, 0.0>) decay : tensor<4xf32>

// -----

// V3.
// expected-error@+1 {{requires one count for each * in its name, found 0}}
gpt.variable @"h.*.w" gradient : tensor<4xf32>

// -----

// V4.
// expected-error@+1 {{requires a padded size for each axis, at least its own, found array<i64: 8, 3>}}
gpt.variable @w gradient {padded = array<i64: 8, 3>} : tensor<4x4xf32>

// -----

// V4.
// expected-error@+1 {{requires a padded size for each axis, at least its own, found array<i64: 8>}}
gpt.variable @w gradient {padded = array<i64: 8>} : tensor<4x4xf32>

// -----

// an initialiser's distribution.
// expected-error@+1 {{unknown initialiser 'cauchy'}}
gpt.variable @w parameter init(#gpt.init<cauchy, 0.0, 0.0>) : tensor<4xf32>

// -----

// R1: no variable.
func.func @f() {
  // expected-error@+1 {{requires a variable, found none named @w}}
  %0 = gpt.read @w : tensor<4xf32>
  return
}

// -----

// R1: another type.
// expected-note@+1 {{the variable is declared here}}
gpt.variable @w gradient : tensor<4xf32>
func.func @f() {
  // expected-error@+1 {{requires the variable's type 'tensor<4xf32>', found 'tensor<5xf32>'}}
  %0 = gpt.read @w : tensor<5xf32>
  return
}

// -----

// R1: a symbol of another kind.
func.func @f() {
  // expected-error@+1 {{requires a variable, found none named @f}}
  %0 = gpt.read @f : tensor<4xf32>
  return
}

// -----

// W1.
// expected-note@+1 {{the variable is declared here}}
gpt.variable @w gradient : tensor<4xf32>
func.func @f(%x: tensor<4xi32>) {
  // expected-error@+1 {{requires the variable's type 'tensor<4xf32>', found 'tensor<4xi32>'}}
  gpt.write @w, %x : tensor<4xi32>
  return
}

// -----

// W2.
gpt.variable @x input : tensor<4xf32>
func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{does not write variables of kind input}}
  gpt.write @x, %x : tensor<4xf32>
  return
}

// -----

// W2.
gpt.variable @"step:rate" step : tensor<f32>
func.func @f(%x: tensor<f32>) {
  // expected-error@+1 {{does not write variables of kind step}}
  gpt.write @"step:rate", %x : tensor<f32>
  return
}

// -----

// M1: a result.
func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{requires a result}}
  gpt.map(%x) : (tensor<4xf32>) -> () {
  ^bb0(%a: f32):
    gpt.yield
  }
  return
}

// -----

// M1: one shape.
func.func @f(%x: tensor<1xf32>) {
  // expected-error@+1 {{requires results of one shape, found 'tensor<4xf32>' and 'tensor<5xf32>'}}
  %0:2 = gpt.map(%x) : (tensor<1xf32>) -> (tensor<4xf32>, tensor<5xf32>) {
  ^bb0(%a: f32):
    gpt.yield %a, %a : f32, f32
  }
  return
}

// -----

// M2: a size that is neither 1 nor the result's.
func.func @f(%x: tensor<3xf32>) {
  // expected-error@+1 {{requires operands that stretch to 'tensor<4x6xf32>', found 'tensor<3xf32>'}}
  %0 = gpt.map(%x) : (tensor<3xf32>) -> tensor<4x6xf32> {
  ^bb0(%a: f32):
    gpt.yield %a : f32
  }
  return
}

// -----

// M2: more axes.
func.func @f(%x: tensor<1x4xf32>) {
  // expected-error@+1 {{requires operands that stretch to 'tensor<4xf32>', found 'tensor<1x4xf32>'}}
  %0 = gpt.map(%x) : (tensor<1x4xf32>) -> tensor<4xf32> {
  ^bb0(%a: f32):
    gpt.yield %a : f32
  }
  return
}

// -----

// M3.
func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{requires region arguments of types 'f32', found 'i32'}}
  %0 = gpt.map(%x) : (tensor<4xf32>) -> tensor<4xi32> {
  ^bb0(%a: i32):
    gpt.yield %a : i32
  }
  return
}

// -----

// M4.
func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{requires a yield of types 'i32'}}
  %0 = gpt.map(%x) : (tensor<4xf32>) -> tensor<4xi32> {
  ^bb0(%a: f32):
    gpt.yield %a : f32
  }
  return
}

// -----

// M5.
func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{requires arith and math operations in its region}}
  %0 = gpt.map(%x) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: f32):
    // expected-note@+1 {{found gpt.iota}}
    %1 = gpt.iota : tensor<3xi32>
    gpt.yield %a : f32
  }
  return
}

// -----

// a map sees nothing from above.
func.func @f(%x: tensor<4xf32>) {
  %c = arith.constant 1.0 : f32
  // expected-note@+1 {{required by region isolation constraints}}
  %0 = gpt.map(%x) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: f32):
    // expected-error@+1 {{using value defined outside the region}}
    %1 = arith.addf %a, %c : f32
    gpt.yield %1 : f32
  }
  return
}

// -----

// tensors have static shapes.
func.func @f(%x: tensor<?xf32>) {
  // expected-error@+1 {{operand #0 must be}}
  %0 = gpt.softmax %x : tensor<?xf32>
  return
}

// -----

// real operations take real numbers.
func.func @f(%x: tensor<4xi32>) {
  // expected-error@+1 {{operand #0 must be}}
  %0 = gpt.softmax %x : tensor<4xi32>
  return
}

// -----

// I1.
func.func @f() {
  // expected-error@+1 {{requires a result with one axis, found 'tensor<2x3xi32>'}}
  %0 = gpt.iota : tensor<2x3xi32>
  return
}

// -----

// N1.
func.func @f(%k: tensor<2xi32>) {
  // expected-error@+1 {{requires a key of four words, found 'tensor<2xi32>'}}
  %0 = gpt.random %k stream "x" : tensor<2xi32> -> tensor<4xf32>
  return
}

// -----

// S1: the number of elements.
func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{requires as many elements of the same type, found 'tensor<4xf32>' and 'tensor<5xf32>'}}
  %0 = gpt.reshape %x : tensor<4xf32> -> tensor<5xf32>
  return
}

// -----

// S1: the element type.
func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{requires as many elements of the same type, found 'tensor<4xf32>' and 'tensor<4xi32>'}}
  %0 = gpt.reshape %x : tensor<4xf32> -> tensor<4xi32>
  return
}

// -----

// T1: an axis twice.
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{requires a permutation of 2 axes, found [0, 0]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = gpt.transpose %x [0, 0] : tensor<2x3xf32> -> tensor<2x2xf32>
  return
}

// -----

// T1: too few axes.
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{requires a permutation of 2 axes, found [0]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = gpt.transpose %x [0] : tensor<2x3xf32> -> tensor<2xf32>
  return
}

// -----

// the result's type follows from the operands.
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{inferred type(s) 'tensor<3x2xf32>' are incompatible with return type(s) of operation 'tensor<2x3xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = gpt.transpose %x [1, 0] : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

// -----

// P1: the axis.
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{requires an axis below 2, found 2}}
  %0 = gpt.split %x axis 2 : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

// -----

// P1: other axes agree.
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{requires pieces that agree with 'tensor<2x3xf32>' but for axis 1, found 'tensor<1x2xf32>'}}
  %0:2 = gpt.split %x axis 1 : tensor<2x3xf32> -> tensor<2x1xf32>, tensor<1x2xf32>
  return
}

// -----

// P1: the sizes add up.
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{requires pieces of 3 in all, found 2}}
  %0:2 = gpt.split %x axis 1 : tensor<2x3xf32> -> tensor<2x1xf32>, tensor<2x1xf32>
  return
}

// -----

// C1: other axes agree.
func.func @f(%x: tensor<2x3xf32>, %y: tensor<3x3xf32>) {
  // expected-error@+2 {{requires inputs that agree but for axis 1, found 'tensor<2x3xf32>' and 'tensor<3x3xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = gpt.concat %x, %y axis 1 : tensor<2x3xf32>, tensor<3x3xf32> -> tensor<2x6xf32>
  return
}

// -----

// C1: the axis.
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{requires an axis below 2, found -1}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = gpt.concat %x, %x axis -1 : tensor<2x3xf32>, tensor<2x3xf32> -> tensor<2x6xf32>
  return
}

// -----

// C1: an input.
func.func @f() {
  // expected-error@+2 {{requires at least one input}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = "gpt.concat"() <{axis = 0 : i64}> : () -> tensor<2x6xf32>
  return
}

// -----

// L1.
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{requires a part of 'tensor<2x3xf32>', found offsets [0, 2] and sizes [2, 2]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = gpt.slice %x [0, 2] [2, 2] : tensor<2x3xf32> -> tensor<2x2xf32>
  return
}

// -----

// D1.
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{requires 2 paddings of at least 0 on each side, found [0, -1] and [0, 0]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = gpt.pad %x [0, -1] [0, 0] : tensor<2x3xf32> -> tensor<2x2xf32>
  return
}

// -----

// E1: ascending.
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{requires ascending axes below 2, found [1, 0]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = gpt.reduce sum %x [1, 0] : tensor<2x3xf32> -> tensor<f32>
  return
}

// -----

// E1: axes of the input.
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{requires ascending axes below 2, found [2]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = gpt.reduce sum %x [2] : tensor<2x3xf32> -> tensor<2xf32>
  return
}

// -----

// X1.
func.func @f(%x: tensor<3xf32>, %y: tensor<3x4xf32>) {
  // expected-error@+2 {{requires operands with two axes or more, found 'tensor<3xf32>' and 'tensor<3x4xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = gpt.matmul %x, %y : tensor<3xf32>, tensor<3x4xf32> -> tensor<4xf32>
  return
}

// -----

// X2: leading axes.
func.func @f(%x: tensor<2x3x4xf32>, %y: tensor<5x4x3xf32>) {
  // expected-error@+2 {{requires leading axes that agree, found 'tensor<2x3x4xf32>' and 'tensor<5x4x3xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = gpt.matmul %x, %y : tensor<2x3x4xf32>, tensor<5x4x3xf32> -> tensor<2x3x3xf32>
  return
}

// -----

// X2: one matrix for all of a transposed lhs.
func.func @f(%x: tensor<2x3x4xf32>, %y: tensor<3x5xf32>) {
  // expected-error@+2 {{requires leading axes that agree, found 'tensor<2x3x4xf32>' (transposed) and 'tensor<3x5xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = gpt.matmul %x, %y transpose_lhs : tensor<2x3x4xf32>, tensor<3x5xf32> -> tensor<2x4x5xf32>
  return
}

// -----

// X3.
func.func @f(%x: tensor<2x3xf32>, %y: tensor<4x5xf32>) {
  // expected-error@+2 {{requires a common contracted size, found 3 and 4 in 'tensor<2x3xf32>' and 'tensor<4x5xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = gpt.matmul %x, %y : tensor<2x3xf32>, tensor<4x5xf32> -> tensor<2x5xf32>
  return
}

// -----

// B1.
func.func @f(%i: tensor<2xi32>, %t: tensor<4xf32>) {
  // expected-error@+2 {{requires a table with two axes, found 'tensor<4xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = gpt.embedding %i, %t : tensor<2xi32>, tensor<4xf32> -> tensor<2x4xf32>
  return
}

// -----

// O1.
func.func @f(%i: tensor<2x3xi32>) {
  // expected-error@+1 {{requires a result with one axis of 6, found 'tensor<2x3xi32>'}}
  %0 = gpt.argsort %i : tensor<2x3xi32> -> tensor<2x3xi32>
  return
}

// -----

// G1.
func.func @f(%i: tensor<2xi32>, %d: tensor<2x3xf32>) {
  // expected-error@+1 {{requires an adjoint with a row for each index and the result's width, found 'tensor<2x3xf32>' for 'tensor<2xi32>' and 'tensor<4x5xf32>'}}
  %0 = gpt.embedding_grad %i, %i, %d : tensor<2xi32>, tensor<2xi32>, tensor<2x3xf32> -> tensor<4x5xf32>
  return
}

// -----

// G2.
func.func @f(%i: tensor<2xi32>, %o: tensor<3xi32>, %d: tensor<2x5xf32>) {
  // expected-error@+1 {{requires an order of 2 elements, found 'tensor<3xi32>'}}
  %0 = gpt.embedding_grad %i, %o, %d : tensor<2xi32>, tensor<3xi32>, tensor<2x5xf32> -> tensor<4x5xf32>
  return
}

// -----

// K1.
func.func @f(%x: tensor<2x3xf32>, %i: tensor<3xi32>) {
  // expected-error@+2 {{requires an index for each row, found 'tensor<2x3xf32>' and 'tensor<3xi32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = gpt.pick %x, %i : tensor<2x3xf32>, tensor<3xi32> -> tensor<2xf32>
  return
}

// -----

// Z1.
func.func @f(%x: tensor<f32>) {
  // expected-error@+1 {{requires a last axis, found a scalar}}
  %0 = gpt.softmax %x : tensor<f32>
  return
}

// -----

// Z2.
func.func @f(%x: tensor<f32>) {
  // expected-error@+2 {{requires a last axis, found a scalar}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = gpt.logsumexp %x : tensor<f32> -> tensor<f32>
  return
}

// -----

// Y1.
func.func @f(%x: tensor<2x3xf32>, %w: tensor<2xf32>) {
  // expected-error@+2 {{requires weight and bias of type 'tensor<3xf32>', found 'tensor<2xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0:3 = gpt.layer_norm %x weight %w : tensor<2xf32> epsilon 1.0e-5 : tensor<2x3xf32> -> tensor<2x3xf32>, tensor<2xf32>, tensor<2xf32>
  return
}

// -----

// Y1: the input has a last axis.
func.func @f(%x: tensor<f32>) {
  // expected-error@+2 {{requires a last axis, found a scalar}}
  // expected-error@+1 {{failed to infer returned types}}
  %0:3 = gpt.layer_norm %x epsilon 1.0e-5 : tensor<f32> -> tensor<f32>, tensor<f32>, tensor<f32>
  return
}

// -----

// H1.
func.func @f(%x: tensor<2x3xf32>, %t: tensor<2x3xi32>) {
  // expected-error@+2 {{requires a target for each row of the logits, found 'tensor<2x3xf32>' and 'tensor<2x3xi32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0:3 = gpt.cross_entropy %x, %t : tensor<2x3xf32>, tensor<2x3xi32> -> tensor<f32>, tensor<2xf32>, tensor<2xf32>
  return
}

// -----

// A1: four axes.
func.func @f(%q: tensor<2x4x5xf32>, %k: tensor<1x2x4x5xf32>) {
  // expected-error@+2 {{requires query, key and value of four axes and one batch size, found 'tensor<2x4x5xf32>', 'tensor<1x2x4x5xf32>' and 'tensor<1x2x4x5xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = gpt.attention %q, %k, %k scale 1.0 : tensor<2x4x5xf32>, tensor<1x2x4x5xf32>, tensor<1x2x4x5xf32> -> tensor<2x4x5xf32>
  return
}

// -----

// A1: one batch size.
func.func @f(%q: tensor<2x2x4x5xf32>, %k: tensor<1x2x4x5xf32>) {
  // expected-error@+2 {{requires query, key and value of four axes and one batch size}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = gpt.attention %q, %k, %k scale 1.0 : tensor<2x2x4x5xf32>, tensor<1x2x4x5xf32>, tensor<1x2x4x5xf32> -> tensor<2x2x4x5xf32>
  return
}

// -----

// A2: key and value.
func.func @f(%q: tensor<1x2x4x5xf32>, %k: tensor<1x2x4x5xf32>, %v: tensor<1x2x3x5xf32>) {
  // expected-error@+2 {{requires groups of keys and values that divide the heads}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = gpt.attention %q, %k, %v scale 1.0 : tensor<1x2x4x5xf32>, tensor<1x2x4x5xf32>, tensor<1x2x3x5xf32> -> tensor<1x2x4x5xf32>
  return
}

// -----

// A2: groups.
func.func @f(%q: tensor<1x3x4x5xf32>, %k: tensor<1x2x4x5xf32>) {
  // expected-error@+2 {{requires groups of keys and values that divide the heads, found 'tensor<1x3x4x5xf32>', 'tensor<1x2x4x5xf32>' and 'tensor<1x2x4x5xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = gpt.attention %q, %k, %k scale 1.0 : tensor<1x3x4x5xf32>, tensor<1x2x4x5xf32>, tensor<1x2x4x5xf32> -> tensor<1x3x4x5xf32>
  return
}

// -----

// A3.
func.func @f(%q: tensor<1x2x4x6xf32>, %k: tensor<1x2x4x5xf32>) {
  // expected-error@+2 {{requires heads of one size, found 'tensor<1x2x4x6xf32>' and 'tensor<1x2x4x5xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = gpt.attention %q, %k, %k scale 1.0 : tensor<1x2x4x6xf32>, tensor<1x2x4x5xf32>, tensor<1x2x4x5xf32> -> tensor<1x2x4x5xf32>
  return
}

// -----

// A4: causal.
func.func @f(%q: tensor<1x2x3x5xf32>, %k: tensor<1x2x4x5xf32>) {
  // expected-error@+2 {{requires as many keys as queries under a causal mask, and a positive window only with one}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = gpt.attention %q, %k, %k causal scale 1.0 : tensor<1x2x3x5xf32>, tensor<1x2x4x5xf32>, tensor<1x2x4x5xf32> -> tensor<1x2x3x5xf32>
  return
}

// -----

// X4: operands of two types.
func.func @matmul_types(%x: tensor<2x3xf32>, %y: tensor<3x5xbf16>) {
  // expected-error @+2 {{requires operands of one element type, found 'tensor<2x3xf32>' and 'tensor<3x5xbf16>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = gpt.matmul %x, %y : tensor<2x3xf32>, tensor<3x5xbf16> -> tensor<2x5xf32>
  return
}

// -----

// X4: a result that is neither the operands' type nor float32.
func.func @matmul_result(%x: tensor<2x3xbf16>, %y: tensor<3x5xbf16>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{inferred type(s) 'tensor<2x5xbf16>' are incompatible with return type(s) of operation 'tensor<2x5xf16>'}}
  %0 = gpt.matmul %x, %y : tensor<2x3xbf16>, tensor<3x5xbf16> -> tensor<2x5xf16>
  return
}

// -----

// X5.
func.func @matmul_tf32(%x: tensor<2x3xbf16>, %y: tensor<3x5xbf16>) {
  // expected-error @+1 {{requires float32 operands for tf32, found 'tensor<2x3xbf16>'}}
  %0 = gpt.matmul %x, %y tf32 : tensor<2x3xbf16>, tensor<3x5xbf16> -> tensor<2x5xf32>
  return
}

// -----

// A7.
func.func @flash_attention_types(%q: tensor<1x2x3x5xf32>, %k: tensor<1x2x3x5xf16>) {
  // expected-error @+2 {{requires operands of one element type, found 'tensor<1x2x3x5xf32>', 'tensor<1x2x3x5xf16>' and 'tensor<1x2x3x5xf16>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0, %1 = gpt.flash_attention %q, %k, %k scale 1.0 : tensor<1x2x3x5xf32>, tensor<1x2x3x5xf16>, tensor<1x2x3x5xf16> -> tensor<1x2x3x5xf32>, tensor<1x2x3xf32>
  return
}

// -----

// A8.
func.func @flash_attention_tf32(%q: tensor<1x2x3x5xf16>) {
  // expected-error @+1 {{requires float32 operands for tf32, found 'tensor<1x2x3x5xf16>'}}
  %0, %1 = gpt.flash_attention %q, %q, %q scale 1.0 tf32 : tensor<1x2x3x5xf16>, tensor<1x2x3x5xf16>, tensor<1x2x3x5xf16> -> tensor<1x2x3x5xf16>, tensor<1x2x3xf32>
  return
}

// -----

// A4 of flash attention.
func.func @f(%q: tensor<1x2x3x5xf32>, %k: tensor<1x2x4x5xf32>) {
  // expected-error@+2 {{requires as many keys as queries under a causal mask}}
  // expected-error@+1 {{failed to infer returned types}}
  %0, %1 = gpt.flash_attention %q, %k, %k causal scale 1.0 : tensor<1x2x3x5xf32>, tensor<1x2x4x5xf32>, tensor<1x2x4x5xf32> -> tensor<1x2x3x5xf32>, tensor<1x2x3xf32>
  return
}

// -----

// A5.
func.func @f(%q: tensor<1x2x3x5xf32>, %k: tensor<1x2x0x5xf32>) {
  // expected-error@+2 {{requires a key, found 'tensor<1x2x0x5xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0, %1 = gpt.flash_attention %q, %k, %k scale 1.0 : tensor<1x2x3x5xf32>, tensor<1x2x0x5xf32>, tensor<1x2x0x5xf32> -> tensor<1x2x3x5xf32>, tensor<1x2x3xf32>
  return
}

// -----

// A6.
func.func @f(%q: tensor<1x2x3x5xf32>, %l: tensor<1x2x4xf32>) {
  // expected-error@+2 {{requires output, log-sum-exp and gradient of types 'tensor<1x2x3x5xf32>', 'tensor<1x2x3xf32>' and 'tensor<1x2x3x5xf32>', found 'tensor<1x2x3x5xf32>', 'tensor<1x2x4xf32>' and 'tensor<1x2x3x5xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0, %1, %2 = gpt.flash_attention_grad %q, %q, %q, %q, %l, %q scale 1.0 : tensor<1x2x3x5xf32>, tensor<1x2x3x5xf32>, tensor<1x2x3x5xf32>, tensor<1x2x3x5xf32>, tensor<1x2x4xf32>, tensor<1x2x3x5xf32> -> tensor<1x2x3x5xf32>, tensor<1x2x3x5xf32>, tensor<1x2x3x5xf32>
  return
}

// -----

// A4: a window without causal.
func.func @f(%q: tensor<1x2x4x5xf32>) {
  // expected-error@+2 {{requires as many keys as queries under a causal mask, and a positive window only with one}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = gpt.attention %q, %q, %q window 2 scale 1.0 : tensor<1x2x4x5xf32>, tensor<1x2x4x5xf32>, tensor<1x2x4x5xf32> -> tensor<1x2x4x5xf32>
  return
}

// -----

// A4: a window of 0.
func.func @f(%q: tensor<1x2x4x5xf32>) {
  // expected-error@+2 {{requires as many keys as queries under a causal mask, and a positive window only with one}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = gpt.attention %q, %q, %q causal window 0 scale 1.0 : tensor<1x2x4x5xf32>, tensor<1x2x4x5xf32>, tensor<1x2x4x5xf32> -> tensor<1x2x4x5xf32>
  return
}

// -----

// J1.
func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{requires a scalar result, found 'tensor<1xf32>'}}
  %0 = gpt.global_norm %x : tensor<4xf32> -> tensor<1xf32>
  return
}

// -----

// J2.
func.func @f() {
  // expected-error@+1 {{requires an operand}}
  %0 = "gpt.global_norm"() : () -> tensor<f32>
  return
}

// -----

// F1.
func.func @f(%p: tensor<4xf32>, %g: tensor<5xf32>, %s: tensor<f32>) {
  // expected-error@+1 {{failed to verify that all of {parameter, gradient, first, second, new_parameter, new_first, new_second} have same type}}
  %0:3 = "gpt.adamw"(%p, %g, %p, %p, %s, %s, %s, %s, %s, %s, %s, %s) : (tensor<4xf32>, tensor<5xf32>, tensor<4xf32>, tensor<4xf32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
  return
}

// -----

// F2.
func.func @f(%p: tensor<4xf32>, %s: tensor<1xf32>) {
  // expected-error@+1 {{requires scalars, found 'tensor<1xf32>'}}
  %0:3 = gpt.adamw %p, %p, %p, %p rate %s clip %s betas %s, %s corrections %s, %s epsilon %s decay %s : tensor<4xf32> scalars tensor<1xf32>
  return
}

// -----

// Q1.
func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{requires arguments, yielded values and results of types 'tensor<4xf32>'}}
  %0 = gpt.repeat 2 iter(%x) : (tensor<4xf32>) -> tensor<5xf32> {
  ^bb0(%a: tensor<4xf32>):
    gpt.yield %a : tensor<4xf32>
  }
  return
}

// -----

// Q2.
func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{requires a count of at least 0, found -1}}
  %0 = gpt.repeat -1 iter(%x) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    gpt.yield %a : tensor<4xf32>
  }
  return
}

// -----

// U1.
func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{requires region arguments and yielded values of the operands' and results' types}}
  %0 = gpt.fused(%x) : (tensor<4xf32>) -> tensor<5xf32> {
  ^bb0(%a: tensor<4xf32>):
    gpt.yield %a : tensor<4xf32>
  }
  return
}
