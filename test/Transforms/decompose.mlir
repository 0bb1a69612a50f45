// RUN: gptc-opt %s --gpt-decompose | FileCheck %s
// RUN: gptc-opt %s --gpt-decompose=ops=softmax,pick | FileCheck %s --check-prefix=SOME
// RUN: not gptc-opt %s --gpt-decompose=ops=softmax,matmul 2>&1 | FileCheck %s --check-prefix=WRONG

// WRONG: error: gpt-decompose: no operation gpt.matmul that decomposes

// CHECK-LABEL: func.func @pick
// CHECK-SAME: (%[[X:.+]]: tensor<2x3x5xf32>, %[[I:.+]]: tensor<2x3xi32>)
// CHECK-DAG: %[[N:.+]] = gpt.iota : tensor<5xi32>
// CHECK-DAG: %[[C:.+]] = gpt.reshape %[[I]] : tensor<2x3xi32> -> tensor<2x3x1xi32>
// CHECK: %[[M:.+]] = gpt.map(%[[X]], %[[N]], %[[C]])
// CHECK-NEXT: ^bb0(%[[A:.+]]: f32, %[[P:.+]]: i32, %[[Q:.+]]: i32):
// CHECK: %[[E:.+]] = arith.cmpi eq, %[[P]], %[[Q]] : i32
// CHECK: arith.select %[[E]], %[[A]], %{{.+}} : f32
// CHECK: %[[R:.+]] = gpt.reduce sum %[[M]] [2] : tensor<2x3x5xf32> -> tensor<2x3xf32>
// CHECK: return %[[R]]
// SOME-LABEL: func.func @pick
// SOME-NOT: gpt.pick
func.func @pick(%x: tensor<2x3x5xf32>, %i: tensor<2x3xi32>) -> tensor<2x3xf32> {
  %0 = gpt.pick %x, %i : tensor<2x3x5xf32>, tensor<2x3xi32> -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @softmax
// CHECK-SAME: (%[[X:.+]]: tensor<4x27xf32>)
// CHECK-NEXT: %[[M:.+]] = gpt.reduce max %[[X]] [1] : tensor<4x27xf32> -> tensor<4xf32>
// CHECK-NEXT: %[[MC:.+]] = gpt.reshape %[[M]] : tensor<4xf32> -> tensor<4x1xf32>
// CHECK-NEXT: %[[E:.+]] = gpt.map(%[[X]], %[[MC]]) : (tensor<4x27xf32>, tensor<4x1xf32>) -> tensor<4x27xf32> {
// CHECK: arith.subf
// CHECK-NEXT: math.exp
// CHECK: %[[S:.+]] = gpt.reduce sum %[[E]] [1] : tensor<4x27xf32> -> tensor<4xf32>
// CHECK-NEXT: %[[SC:.+]] = gpt.reshape %[[S]] : tensor<4xf32> -> tensor<4x1xf32>
// CHECK-NEXT: %[[D:.+]] = gpt.map(%[[E]], %[[SC]])
// CHECK: arith.divf
// CHECK: return %[[D]]
// SOME-LABEL: func.func @softmax
// SOME-NOT: gpt.softmax
func.func @softmax(%x: tensor<4x27xf32>) -> tensor<4x27xf32> {
  %0 = gpt.softmax %x : tensor<4x27xf32>
  return %0 : tensor<4x27xf32>
}

// The maximum is replaced by 0 where it is infinite.
// CHECK-LABEL: func.func @logsumexp
// CHECK: gpt.reduce max
// CHECK: gpt.map
// CHECK: arith.select
// CHECK: math.exp
// CHECK: gpt.reduce sum
// CHECK: gpt.map
// CHECK: math.log
// CHECK: arith.addf
// SOME-LABEL: func.func @logsumexp
// SOME: gpt.logsumexp
func.func @logsumexp(%x: tensor<4x27xf32>) -> tensor<4xf32> {
  %0 = gpt.logsumexp %x : tensor<4x27xf32> -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// Two passes over the row: the mean, then the squares of what differs from it.
// CHECK-LABEL: func.func @layer_norm
// CHECK-SAME: (%[[X:.+]]: tensor<4x8xf32>, %[[W:.+]]: tensor<8xf32>, %[[B:.+]]: tensor<8xf32>)
// CHECK-NEXT: %[[S:.+]] = gpt.reduce sum %[[X]] [1]
// CHECK-NEXT: %[[MEAN:.+]] = gpt.map(%[[S]])
// CHECK: arith.constant 8.0
// CHECK: arith.divf
// CHECK: %[[MC:.+]] = gpt.reshape %[[MEAN]] : tensor<4xf32> -> tensor<4x1xf32>
// CHECK-NEXT: %[[SQ:.+]] = gpt.map(%[[X]], %[[MC]])
// CHECK: %[[SS:.+]] = gpt.reduce sum %[[SQ]] [1]
// CHECK: %[[RSTD:.+]] = gpt.map(%[[SS]])
// CHECK: math.rsqrt
// CHECK: %[[Y:.+]] = gpt.map(%[[X]], %{{.+}}, %{{.+}}, %[[W]], %[[B]]) : (tensor<4x8xf32>, tensor<4x1xf32>, tensor<4x1xf32>, tensor<8xf32>, tensor<8xf32>)
// CHECK: return %[[Y]], %[[MEAN]], %[[RSTD]]
func.func @layer_norm(%x: tensor<4x8xf32>, %w: tensor<8xf32>, %b: tensor<8xf32>) -> (tensor<4x8xf32>, tensor<4xf32>, tensor<4xf32>) {
  %0:3 = gpt.layer_norm %x weight %w : tensor<8xf32> bias %b : tensor<8xf32> epsilon 1.0e-5 : tensor<4x8xf32> -> tensor<4x8xf32>, tensor<4xf32>, tensor<4xf32>
  return %0#0, %0#1, %0#2 : tensor<4x8xf32>, tensor<4xf32>, tensor<4xf32>
}

// CHECK-LABEL: func.func @cross_entropy
// CHECK-NOT: gpt.logsumexp
// CHECK-NOT: gpt.pick
// CHECK: gpt.iota : tensor<27xi32>
// CHECK: %[[TERMS:.+]] = gpt.map(%[[LSE:.+]], %{{.+}}, %{{.+}}) : (tensor<4xf32>, tensor<4xf32>, tensor<4xi32>) -> tensor<4xf32>
// CHECK: %[[KEPT:.+]] = gpt.map(%{{.+}}) : (tensor<4xi32>) -> tensor<4xf32>
// CHECK-DAG: %[[TOTAL:.+]] = gpt.reduce sum %[[TERMS]] [0]
// CHECK-DAG: %[[COUNT:.+]] = gpt.reduce sum %[[KEPT]] [0]
// CHECK: %[[LOSS:.+]] = gpt.map(%[[TOTAL]], %[[COUNT]])
// CHECK: return %[[LOSS]], %[[TERMS]], %[[LSE]]
func.func @cross_entropy(%x: tensor<4x27xf32>, %t: tensor<4xi32>) -> (tensor<f32>, tensor<4xf32>, tensor<4xf32>) {
  %0:3 = gpt.cross_entropy %x, %t : tensor<4x27xf32>, tensor<4xi32> -> tensor<f32>, tensor<4xf32>, tensor<4xf32>
  return %0#0, %0#1, %0#2 : tensor<f32>, tensor<4xf32>, tensor<4xf32>
}

// Keys and values are used as they are: the queries of a group are rows of one matrix.
// CHECK-LABEL: func.func @grouped_attention
// CHECK-SAME: (%[[Q:.+]]: tensor<1x4x5x3xf32>, %[[K:.+]]: tensor<1x2x5x3xf32>, %[[V:.+]]: tensor<1x2x5x6xf32>)
// CHECK-NEXT: %[[QG:.+]] = gpt.reshape %[[Q]] : tensor<1x4x5x3xf32> -> tensor<1x2x10x3xf32>
// CHECK-NEXT: %[[S:.+]] = gpt.matmul %[[QG]], %[[K]] transpose_rhs
// CHECK-NEXT: %[[SH:.+]] = gpt.reshape %[[S]] : tensor<1x2x10x5xf32> -> tensor<1x4x5x5xf32>
// CHECK: gpt.map(%[[SH]], %{{.+}}, %{{.+}}) : (tensor<1x4x5x5xf32>, tensor<5x1xi32>, tensor<5xi32>) -> tensor<1x4x5x5xf32>
// CHECK: %[[P:.+]] = gpt.reshape %{{.+}} : tensor<1x4x5x5xf32> -> tensor<1x2x10x5xf32>
// CHECK-NEXT: %[[Y:.+]] = gpt.matmul %[[P]], %[[V]]
// CHECK-NEXT: %[[R:.+]] = gpt.reshape %[[Y]] : tensor<1x2x10x6xf32> -> tensor<1x4x5x6xf32>
// CHECK-NEXT: return %[[R]]
func.func @grouped_attention(%q: tensor<1x4x5x3xf32>, %k: tensor<1x2x5x3xf32>, %v: tensor<1x2x5x6xf32>) -> tensor<1x4x5x6xf32> {
  %0 = gpt.attention %q, %k, %v causal window 2 scale 0.5 : tensor<1x4x5x3xf32>, tensor<1x2x5x3xf32>, tensor<1x2x5x6xf32> -> tensor<1x4x5x6xf32>
  return %0 : tensor<1x4x5x6xf32>
}

// With a group for each head nothing is reshaped; without a mask there is no index.
// CHECK-LABEL: func.func @full_attention
// CHECK-NOT: gpt.iota
// CHECK-NOT: tensor<2x2x
// CHECK: gpt.matmul
// CHECK-NEXT: gpt.map(%{{.+}}) : (tensor<1x2x5x7xf32>) -> tensor<1x2x5x7xf32>
// CHECK: %[[Y:.+]] = gpt.matmul
// CHECK-NEXT: return %[[Y]]
func.func @full_attention(%q: tensor<1x2x5x3xf32>, %k: tensor<1x2x7x3xf32>) -> tensor<1x2x5x3xf32> {
  %0 = gpt.attention %q, %k, %k scale 0.5 : tensor<1x2x5x3xf32>, tensor<1x2x7x3xf32>, tensor<1x2x7x3xf32> -> tensor<1x2x5x3xf32>
  return %0 : tensor<1x2x5x3xf32>
}

// CHECK-LABEL: func.func @global_norm
// CHECK-COUNT-2: gpt.reduce sum
// CHECK: gpt.map(%{{.+}}, %{{.+}}) : (tensor<f32>, tensor<f32>) -> tensor<f32>
// CHECK: arith.addf
// CHECK-NEXT: math.sqrt
func.func @global_norm(%a: tensor<4x2xf32>, %b: tensor<3xf32>) -> tensor<f32> {
  %0 = gpt.global_norm %a, %b : tensor<4x2xf32>, tensor<3xf32> -> tensor<f32>
  return %0 : tensor<f32>
}

// One map with three results; without decay its operand is left out.
// CHECK-LABEL: func.func @adamw
// CHECK-SAME: (%[[P:.+]]: tensor<4xf32>, %[[S:.+]]: tensor<f32>, %[[D:.+]]: tensor<f32>)
// CHECK-NEXT: %{{.+}}:3 = gpt.map(%[[P]], %[[P]], %[[P]], %[[P]], %[[S]], %[[S]], %[[S]], %[[S]], %[[S]], %[[S]], %[[S]], %[[D]])
// CHECK: %{{.+}}:3 = gpt.map(
// CHECK-NOT: %[[D]]
// CHECK: return
func.func @adamw(%p: tensor<4xf32>, %s: tensor<f32>, %d: tensor<f32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0:3 = gpt.adamw %p, %p, %p, %p rate %s clip %s betas %s, %s corrections %s, %s epsilon %s decay %d decayed : tensor<4xf32> scalars tensor<f32>
  %1:3 = gpt.adamw %p, %p, %p, %p rate %s clip %s betas %s, %s corrections %s, %s epsilon %s decay %d : tensor<4xf32> scalars tensor<f32>
  return %0#0, %1#0 : tensor<4xf32>, tensor<4xf32>
}

// Parameters in a narrower type than the scalars are computed with in the scalars' type.
// CHECK-LABEL: func.func @narrow_adamw
// CHECK-COUNT-4: arith.extf %{{.+}} : bf16 to f32
// CHECK-COUNT-3: arith.truncf %{{.+}} : f32 to bf16
func.func @narrow_adamw(%p: tensor<4xbf16>, %s: tensor<f32>) -> tensor<4xbf16> {
  %0:3 = gpt.adamw %p, %p, %p, %p rate %s clip %s betas %s, %s corrections %s, %s epsilon %s decay %s : tensor<4xbf16> scalars tensor<f32>
  return %0#0 : tensor<4xbf16>
}
