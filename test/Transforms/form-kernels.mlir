// RUN: gptc-opt %s --gpt-decompose --gpt-split-reductions --canonicalize --cse --gpt-form-kernels --split-input-file | FileCheck %s

// Softmax comes back as one kernel: two reductions and what stands between them.
// CHECK-LABEL: func.func @softmax
// CHECK-SAME: (%[[X:.*]]: tensor<2x3x4xf32>)
// CHECK-NEXT: %[[F:.*]] = gpt.fused(%[[X]]) : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
// CHECK: gpt.reduce max
// CHECK: gpt.reduce sum
// CHECK: gpt.yield
// CHECK: return %[[F]]
func.func @softmax(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %0 = gpt.softmax %x : tensor<2x3x4xf32>
  return %0 : tensor<2x3x4xf32>
}

// -----

// A residual joins the layer norm that follows; the sum is an output too, since somebody else uses it.
// CHECK-LABEL: func.func @residual
// CHECK: %[[F:.*]]:2 = gpt.fused(
// CHECK-NOT: gpt.fused
// CHECK: return %[[F]]#0, %[[F]]#1
func.func @residual(%x: tensor<8x4xf32>, %d: tensor<8x4xf32>, %w: tensor<4xf32>) -> (tensor<8x4xf32>, tensor<8x4xf32>) {
  %0 = gpt.map(%x, %d) : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<8x4xf32> {
  ^bb0(%a: f32, %b: f32):
    %s = arith.addf %a, %b : f32
    gpt.yield %s : f32
  }
  %y, %m, %r = gpt.layer_norm %0 weight %w : tensor<4xf32> epsilon 1.0e-5 : tensor<8x4xf32> -> tensor<8x4xf32>, tensor<8xf32>, tensor<8xf32>
  return %0, %y : tensor<8x4xf32>, tensor<8x4xf32>
}

// -----

// A matmul between two maps keeps them apart: a kernel must not depend on itself.
// CHECK-LABEL: func.func @through_matmul
// CHECK: gpt.fused
// CHECK: gpt.matmul
// CHECK: gpt.fused
// CHECK-NOT: gpt.fused
func.func @through_matmul(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = gpt.map(%x) : (tensor<4x4xf32>) -> tensor<4x4xf32> {
  ^bb0(%a: f32):
    %s = math.exp %a : f32
    gpt.yield %s : f32
  }
  %1 = gpt.matmul %0, %x : tensor<4x4xf32>, tensor<4x4xf32> -> tensor<4x4xf32>
  %2 = gpt.map(%0, %1) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32> {
  ^bb0(%a: f32, %b: f32):
    %s = arith.addf %a, %b : f32
    gpt.yield %s : f32
  }
  return %2 : tensor<4x4xf32>
}

// -----

// On a square, a vector that lines up with the columns is not a value a row: two kernels.
// CHECK-LABEL: func.func @square
// CHECK: %[[V:.*]] = gpt.fused(%{{.*}}) : (tensor<4x4xf32>) -> tensor<4xf32>
// CHECK: gpt.fused(%{{.*}}, %[[V]]) : (tensor<4x4xf32>, tensor<4xf32>) -> tensor<4x4xf32>
func.func @square(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = gpt.reduce sum %x [1] : tensor<4x4xf32> -> tensor<4xf32>
  %1 = gpt.map(%x, %0) : (tensor<4x4xf32>, tensor<4xf32>) -> tensor<4x4xf32> {
  ^bb0(%a: f32, %b: f32):
    %s = arith.addf %a, %b : f32
    gpt.yield %s : f32
  }
  return %1 : tensor<4x4xf32>
}

// -----

// A reduction over leading axes takes along the map that it alone uses.
// CHECK-LABEL: func.func @column
// CHECK-NEXT: gpt.fused(%{{.*}}, %{{.*}}) : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<4xf32>
// CHECK: gpt.map
// CHECK: gpt.reduce sum %{{.*}} [0]
func.func @column(%x: tensor<8x4xf32>, %y: tensor<8x4xf32>) -> tensor<4xf32> {
  %0 = gpt.map(%x, %y) : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<8x4xf32> {
  ^bb0(%a: f32, %b: f32):
    %s = arith.mulf %a, %b : f32
    gpt.yield %s : f32
  }
  %1 = gpt.reduce sum %0 [0] : tensor<8x4xf32> -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// -----

// Generators are copied into the kernels that use them, rearranged ones too.
// CHECK-LABEL: func.func @mask
// CHECK-NEXT: gpt.fused(%{{.*}}) : (tensor<4x4xf32>) -> tensor<4x4xf32>
// CHECK-NEXT: ^bb0
// CHECK: gpt.iota
// CHECK: gpt.reshape
func.func @mask(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %i = gpt.iota : tensor<4xi32>
  %r = gpt.reshape %i : tensor<4xi32> -> tensor<4x1xi32>
  %0 = gpt.map(%x, %i, %r) : (tensor<4x4xf32>, tensor<4xi32>, tensor<4x1xi32>) -> tensor<4x4xf32> {
  ^bb0(%a: f32, %c: i32, %d: i32):
    %zero = arith.constant 0.0 : f32
    %p = arith.cmpi sle, %c, %d : i32
    %s = arith.select %p, %a, %zero : f32
    gpt.yield %s : f32
  }
  return %0 : tensor<4x4xf32>
}

// -----

// The table of a gather lies in memory, also where it is a generator.
// CHECK-LABEL: func.func @constant_table
// CHECK: %[[TABLE:.*]] = arith.constant
// CHECK-NEXT: gpt.fused(%{{.*}}, %[[TABLE]]) : (tensor<3xi32>, tensor<5x4xf32>) -> tensor<3x4xf32>
// CHECK-NEXT: ^bb0(%[[I:.*]]: tensor<3xi32>, %[[T:.*]]: tensor<5x4xf32>):
// CHECK-NEXT: gpt.embedding %[[I]], %[[T]]
func.func @constant_table(%indices: tensor<3xi32>) -> tensor<3x4xf32> {
  %table = arith.constant dense<0.5> : tensor<5x4xf32>
  %0 = gpt.embedding %indices, %table : tensor<3xi32>, tensor<5x4xf32> -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

// %sum and %out would fit, but between them stands a kernel that began before %sum and ends behind the matmul of it.
// CHECK-LABEL: func.func @through_an_earlier_kernel
// CHECK: %[[SUM:.*]] = gpt.fused
// CHECK: %[[PRODUCT:.*]] = gpt.matmul %[[SUM]]
// CHECK: %[[BIAS:.*]]:2 = gpt.fused
// CHECK: gpt.fused(%[[SUM]], %[[BIAS]]#0)
func.func @through_an_earlier_kernel(%b: tensor<4xf32>, %x: tensor<1x4xf32>, %w: tensor<4x4xf32>) -> (tensor<4xf32>, tensor<1x4xf32>) {
  %twice = gpt.map(%b, %b) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%c: f32, %d: f32):
    %s = arith.addf %c, %d : f32
    gpt.yield %s : f32
  }
  %sum = gpt.map(%x, %x) : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32> {
  ^bb0(%c: f32, %d: f32):
    %s = arith.addf %c, %d : f32
    gpt.yield %s : f32
  }
  %product = gpt.matmul %sum, %w : tensor<1x4xf32>, tensor<4x4xf32> -> tensor<1x4xf32>
  %flat = gpt.reshape %product : tensor<1x4xf32> -> tensor<4xf32>
  %bias = gpt.map(%twice, %flat) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%c: f32, %d: f32):
    %s = arith.addf %c, %d : f32
    gpt.yield %s : f32
  }
  %out = gpt.map(%sum, %twice) : (tensor<1x4xf32>, tensor<4xf32>) -> tensor<1x4xf32> {
  ^bb0(%c: f32, %d: f32):
    %s = arith.addf %c, %d : f32
    gpt.yield %s : f32
  }
  return %bias, %out : tensor<4xf32>, tensor<1x4xf32>
}

// -----

// Two that read one tensor and share its rows: it is read once, though neither uses the other.
// CHECK-LABEL: func.func @siblings
// CHECK-NEXT: %[[F:.*]]:2 = gpt.fused(%{{.*}}) : (tensor<64x32xf32>) -> (tensor<64x32xf32>, tensor<64xf32>)
// CHECK-NOT: gpt.fused
// CHECK: return %[[F]]#0, %[[F]]#1
func.func @siblings(%x: tensor<64x32xf32>) -> (tensor<64x32xf32>, tensor<64xf32>) {
  %0 = gpt.map(%x) : (tensor<64x32xf32>) -> tensor<64x32xf32> {
  ^bb0(%a: f32):
    %s = math.exp %a : f32
    gpt.yield %s : f32
  }
  %1 = gpt.reduce max %x [1] : tensor<64x32xf32> -> tensor<64xf32>
  return %0, %1 : tensor<64x32xf32>, tensor<64xf32>
}

// -----

// They share a vector only: a launch for both would save next to nothing.
// CHECK-LABEL: func.func @strangers
// CHECK: gpt.fused
// CHECK: gpt.fused
// CHECK: return
func.func @strangers(%x: tensor<64x32xf32>, %y: tensor<64x32xf32>, %b: tensor<32xf32>) -> (tensor<64x32xf32>, tensor<64x32xf32>) {
  %0 = gpt.map(%x, %b) : (tensor<64x32xf32>, tensor<32xf32>) -> tensor<64x32xf32> {
  ^bb0(%a: f32, %c: f32):
    %s = arith.addf %a, %c : f32
    gpt.yield %s : f32
  }
  %1 = gpt.map(%y, %b) : (tensor<64x32xf32>, tensor<32xf32>) -> tensor<64x32xf32> {
  ^bb0(%a: f32, %c: f32):
    %s = arith.mulf %a, %c : f32
    gpt.yield %s : f32
  }
  return %0, %1 : tensor<64x32xf32>, tensor<64x32xf32>
}

// -----

// The second reads what a product of the first's result gives: they share %x, but cannot be one.
// CHECK-LABEL: func.func @siblings_through_matmul
// CHECK: gpt.fused
// CHECK: gpt.matmul
// CHECK: gpt.fused
func.func @siblings_through_matmul(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
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

// -----

// Sums over blocks of rows are made by the kernel that has the rows; the rest of the sum waits, since it is only written.
// CHECK-LABEL: func.func @column_sums
// CHECK: %[[F:.*]]:2 = gpt.fused(%{{.*}}) : (tensor<64x32xf32>) -> (tensor<64x32xf32>, tensor<8x32xf32>)
// CHECK: gpt.matmul %[[F]]#0, %[[F]]#0
// CHECK: %[[N:.*]] = gpt.matmul %[[F]]#0
// CHECK: gpt.fused(%[[N]])
// CHECK: gpt.write @y
// CHECK: %[[S:.*]] = gpt.fused(%[[F]]#1) : (tensor<8x32xf32>) -> tensor<32xf32>
// CHECK: gpt.write @bias, %[[S]]
gpt.variable @bias gradient : tensor<32xf32>
gpt.variable @y output : tensor<64x32xf32>
func.func @column_sums(%x: tensor<64x32xf32>) {
  %0 = gpt.map(%x) : (tensor<64x32xf32>) -> tensor<64x32xf32> {
  ^bb0(%a: f32):
    %s = math.exp %a : f32
    gpt.yield %s : f32
  }
  %b = gpt.reshape %0 : tensor<64x32xf32> -> tensor<8x8x32xf32>
  %p = gpt.reduce sum %b [1] : tensor<8x8x32xf32> -> tensor<8x32xf32>
  %s = gpt.reduce sum %p [0] : tensor<8x32xf32> -> tensor<32xf32>
  %m = gpt.matmul %0, %0 transpose_lhs : tensor<64x32xf32>, tensor<64x32xf32> -> tensor<32x32xf32>
  %n = gpt.matmul %0, %m : tensor<64x32xf32>, tensor<32x32xf32> -> tensor<64x32xf32>
  %e = gpt.map(%n) : (tensor<64x32xf32>) -> tensor<64x32xf32> {
  ^bb0(%a: f32):
    %t = math.exp %a : f32
    gpt.yield %t : f32
  }
  gpt.write @y, %e : tensor<64x32xf32>
  gpt.write @bias, %s : tensor<32xf32>
  return
}

// -----

// %scale and %loss share %s, but what %loss is computed from is in a kernel that needs %scale: an operation that comes first may
// belong to a kernel that runs last.
// CHECK-LABEL: func.func @through_a_view
// CHECK: %[[SCALE:.*]] = gpt.fused(%{{.*}}) : (tensor<f32>) -> tensor<f32>
// CHECK: %[[F:.*]]:2 = gpt.fused(
// CHECK: %[[V:.*]] = gpt.reshape %[[F]]#0
// CHECK: gpt.fused(%[[V]], %{{.*}}) : (tensor<64xf32>, tensor<f32>) -> tensor<f32>
func.func @through_a_view(%x: tensor<8x8xf32>, %y: tensor<8x8xf32>, %s: tensor<f32>) -> (tensor<f32>, tensor<8x8xf32>) {
  %square = gpt.map(%x, %y) : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32> {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    gpt.yield %0 : f32
  }
  %flat = gpt.reshape %square : tensor<8x8xf32> -> tensor<64xf32>
  %sum = gpt.reduce sum %flat [0] : tensor<64xf32> -> tensor<f32>
  %loss = gpt.map(%sum, %s) : (tensor<f32>, tensor<f32>) -> tensor<f32> {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    gpt.yield %0 : f32
  }
  %scale = gpt.map(%s) : (tensor<f32>) -> tensor<f32> {
  ^bb0(%a: f32):
    %0 = arith.addf %a, %a : f32
    gpt.yield %0 : f32
  }
  %grad = gpt.map(%x, %y, %scale) : (tensor<8x8xf32>, tensor<8x8xf32>, tensor<f32>) -> tensor<8x8xf32> {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.subf %a, %b : f32
    %1 = arith.mulf %0, %c : f32
    gpt.yield %1 : f32
  }
  return %loss, %grad : tensor<f32>, tensor<8x8xf32>
}

// -----

// Attention is a kernel of its own: scaling its queries is another one. It does without its log-sum-exp where nobody asks, never without
// its result; its adjoint gives all gradients.
// CHECK-LABEL: func.func @attention
// CHECK: %[[S:.*]] = gpt.fused
// CHECK: gpt.map
// CHECK: %[[Y:.*]] = gpt.fused(%[[S]], %{{.*}}) : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32> {
// CHECK-NEXT: ^bb0
// CHECK-NEXT: %[[R:.*]], %{{.*}} = gpt.flash_attention
// CHECK-NEXT: gpt.yield %[[R]] :
// CHECK: %{{.*}}:3 = gpt.fused(
// CHECK-NEXT: ^bb0
// CHECK-NEXT: gpt.flash_attention_grad
// CHECK-NEXT: gpt.yield %{{.*}}, %{{.*}}, %{{.*}} :
func.func @attention(%q: tensor<1x2x3x4xf32>, %k: tensor<1x2x3x4xf32>, %l: tensor<1x2x3xf32>) -> (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>) {
  %s = gpt.map(%q) : (tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32> {
  ^bb0(%a: f32):
    %0 = arith.addf %a, %a : f32
    gpt.yield %0 : f32
  }
  %y, %lse = gpt.flash_attention %s, %k, %k scale 0.5 : tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32> -> tensor<1x2x3x4xf32>, tensor<1x2x3xf32>
  %dq, %dk, %dv = gpt.flash_attention_grad %s, %k, %k, %y, %l, %y scale 0.5 : tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3xf32>, tensor<1x2x3x4xf32> -> tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>
  return %y, %dk : tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>
}
