// RUN: gptc-opt %s --verify-roundtrip | FileCheck %s
// RUN: gptc-opt %s --mlir-print-op-generic | gptc-opt | FileCheck %s

// CHECK-LABEL: gpt.variable @"h.*.w" parameter init(<normal, 2.000000e-02, 0.000000e+00>) copies [12] decay : tensor<4x3xf32>
gpt.variable @"h.*.w" parameter init(#gpt.init<normal, 0.02, 0.0>) copies [12] decay : tensor<4x3xf32>
// CHECK: gpt.variable @w parameter init(<uniform, -1.000000e+00, 1.000000e+00>) : tensor<4xf32>
gpt.variable @w parameter init(#gpt.init<uniform, -1.0, 1.0>) : tensor<4xf32>
// CHECK: gpt.variable @running state init(<constant, 1.000000e-01, 0.000000e+00>) : tensor<4xf32>
gpt.variable @running state init(#gpt.init<constant, 0.1, 0.0>) : tensor<4xf32>
// CHECK: gpt.variable @"moment1:w" moment init(<constant, {{.*}}>) of @w : tensor<4xf32>
gpt.variable @"moment1:w" moment init(#gpt.init<constant, 0.0, 0.0>) of @w : tensor<4xf32>
// CHECK: gpt.variable @"gradient:w" gradient of @w : tensor<4xf32>
gpt.variable @"gradient:w" gradient of @w : tensor<4xf32>
// CHECK: gpt.variable @tokens input {limit = 27 : i64} : tensor<2x3xi32>
gpt.variable @tokens input {limit = 27} : tensor<2x3xi32>
// CHECK: gpt.variable @"order:tokens" input of @tokens derived "order" : tensor<6xi32>
gpt.variable @"order:tokens" input of @tokens derived "order" : tensor<6xi32>
// CHECK: gpt.variable @loss output : tensor<f32>
gpt.variable @loss output : tensor<f32>
// CHECK: gpt.variable @"step:learning_rate" step : tensor<f32>
gpt.variable @"step:learning_rate" step : tensor<f32>

// CHECK-LABEL: func.func @variables
func.func @variables() {
  // CHECK: %[[W:.+]] = gpt.read @w : tensor<4xf32>
  %0 = gpt.read @w : tensor<4xf32>
  // CHECK: gpt.write @"gradient:w", %[[W]] : tensor<4xf32>
  gpt.write @"gradient:w", %0 : tensor<4xf32>
  // CHECK: gpt.write @"gradient:w", %[[W]] accumulate : tensor<4xf32>
  gpt.write @"gradient:w", %0 accumulate : tensor<4xf32>
  return
}

// CHECK-LABEL: func.func @elementwise
// CHECK-SAME: (%[[X:.+]]: tensor<2x3xf32>, %[[B:.+]]: tensor<3xf32>, %[[KEY:.+]]: tensor<4xi32>)
func.func @elementwise(%x: tensor<2x3xf32>, %b: tensor<3xf32>, %key: tensor<4xi32>) {
  // CHECK: %{{.+}}:2 = gpt.map(%[[X]], %[[B]]) : (tensor<2x3xf32>, tensor<3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>) {
  // CHECK-NEXT: ^bb0(%[[A0:.+]]: f32, %[[A1:.+]]: f32):
  // CHECK-NEXT: %[[S:.+]] = arith.addf %[[A0]], %[[A1]] : f32
  // CHECK-NEXT: gpt.yield %[[S]], %[[A0]] : f32, f32
  %0:2 = gpt.map(%x, %b) : (tensor<2x3xf32>, tensor<3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>) {
  ^bb0(%a0: f32, %a1: f32):
    %1 = arith.addf %a0, %a1 : f32
    gpt.yield %1, %a0 : f32, f32
  }
  // CHECK: gpt.map(%[[X]]) {note = "kept"}
  %2 = gpt.map(%x) {note = "kept"} : (tensor<2x3xf32>) -> tensor<2x3xf32> {
  ^bb0(%a0: f32):
    gpt.yield %a0 : f32
  }
  // CHECK: gpt.iota : tensor<5xi32>
  %3 = gpt.iota : tensor<5xi32>
  // CHECK: gpt.random %[[KEY]] stream "h.*.mlp" : tensor<4xi32> -> tensor<2x3xf32>
  %4 = gpt.random %key stream "h.*.mlp" : tensor<4xi32> -> tensor<2x3xf32>
  // CHECK: gpt.detach %[[X]] : tensor<2x3xf32>
  %5 = gpt.detach %x : tensor<2x3xf32>
  return
}

// CHECK-LABEL: func.func @shapes
// CHECK-SAME: (%[[X:.+]]: tensor<2x3xf32>, %[[I:.+]]: tensor<2x3xi32>)
func.func @shapes(%x: tensor<2x3xf32>, %i: tensor<2x3xi32>) {
  // CHECK: gpt.reshape %[[X]] : tensor<2x3xf32> -> tensor<6x1xf32>
  %0 = gpt.reshape %x : tensor<2x3xf32> -> tensor<6x1xf32>
  // CHECK: gpt.transpose %[[I]] [1, 0] : tensor<2x3xi32> -> tensor<3x2xi32>
  %1 = gpt.transpose %i [1, 0] : tensor<2x3xi32> -> tensor<3x2xi32>
  // CHECK: gpt.split %[[X]] axis 1 : tensor<2x3xf32> -> tensor<2x1xf32>, tensor<2x2xf32>
  %2, %3 = gpt.split %x axis 1 : tensor<2x3xf32> -> tensor<2x1xf32>, tensor<2x2xf32>
  // CHECK: gpt.concat %[[X]], %[[X]] axis 0 : tensor<2x3xf32>, tensor<2x3xf32> -> tensor<4x3xf32>
  %4 = gpt.concat %x, %x axis 0 : tensor<2x3xf32>, tensor<2x3xf32> -> tensor<4x3xf32>
  // CHECK: gpt.slice %[[X]] [0, 1] [2, 2] : tensor<2x3xf32> -> tensor<2x2xf32>
  %5 = gpt.slice %x [0, 1] [2, 2] : tensor<2x3xf32> -> tensor<2x2xf32>
  // CHECK: gpt.pad %[[X]] [1, 0] [0, 2] : tensor<2x3xf32> -> tensor<3x5xf32>
  %6 = gpt.pad %x [1, 0] [0, 2] : tensor<2x3xf32> -> tensor<3x5xf32>
  return
}

// CHECK-LABEL: func.func @math
// CHECK-SAME: (%[[X:.+]]: tensor<2x3x4xf32>, %[[W:.+]]: tensor<4x5xf32>, %[[I:.+]]: tensor<2x3xi32>)
func.func @math(%x: tensor<2x3x4xf32>, %w: tensor<4x5xf32>, %i: tensor<2x3xi32>) {
  // CHECK: gpt.reduce sum %[[X]] [0, 1] : tensor<2x3x4xf32> -> tensor<4xf32>
  %0 = gpt.reduce sum %x [0, 1] : tensor<2x3x4xf32> -> tensor<4xf32>
  // CHECK: gpt.reduce max %[[X]] [] : tensor<2x3x4xf32> -> tensor<2x3x4xf32>
  %1 = gpt.reduce max %x [] : tensor<2x3x4xf32> -> tensor<2x3x4xf32>
  // CHECK: gpt.reduce min %[[X]] [0, 1, 2] : tensor<2x3x4xf32> -> tensor<f32>
  %2 = gpt.reduce min %x [0, 1, 2] : tensor<2x3x4xf32> -> tensor<f32>
  // CHECK: gpt.matmul %[[X]], %[[W]] : tensor<2x3x4xf32>, tensor<4x5xf32> -> tensor<2x3x5xf32>
  %3 = gpt.matmul %x, %w : tensor<2x3x4xf32>, tensor<4x5xf32> -> tensor<2x3x5xf32>
  // CHECK: gpt.matmul %[[X]], %[[X]] transpose_lhs : tensor<2x3x4xf32>, tensor<2x3x4xf32> -> tensor<2x4x4xf32>
  %4 = gpt.matmul %x, %x transpose_lhs : tensor<2x3x4xf32>, tensor<2x3x4xf32> -> tensor<2x4x4xf32>
  // CHECK: gpt.matmul %[[X]], %[[X]] transpose_rhs : tensor<2x3x4xf32>, tensor<2x3x4xf32> -> tensor<2x3x3xf32>
  %5 = gpt.matmul %x, %x transpose_rhs : tensor<2x3x4xf32>, tensor<2x3x4xf32> -> tensor<2x3x3xf32>
  // CHECK: gpt.embedding %[[I]], %[[W]] : tensor<2x3xi32>, tensor<4x5xf32> -> tensor<2x3x5xf32>
  %6 = gpt.embedding %i, %w : tensor<2x3xi32>, tensor<4x5xf32> -> tensor<2x3x5xf32>
  // CHECK: %[[O:.+]] = gpt.argsort %[[I]] : tensor<2x3xi32> -> tensor<6xi32>
  %7 = gpt.argsort %i : tensor<2x3xi32> -> tensor<6xi32>
  // CHECK: gpt.embedding_grad %[[I]], %[[O]], %[[X]] : tensor<2x3xi32>, tensor<6xi32>, tensor<2x3x4xf32> -> tensor<9x4xf32>
  %8 = gpt.embedding_grad %i, %7, %x : tensor<2x3xi32>, tensor<6xi32>, tensor<2x3x4xf32> -> tensor<9x4xf32>
  // CHECK: gpt.pick %[[X]], %[[I]] : tensor<2x3x4xf32>, tensor<2x3xi32> -> tensor<2x3xf32>
  %9 = gpt.pick %x, %i : tensor<2x3x4xf32>, tensor<2x3xi32> -> tensor<2x3xf32>
  return
}

// CHECK-LABEL: func.func @rows
// CHECK-SAME: (%[[X:.+]]: tensor<2x4xf32>, %[[W:.+]]: tensor<4xf32>, %[[I:.+]]: tensor<2xi32>)
func.func @rows(%x: tensor<2x4xf32>, %w: tensor<4xf32>, %i: tensor<2xi32>) {
  // CHECK: gpt.softmax %[[X]] : tensor<2x4xf32>
  %0 = gpt.softmax %x : tensor<2x4xf32>
  // CHECK: gpt.logsumexp %[[X]] : tensor<2x4xf32> -> tensor<2xf32>
  %1 = gpt.logsumexp %x : tensor<2x4xf32> -> tensor<2xf32>
  // CHECK: gpt.layer_norm %[[X]] weight %[[W]] : tensor<4xf32> bias %[[W]] : tensor<4xf32> epsilon 1.000000e-05 : tensor<2x4xf32> -> tensor<2x4xf32>, tensor<2xf32>, tensor<2xf32>
  %2:3 = gpt.layer_norm %x weight %w : tensor<4xf32> bias %w : tensor<4xf32> epsilon 1.0e-5 : tensor<2x4xf32> -> tensor<2x4xf32>, tensor<2xf32>, tensor<2xf32>
  // CHECK: gpt.layer_norm %[[X]] bias %[[W]] : tensor<4xf32> epsilon
  %3:3 = gpt.layer_norm %x bias %w : tensor<4xf32> epsilon 1.0e-5 : tensor<2x4xf32> -> tensor<2x4xf32>, tensor<2xf32>, tensor<2xf32>
  // CHECK: gpt.layer_norm %[[X]] epsilon
  %4:3 = gpt.layer_norm %x epsilon 1.0e-5 : tensor<2x4xf32> -> tensor<2x4xf32>, tensor<2xf32>, tensor<2xf32>
  // CHECK: gpt.cross_entropy %[[X]], %[[I]] : tensor<2x4xf32>, tensor<2xi32> -> tensor<f32>, tensor<2xf32>, tensor<2xf32>
  %5:3 = gpt.cross_entropy %x, %i : tensor<2x4xf32>, tensor<2xi32> -> tensor<f32>, tensor<2xf32>, tensor<2xf32>
  return
}

// CHECK-LABEL: func.func @flash_attention
// CHECK-SAME: (%[[Q:.*]]: tensor<1x4x5x3xf32>, %[[K:.*]]: tensor<1x2x5x3xf32>, %[[V:.*]]: tensor<1x2x5x6xf32>)
func.func @flash_attention(%q: tensor<1x4x5x3xf32>, %k: tensor<1x2x5x3xf32>, %v: tensor<1x2x5x6xf32>) {
  // CHECK: %[[Y:.*]], %[[L:.*]] = gpt.flash_attention %[[Q]], %[[K]], %[[V]] causal scale 5.000000e-01 : tensor<1x4x5x3xf32>, tensor<1x2x5x3xf32>, tensor<1x2x5x6xf32> -> tensor<1x4x5x6xf32>, tensor<1x4x5xf32>
  %y, %l = gpt.flash_attention %q, %k, %v causal scale 0.5 : tensor<1x4x5x3xf32>, tensor<1x2x5x3xf32>, tensor<1x2x5x6xf32> -> tensor<1x4x5x6xf32>, tensor<1x4x5xf32>
  // CHECK: gpt.flash_attention %[[Q]], %[[K]], %[[V]] scale 5.000000e-01 :
  %0, %1 = gpt.flash_attention %q, %k, %v scale 0.5 : tensor<1x4x5x3xf32>, tensor<1x2x5x3xf32>, tensor<1x2x5x6xf32> -> tensor<1x4x5x6xf32>, tensor<1x4x5xf32>
  // CHECK: gpt.flash_attention_grad %[[Q]], %[[K]], %[[V]], %[[Y]], %[[L]], %[[Y]] causal scale 5.000000e-01
  // CHECK-SAME: -> tensor<1x4x5x3xf32>, tensor<1x2x5x3xf32>, tensor<1x2x5x6xf32>
  %dq, %dk, %dv = gpt.flash_attention_grad %q, %k, %v, %y, %l, %y causal scale 0.5
      : tensor<1x4x5x3xf32>, tensor<1x2x5x3xf32>, tensor<1x2x5x6xf32>, tensor<1x4x5x6xf32>, tensor<1x4x5xf32>, tensor<1x4x5x6xf32>
      -> tensor<1x4x5x3xf32>, tensor<1x2x5x3xf32>, tensor<1x2x5x6xf32>
  return
}

// CHECK-LABEL: func.func @precision
// CHECK-SAME: (%[[X:.*]]: tensor<2x3xbf16>, %[[Y:.*]]: tensor<3x5xbf16>, %[[F:.*]]: tensor<2x2xf32>, %[[Q:.*]]: tensor<1x4x5x3xf16>, %[[G:.*]]: tensor<1x4x5x3xf32>)
func.func @precision(%x: tensor<2x3xbf16>, %y: tensor<3x5xbf16>, %f: tensor<2x2xf32>, %q: tensor<1x4x5x3xf16>, %g: tensor<1x4x5x3xf32>) {
  // CHECK: gpt.matmul %[[X]], %[[Y]] : tensor<2x3xbf16>, tensor<3x5xbf16> -> tensor<2x5xbf16>
  %0 = gpt.matmul %x, %y : tensor<2x3xbf16>, tensor<3x5xbf16> -> tensor<2x5xbf16>
  // CHECK: gpt.matmul %[[X]], %[[Y]] : tensor<2x3xbf16>, tensor<3x5xbf16> -> tensor<2x5xf32>
  %1 = gpt.matmul %x, %y : tensor<2x3xbf16>, tensor<3x5xbf16> -> tensor<2x5xf32>
  // CHECK: gpt.matmul %[[F]], %[[F]] transpose_rhs tf32 : tensor<2x2xf32>
  %2 = gpt.matmul %f, %f transpose_rhs tf32 : tensor<2x2xf32>, tensor<2x2xf32> -> tensor<2x2xf32>
  // CHECK: %[[O:.*]], %[[L:.*]] = gpt.flash_attention %[[Q]], %[[Q]], %[[Q]] scale 1.000000e+00 : tensor<1x4x5x3xf16>, tensor<1x4x5x3xf16>, tensor<1x4x5x3xf16> -> tensor<1x4x5x3xf16>, tensor<1x4x5xf32>
  %o, %l = gpt.flash_attention %q, %q, %q scale 1.0 : tensor<1x4x5x3xf16>, tensor<1x4x5x3xf16>, tensor<1x4x5x3xf16> -> tensor<1x4x5x3xf16>, tensor<1x4x5xf32>
  // CHECK: gpt.flash_attention_grad %[[Q]], %[[Q]], %[[Q]], %[[O]], %[[L]], %[[O]] scale 1.000000e+00
  %dq, %dk, %dv = gpt.flash_attention_grad %q, %q, %q, %o, %l, %o scale 1.0
      : tensor<1x4x5x3xf16>, tensor<1x4x5x3xf16>, tensor<1x4x5x3xf16>, tensor<1x4x5x3xf16>, tensor<1x4x5xf32>, tensor<1x4x5x3xf16>
      -> tensor<1x4x5x3xf16>, tensor<1x4x5x3xf16>, tensor<1x4x5x3xf16>
  // CHECK: gpt.flash_attention %[[G]], %[[G]], %[[G]] causal scale 1.000000e+00 tf32 :
  %3, %4 = gpt.flash_attention %g, %g, %g causal scale 1.0 tf32 : tensor<1x4x5x3xf32>, tensor<1x4x5x3xf32>, tensor<1x4x5x3xf32> -> tensor<1x4x5x3xf32>, tensor<1x4x5xf32>
  return
}

// CHECK-LABEL: func.func @attention
// CHECK-SAME: (%[[Q:.+]]: tensor<1x4x5x3xf32>, %[[K:.+]]: tensor<1x2x5x3xf32>, %[[V:.+]]: tensor<1x2x5x6xf32>)
func.func @attention(%q: tensor<1x4x5x3xf32>, %k: tensor<1x2x5x3xf32>, %v: tensor<1x2x5x6xf32>) {
  // CHECK: gpt.attention %[[Q]], %[[K]], %[[V]] scale 5.000000e-01 : tensor<1x4x5x3xf32>, tensor<1x2x5x3xf32>, tensor<1x2x5x6xf32> -> tensor<1x4x5x6xf32>
  %0 = gpt.attention %q, %k, %v scale 0.5 : tensor<1x4x5x3xf32>, tensor<1x2x5x3xf32>, tensor<1x2x5x6xf32> -> tensor<1x4x5x6xf32>
  // CHECK: gpt.attention %[[Q]], %[[K]], %[[V]] causal scale
  %1 = gpt.attention %q, %k, %v causal scale 0.5 : tensor<1x4x5x3xf32>, tensor<1x2x5x3xf32>, tensor<1x2x5x6xf32> -> tensor<1x4x5x6xf32>
  // CHECK: gpt.attention %[[Q]], %[[K]], %[[V]] causal window 2 scale
  %2 = gpt.attention %q, %k, %v causal window 2 scale 0.5 : tensor<1x4x5x3xf32>, tensor<1x2x5x3xf32>, tensor<1x2x5x6xf32> -> tensor<1x4x5x6xf32>
  return
}

// CHECK-LABEL: func.func @optimizer
// CHECK-SAME: (%[[P:.+]]: tensor<4xf32>, %[[S:.+]]: tensor<f32>)
func.func @optimizer(%p: tensor<4xf32>, %s: tensor<f32>) {
  // CHECK: gpt.global_norm %[[P]], %[[S]] : tensor<4xf32>, tensor<f32> -> tensor<f32>
  %0 = gpt.global_norm %p, %s : tensor<4xf32>, tensor<f32> -> tensor<f32>
  // CHECK: gpt.adamw %[[P]], %[[P]], %[[P]], %[[P]] rate %[[S]] clip %[[S]] betas %[[S]], %[[S]] corrections %[[S]], %[[S]] epsilon %[[S]] decay %[[S]] decayed : tensor<4xf32> scalars tensor<f32>
  %1:3 = gpt.adamw %p, %p, %p, %p rate %s clip %s betas %s, %s corrections %s, %s epsilon %s decay %s decayed : tensor<4xf32> scalars tensor<f32>
  // CHECK: decay %[[S]] : tensor<4xf32> scalars tensor<f32>
  %2:3 = gpt.adamw %p, %p, %p, %p rate %s clip %s betas %s, %s corrections %s, %s epsilon %s decay %s : tensor<4xf32> scalars tensor<f32>
  return
}

// CHECK-LABEL: func.func @structure
// CHECK-SAME: (%[[X:.+]]: tensor<2x4xf32>)
func.func @structure(%x: tensor<2x4xf32>) {
  // CHECK: gpt.repeat 12 iter(%[[X]]) : (tensor<2x4xf32>) -> tensor<2x4xf32> {
  // CHECK-NEXT: ^bb0(%[[A:.+]]: tensor<2x4xf32>):
  // CHECK-NEXT: %[[B:.+]] = gpt.softmax %[[A]] : tensor<2x4xf32>
  // CHECK-NEXT: gpt.yield %[[B]] : tensor<2x4xf32>
  %0 = gpt.repeat 12 iter(%x) : (tensor<2x4xf32>) -> tensor<2x4xf32> {
  ^bb0(%a: tensor<2x4xf32>):
    %1 = gpt.softmax %a : tensor<2x4xf32>
    gpt.yield %1 : tensor<2x4xf32>
  }
  // CHECK: gpt.repeat 0 iter() : () -> () {
  // CHECK-NEXT: gpt.yield{{$}}
  gpt.repeat 0 iter() : () -> () {
    gpt.yield
  }
  // CHECK: gpt.fused(%[[X]]) : (tensor<2x4xf32>) -> tensor<2xf32> {
  // CHECK-NEXT: ^bb0(%[[C:.+]]: tensor<2x4xf32>):
  // CHECK: gpt.yield %{{.+}} : tensor<2xf32>
  %2 = gpt.fused(%x) : (tensor<2x4xf32>) -> tensor<2xf32> {
  ^bb0(%a: tensor<2x4xf32>):
    %3 = gpt.reduce sum %a [1] : tensor<2x4xf32> -> tensor<2xf32>
    gpt.yield %3 : tensor<2xf32>
  }
  return
}

// Other float types are real tensors too.
// CHECK-LABEL: func.func @types
func.func @types(%x: tensor<2x4xbf16>, %y: tensor<f64>) {
  // CHECK: gpt.softmax %{{.+}} : tensor<2x4xbf16>
  %0 = gpt.softmax %x : tensor<2x4xbf16>
  // CHECK: gpt.reshape %{{.+}} : tensor<f64> -> tensor<1x1xf64>
  %1 = gpt.reshape %y : tensor<f64> -> tensor<1x1xf64>
  return
}
