// RUN: gptc-opt %s --gpt-form-kernels --gpt-fuse-epilogues --split-input-file | FileCheck %s
// RUN: gptc-opt %s --gpt-form-kernels --gpt-fuse-epilogues --split-input-file --remarks-filter='gpt-fuse-epilogues' --remark-policy=all -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// A bias: the product of 128 bytes is neither written nor read.
// REMARK: remark: [Passed] MatmulEpilogue | Category:gpt-fuse-epilogues | Function=bias | bytes_saved=256
// CHECK-LABEL: func.func @bias
// CHECK-SAME: (%[[X:.*]]: tensor<8x16xf32>, %[[W:.*]]: tensor<16x4xf32>, %[[B:.*]]: tensor<4xf32>)
// CHECK-NEXT: %[[F:.*]] = gpt.fused(%[[X]], %[[W]], %[[B]]) : (tensor<8x16xf32>, tensor<16x4xf32>, tensor<4xf32>) -> tensor<8x4xf32>
// CHECK-NEXT: ^bb0(%[[A:.*]]: tensor<8x16xf32>, %[[V:.*]]: tensor<16x4xf32>, %[[C:.*]]: tensor<4xf32>)
// CHECK-NEXT: %[[P:.*]] = gpt.matmul %[[A]], %[[V]]
// CHECK-NEXT: gpt.map(%[[P]], %[[C]])
// CHECK: return %[[F]]
func.func @bias(%x: tensor<8x16xf32>, %w: tensor<16x4xf32>, %b: tensor<4xf32>) -> tensor<8x4xf32> {
  %0 = gpt.matmul %x, %w : tensor<8x16xf32>, tensor<16x4xf32> -> tensor<8x4xf32>
  %1 = gpt.map(%0, %b) : (tensor<8x4xf32>, tensor<4xf32>) -> tensor<8x4xf32> {
  ^bb0(%p: f32, %q: f32):
    %z = arith.addf %p, %q : f32
    gpt.yield %z : f32
  }
  return %1 : tensor<8x4xf32>
}

// -----

// Bias and GELU of all rows of a batch, the sum too, since the gradient needs it.
// REMARK: remark: [Passed] MatmulEpilogue | Category:gpt-fuse-epilogues | Function=bias_gelu | bytes_saved=256
// CHECK-LABEL: func.func @bias_gelu
// CHECK-NEXT: %[[F:.*]]:2 = gpt.fused(
// CHECK: gpt.matmul
// CHECK: gpt.map
// CHECK: math.erf
// CHECK-NOT: gpt.fused
// CHECK: return %[[F]]#0, %[[F]]#1
func.func @bias_gelu(%x: tensor<2x4x16xf32>, %w: tensor<16x4xf32>, %b: tensor<4xf32>) -> (tensor<2x4x4xf32>, tensor<2x4x4xf32>) {
  %0 = gpt.matmul %x, %w : tensor<2x4x16xf32>, tensor<16x4xf32> -> tensor<2x4x4xf32>
  %1 = gpt.map(%0, %b) : (tensor<2x4x4xf32>, tensor<4xf32>) -> tensor<2x4x4xf32> {
  ^bb0(%p: f32, %q: f32):
    %z = arith.addf %p, %q : f32
    gpt.yield %z : f32
  }
  %2 = gpt.map(%1) : (tensor<2x4x4xf32>) -> tensor<2x4x4xf32> {
  ^bb0(%p: f32):
    %c = arith.constant 0.7071 : f32
    %s = arith.mulf %p, %c : f32
    %e = math.erf %s : f32
    %z = arith.mulf %p, %e : f32
    gpt.yield %z : f32
  }
  return %1, %2 : tensor<2x4x4xf32>, tensor<2x4x4xf32>
}

// -----

// The gradient of ReLU²: the product is that of the layer behind.
// REMARK: remark: [Passed]
// CHECK-LABEL: func.func @relu_squared_gradient
// CHECK-NEXT: gpt.fused(
// CHECK: gpt.matmul {{.*}} transpose_rhs
// CHECK: arith.maximumf
// CHECK-NOT: gpt.fused
// CHECK: return
func.func @relu_squared_gradient(%dy: tensor<8x16xf32>, %w: tensor<4x16xf32>, %h: tensor<8x4xf32>) -> tensor<8x4xf32> {
  %0 = gpt.matmul %dy, %w transpose_rhs : tensor<8x16xf32>, tensor<4x16xf32> -> tensor<8x4xf32>
  %1 = gpt.map(%0, %h) : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<8x4xf32> {
  ^bb0(%p: f32, %q: f32):
    %c = arith.constant 0.0 : f32
    %m = arith.maximumf %q, %c : f32
    %s = arith.addf %m, %m : f32
    %z = arith.mulf %p, %s : f32
    gpt.yield %z : f32
  }
  return %1 : tensor<8x4xf32>
}

// -----

// A gate: the later of two products is fused, the other one is an operand.
// REMARK: remark: [Passed]
// REMARK: remark: [Missed] MatmulEpilogue | Category:gpt-fuse-epilogues | Function=gate | Reason="the kernel has another product", bytes=256
// CHECK-LABEL: func.func @gate
// CHECK-SAME: (%[[X:.*]]: tensor<8x16xf32>, %[[W:.*]]: tensor<16x4xf32>, %[[V:.*]]: tensor<16x4xf32>)
// CHECK-NEXT: %[[G:.*]] = gpt.matmul %[[X]], %[[W]]
// CHECK-NEXT: gpt.fused(%[[X]], %[[V]], %[[G]])
// CHECK: gpt.matmul
// CHECK: return
func.func @gate(%x: tensor<8x16xf32>, %w: tensor<16x4xf32>, %v: tensor<16x4xf32>) -> tensor<8x4xf32> {
  %0 = gpt.matmul %x, %w : tensor<8x16xf32>, tensor<16x4xf32> -> tensor<8x4xf32>
  %1 = gpt.map(%0) : (tensor<8x4xf32>) -> tensor<8x4xf32> {
  ^bb0(%p: f32):
    %c = arith.constant 0.7071 : f32
    %s = arith.mulf %p, %c : f32
    %e = math.erf %s : f32
    %z = arith.mulf %p, %e : f32
    gpt.yield %z : f32
  }
  %2 = gpt.matmul %x, %v : tensor<8x16xf32>, tensor<16x4xf32> -> tensor<8x4xf32>
  %3 = gpt.map(%1, %2) : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<8x4xf32> {
  ^bb0(%p: f32, %q: f32):
    %z = arith.mulf %p, %q : f32
    gpt.yield %z : f32
  }
  return %3 : tensor<8x4xf32>
}

// -----

// Who needs the product later gets it from the kernel: it is written, and not read again.
// REMARK: remark: [Passed] MatmulEpilogue | Category:gpt-fuse-epilogues | Function=needed_later | bytes_saved=128
// CHECK-LABEL: func.func @needed_later
// CHECK-NEXT: %[[F:.*]]:2 = gpt.fused(
// CHECK: %[[P:.*]] = gpt.matmul
// CHECK: %[[M:.*]] = gpt.map
// CHECK: gpt.yield %[[M]], %[[P]]
// CHECK: gpt.matmul %[[F]]#1, %{{.*}} transpose_rhs
// CHECK: return
func.func @needed_later(%x: tensor<8x16xf32>, %w: tensor<16x4xf32>, %b: tensor<4xf32>) -> (tensor<8x4xf32>, tensor<8x16xf32>) {
  %0 = gpt.matmul %x, %w : tensor<8x16xf32>, tensor<16x4xf32> -> tensor<8x4xf32>
  %1 = gpt.map(%0, %b) : (tensor<8x4xf32>, tensor<4xf32>) -> tensor<8x4xf32> {
  ^bb0(%p: f32, %q: f32):
    %z = arith.addf %p, %q : f32
    gpt.yield %z : f32
  }
  %2 = gpt.matmul %0, %w transpose_rhs : tensor<8x4xf32>, tensor<16x4xf32> -> tensor<8x16xf32>
  return %1, %2 : tensor<8x4xf32>, tensor<8x16xf32>
}

// -----

// A value a row, a generator and a kernel that uses its operand beside the product.
// REMARK: remark: [Passed]
// CHECK-LABEL: func.func @rows_and_columns
// CHECK-NEXT: gpt.fused(
// CHECK: gpt.matmul
// CHECK-NOT: gpt.fused
// CHECK: return
func.func @rows_and_columns(%x: tensor<8x4xf32>, %w: tensor<4x4xf32>, %r: tensor<8x1xf32>) -> tensor<8x4xf32> {
  %i = gpt.iota : tensor<4xi32>
  %0 = gpt.matmul %x, %w : tensor<8x4xf32>, tensor<4x4xf32> -> tensor<8x4xf32>
  %1 = gpt.map(%0, %r, %i, %x) : (tensor<8x4xf32>, tensor<8x1xf32>, tensor<4xi32>, tensor<8x4xf32>) -> tensor<8x4xf32> {
  ^bb0(%p: f32, %q: f32, %j: i32, %s: f32):
    %t = arith.sitofp %j : i32 to f32
    %u = arith.mulf %p, %q : f32
    %v = arith.addf %u, %t : f32
    %z = arith.addf %v, %s : f32
    gpt.yield %z : f32
  }
  return %1 : tensor<8x4xf32>
}

// -----

// A row is there as a whole when the kernel takes it: it may be reduced.
// REMARK: remark: [Passed] MatmulEpilogue | Category:gpt-fuse-epilogues | Function=reduced_rows | bytes_saved=256
// CHECK-LABEL: func.func @reduced_rows
// CHECK-NEXT: gpt.fused
// CHECK-NEXT: ^bb0
// CHECK-NEXT: gpt.matmul
// CHECK-NEXT: gpt.map
// CHECK: gpt.reduce sum
// CHECK: return
func.func @reduced_rows(%x: tensor<8x16xf32>, %w: tensor<16x4xf32>, %b: tensor<4xf32>) -> tensor<8xf32> {
  %0 = gpt.matmul %x, %w : tensor<8x16xf32>, tensor<16x4xf32> -> tensor<8x4xf32>
  %1 = gpt.map(%0, %b) : (tensor<8x4xf32>, tensor<4xf32>) -> tensor<8x4xf32> {
  ^bb0(%p: f32, %q: f32):
    %z = arith.addf %p, %q : f32
    gpt.yield %z : f32
  }
  %2 = gpt.reduce sum %1 [1] : tensor<8x4xf32> -> tensor<8xf32>
  return %2 : tensor<8xf32>
}

// -----

// A column's sum is complete behind the last row.
// REMARK: remark: [Missed] MatmulEpilogue | Category:gpt-fuse-epilogues | Function=reduced_columns | Reason="it is reduced along its columns", bytes=256
// CHECK-LABEL: func.func @reduced_columns
// CHECK-NEXT: gpt.matmul
// CHECK-NEXT: gpt.fused
// CHECK: return
func.func @reduced_columns(%x: tensor<8x16xf32>, %w: tensor<16x4xf32>) -> tensor<4xf32> {
  %0 = gpt.matmul %x, %w : tensor<8x16xf32>, tensor<16x4xf32> -> tensor<8x4xf32>
  %2 = gpt.reduce sum %0 [0] : tensor<8x4xf32> -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// -----

// Another product of the product comes before the kernel, which uses both.
// REMARK: remark: [Missed] MatmulEpilogue | Category:gpt-fuse-epilogues | Function=needed_before | Reason="it is needed before the kernel", bytes=128
// CHECK-LABEL: func.func @needed_before
// CHECK-NEXT: gpt.matmul
// CHECK: return
func.func @needed_before(%x: tensor<8x16xf32>, %w: tensor<16x4xf32>, %v: tensor<4x4xf32>) -> tensor<8x4xf32> {
  %0 = gpt.matmul %x, %w : tensor<8x16xf32>, tensor<16x4xf32> -> tensor<8x4xf32>
  %1 = gpt.matmul %0, %v : tensor<8x4xf32>, tensor<4x4xf32> -> tensor<8x4xf32>
  %2 = gpt.map(%1) : (tensor<8x4xf32>) -> tensor<8x4xf32> {
  ^bb0(%p: f32):
    %c = arith.constant 0.7071 : f32
    %s = arith.mulf %p, %c : f32
    %e = math.erf %s : f32
    %z = arith.mulf %p, %e : f32
    gpt.yield %z : f32
  }
  %3 = gpt.matmul %2, %v : tensor<8x4xf32>, tensor<4x4xf32> -> tensor<8x4xf32>
  %4 = gpt.map(%0, %3) : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<8x4xf32> {
  ^bb0(%p: f32, %q: f32):
    %z = arith.addf %p, %q : f32
    gpt.yield %z : f32
  }
  return %4 : tensor<8x4xf32>
}

// -----

// A matrix for each index of the batch.
// REMARK: remark: [Missed] MatmulEpilogue | Category:gpt-fuse-epilogues | Function=batched | Reason="it is batched", bytes=1024
// CHECK-LABEL: func.func @batched
// CHECK-NEXT: gpt.matmul
// CHECK-NEXT: gpt.fused
// CHECK: return
func.func @batched(%x: tensor<2x8x16xf32>, %w: tensor<2x16x8xf32>) -> tensor<2x8x8xf32> {
  %0 = gpt.matmul %x, %w : tensor<2x8x16xf32>, tensor<2x16x8xf32> -> tensor<2x8x8xf32>
  %1 = gpt.map(%0) : (tensor<2x8x8xf32>) -> tensor<2x8x8xf32> {
  ^bb0(%p: f32):
    %c = arith.constant 0.7071 : f32
    %s = arith.mulf %p, %c : f32
    %e = math.erf %s : f32
    %z = arith.mulf %p, %e : f32
    gpt.yield %z : f32
  }
  return %1 : tensor<2x8x8xf32>
}

// -----

// The product is one row of a larger space.
// REMARK: remark: [Missed] MatmulEpilogue | Category:gpt-fuse-epilogues | Function=stretched | Reason="the kernel computes over another shape", bytes=32
// CHECK-LABEL: func.func @stretched
// CHECK-NEXT: gpt.matmul
// CHECK-NEXT: gpt.fused
// CHECK: return
func.func @stretched(%x: tensor<1x16xf32>, %w: tensor<16x4xf32>, %y: tensor<8x4xf32>) -> tensor<8x4xf32> {
  %0 = gpt.matmul %x, %w : tensor<1x16xf32>, tensor<16x4xf32> -> tensor<1x4xf32>
  %1 = gpt.map(%y, %0) : (tensor<8x4xf32>, tensor<1x4xf32>) -> tensor<8x4xf32> {
  ^bb0(%p: f32, %q: f32):
    %z = arith.addf %p, %q : f32
    gpt.yield %z : f32
  }
  return %1 : tensor<8x4xf32>
}
