// RUN: gptc-opt %s --gpt-rematerialize --split-input-file | FileCheck %s
// RUN: gptc-opt %s --gpt-rematerialize --split-input-file --remarks-filter='gpt-rematerialize' --remark-policy=all -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: gptc-opt %s --gpt-rematerialize --gpt-form-kernels --split-input-file | FileCheck %s --check-prefix=KERNELS

// The activation is idle while the wide product is there, and its input is kept for the last map anyway:
// it is computed again before the product that reads it, through the reshape that stood before, and by the
// kernel of the last map.
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<4x4xf32>
gpt.variable @e parameter init(<constant, 0.0, 0.0>) : tensor<400x4xf32>

// REMARK: remark: [Passed] Rematerialized | Category:gpt-rematerialize | Function=activation | bytes=128, price=
// CHECK-LABEL: func.func @activation
// CHECK: %[[H:.*]] = gpt.matmul
// CHECK: %[[A:.*]] = gpt.map(%[[H]])
// CHECK-NOT: gpt.rematerialized
// CHECK-NOT: gpt.reshape
// CHECK: gpt.matmul %[[A]]
// CHECK: %[[Z:.*]] = gpt.matmul {{.*}} -> tensor<8x400xf32>
// CHECK: %[[D:.*]] = gpt.matmul %[[Z]]
// CHECK: %[[AGAIN:.*]] = gpt.map(%[[H]]) {gpt.rematerialized}
// CHECK: math.exp
// CHECK: %[[FLAT:.*]] = gpt.reshape %[[AGAIN]]
// CHECK: gpt.matmul %[[FLAT]], %[[D]] transpose_lhs
// KERNELS-LABEL: func.func @activation
// KERNELS: %[[H:.*]] = gpt.matmul
// KERNELS: gpt.fused(%[[H]])
// KERNELS: tensor<8x400xf32>
// KERNELS: %[[BOTH:.*]]:2 = gpt.fused(%[[H]], %{{.*}}) : (tensor<2x4x4xf32>, tensor<2x4x4xf32>) -> (tensor<2x4x4xf32>, tensor<2x4x4xf32>) {
// KERNELS-NOT: gpt.rematerialized
func.func @activation(%x: tensor<2x4x4xf32>) -> (tensor<4x4xf32>, tensor<2x4x4xf32>) {
  %w = gpt.read @w : tensor<4x4xf32>
  %e = gpt.read @e : tensor<400x4xf32>
  %h = gpt.matmul %x, %w : tensor<2x4x4xf32>, tensor<4x4xf32> -> tensor<2x4x4xf32>
  %a = gpt.map(%h) : (tensor<2x4x4xf32>) -> tensor<2x4x4xf32> {
  ^bb0(%s: f32):
    %0 = math.exp %s : f32
    gpt.yield %0 : f32
  }
  %y = gpt.matmul %a, %w : tensor<2x4x4xf32>, tensor<4x4xf32> -> tensor<2x4x4xf32>
  %flat = gpt.reshape %a : tensor<2x4x4xf32> -> tensor<8x4xf32>
  %rows = gpt.reshape %y : tensor<2x4x4xf32> -> tensor<8x4xf32>
  %z = gpt.matmul %rows, %e transpose_rhs : tensor<8x4xf32>, tensor<400x4xf32> -> tensor<8x400xf32>
  %d = gpt.matmul %z, %e : tensor<8x400xf32>, tensor<400x4xf32> -> tensor<8x4xf32>
  %dw = gpt.matmul %flat, %d transpose_lhs : tensor<8x4xf32>, tensor<8x4xf32> -> tensor<4x4xf32>
  %cube = gpt.reshape %d : tensor<8x4xf32> -> tensor<2x4x4xf32>
  %dh = gpt.map(%cube, %h) : (tensor<2x4x4xf32>, tensor<2x4x4xf32>) -> tensor<2x4x4xf32> {
  ^bb0(%s: f32, %t: f32):
    %0 = math.exp %t : f32
    %1 = arith.mulf %s, %0 : f32
    gpt.yield %1 : f32
  }
  return %dw, %dh : tensor<4x4xf32>, tensor<2x4x4xf32>
}

// -----

// Its input would have to be kept for it: nothing is gained.
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<4x4xf32>
gpt.variable @e parameter init(<constant, 0.0, 0.0>) : tensor<400x4xf32>

// REMARK: remark: [Missed] Kept | Category:gpt-rematerialize | Function=not_kept | Reason="reads what nobody else keeps", bytes=128
// CHECK-LABEL: func.func @not_kept
// CHECK-NOT: gpt.rematerialized
func.func @not_kept(%x: tensor<8x4xf32>) -> tensor<4x4xf32> {
  %w = gpt.read @w : tensor<4x4xf32>
  %e = gpt.read @e : tensor<400x4xf32>
  %h = gpt.matmul %x, %w : tensor<8x4xf32>, tensor<4x4xf32> -> tensor<8x4xf32>
  %a = gpt.map(%h) : (tensor<8x4xf32>) -> tensor<8x4xf32> {
  ^bb0(%s: f32):
    %0 = math.exp %s : f32
    gpt.yield %0 : f32
  }
  %y = gpt.matmul %a, %w : tensor<8x4xf32>, tensor<4x4xf32> -> tensor<8x4xf32>
  %z = gpt.matmul %y, %e transpose_rhs : tensor<8x4xf32>, tensor<400x4xf32> -> tensor<8x400xf32>
  %d = gpt.matmul %z, %e : tensor<8x400xf32>, tensor<400x4xf32> -> tensor<8x4xf32>
  %dw = gpt.matmul %a, %d transpose_lhs : tensor<8x4xf32>, tensor<8x4xf32> -> tensor<4x4xf32>
  return %dw : tensor<4x4xf32>
}

// -----

// Random numbers come from a counter: a mask is made again from the key, a scalar function of nothing
// that has to be kept.
gpt.variable @key step : tensor<4xi32>
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<4x4xf32>
gpt.variable @e parameter init(<constant, 0.0, 0.0>) : tensor<400x4xf32>

// REMARK: remark: [Passed] Rematerialized | Category:gpt-rematerialize | Function=dropout | bytes=128
// CHECK-LABEL: func.func @dropout
// CHECK: gpt.random %{{.*}} stream "drop" :
// CHECK: gpt.random %{{.*}} stream "drop" {gpt.rematerialized} :
func.func @dropout(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  %w = gpt.read @w : tensor<4x4xf32>
  %e = gpt.read @e : tensor<400x4xf32>
  %key = gpt.read @key : tensor<4xi32>
  %u = gpt.random %key stream "drop" : tensor<4xi32> -> tensor<8x4xf32>
  %a = gpt.map(%x, %u) : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<8x4xf32> {
  ^bb0(%s: f32, %t: f32):
    %0 = arith.mulf %s, %t : f32
    gpt.yield %0 : f32
  }
  %y = gpt.matmul %a, %w : tensor<8x4xf32>, tensor<4x4xf32> -> tensor<8x4xf32>
  %z = gpt.matmul %y, %e transpose_rhs : tensor<8x4xf32>, tensor<400x4xf32> -> tensor<8x400xf32>
  %d = gpt.matmul %z, %e : tensor<8x400xf32>, tensor<400x4xf32> -> tensor<8x4xf32>
  %dx = gpt.map(%d, %u) : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<8x4xf32> {
  ^bb0(%s: f32, %t: f32):
    %0 = arith.mulf %s, %t : f32
    gpt.yield %0 : f32
  }
  return %dx : tensor<8x4xf32>
}

// -----

// What is used again soon stays where it is, and so does what a variable that is written would give.
gpt.variable @s state init(<constant, 0.0, 0.0>) : tensor<8x4xf32>
gpt.variable @e parameter init(<constant, 0.0, 0.0>) : tensor<400x4xf32>

// REMARK: remark: [Missed] Kept | Category:gpt-rematerialize | Function=written | Reason="reads a variable that is written", bytes=128
// CHECK-LABEL: func.func @written
// CHECK-NOT: gpt.rematerialized
func.func @written() {
  %s = gpt.read @s : tensor<8x4xf32>
  %e = gpt.read @e : tensor<400x4xf32>
  %a = gpt.map(%s) : (tensor<8x4xf32>) -> tensor<8x4xf32> {
  ^bb0(%t: f32):
    %0 = math.exp %t : f32
    gpt.yield %0 : f32
  }
  %z = gpt.matmul %a, %e transpose_rhs : tensor<8x4xf32>, tensor<400x4xf32> -> tensor<8x400xf32>
  %d = gpt.matmul %z, %e : tensor<8x400xf32>, tensor<400x4xf32> -> tensor<8x4xf32>
  %n = gpt.map(%a, %d) : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<8x4xf32> {
  ^bb0(%t: f32, %u: f32):
    %0 = arith.mulf %t, %u : f32
    gpt.yield %0 : f32
  }
  gpt.write @s, %n : tensor<8x4xf32>
  return
}

// -----

// An input of half as many bits is kept instead. The rounded parameter idles as well, and is not rounded again.
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<4x4xf32>
gpt.variable @e parameter init(<constant, 0.0, 0.0>) : tensor<400x4xf32>

// REMARK: remark: [Passed] Rematerialized | Category:gpt-rematerialize | Function=half | bytes=128
// REMARK-NOT: Function=half
// CHECK-LABEL: func.func @half
// CHECK: %[[N:.*]] = gpt.map(%{{.*}}) : (tensor<4x4xf32>) -> tensor<4x4xbf16>
// CHECK: %[[H:.*]] = gpt.matmul %{{.*}}, %[[N]] : {{.*}} -> tensor<8x4xbf16>
// CHECK: gpt.map(%[[H]]) : (tensor<8x4xbf16>) -> tensor<8x4xf32>
// CHECK: gpt.matmul {{.*}} -> tensor<8x400xf32>
// CHECK-NOT: arith.truncf
// CHECK: %[[AGAIN:.*]] = gpt.map(%[[H]]) {gpt.rematerialized} : (tensor<8x4xbf16>) -> tensor<8x4xf32>
// CHECK-NOT: arith.truncf
// CHECK: gpt.matmul %[[AGAIN]]
func.func @half(%x: tensor<8x4xbf16>) -> (tensor<4x4xf32>, tensor<8x4xf32>) {
  %w = gpt.read @w : tensor<4x4xf32>
  %e = gpt.read @e : tensor<400x4xf32>
  %n = gpt.map(%w) : (tensor<4x4xf32>) -> tensor<4x4xbf16> {
  ^bb0(%s: f32):
    %0 = arith.truncf %s : f32 to bf16
    gpt.yield %0 : bf16
  }
  %h = gpt.matmul %x, %n : tensor<8x4xbf16>, tensor<4x4xbf16> -> tensor<8x4xbf16>
  %a = gpt.map(%h) : (tensor<8x4xbf16>) -> tensor<8x4xf32> {
  ^bb0(%s: bf16):
    %0 = arith.extf %s : bf16 to f32
    %1 = math.exp %0 : f32
    gpt.yield %1 : f32
  }
  %y = gpt.matmul %a, %w : tensor<8x4xf32>, tensor<4x4xf32> -> tensor<8x4xf32>
  %z = gpt.matmul %y, %e transpose_rhs : tensor<8x4xf32>, tensor<400x4xf32> -> tensor<8x400xf32>
  %d = gpt.matmul %z, %e : tensor<8x400xf32>, tensor<400x4xf32> -> tensor<8x4xf32>
  %dw = gpt.matmul %a, %d transpose_lhs : tensor<8x4xf32>, tensor<8x4xf32> -> tensor<4x4xf32>
  %last = gpt.matmul %x, %n transpose_rhs : tensor<8x4xbf16>, tensor<4x4xbf16> -> tensor<8x4xf32>
  return %dw, %last : tensor<4x4xf32>, tensor<8x4xf32>
}
