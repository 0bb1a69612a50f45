// RUN: gptc-opt %s --gpt-chunk-rows=bytes=1600 --split-input-file | FileCheck %s
// RUN: gptc-opt %s --gpt-chunk-rows=bytes=1600 --split-input-file --remarks-filter='gpt-chunk-rows' --remark-policy=all -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: gptc-opt %s --gpt-chunk-rows --split-input-file | FileCheck %s --check-prefix=WHOLE

// The logits' rows are cut in two; row statistics stay within a piece, the terms of the loss and the
// gradient of the rows are joined, that of the matrix is accumulated where it is written.
gpt.variable @targets input : tensor<2x4xi32>
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<100x4xf32>
gpt.variable @"gradient:w" gradient of @w : tensor<100x4xf32>

// REMARK: remark: [Passed] Chunked | Category:gpt-chunk-rows | Function=head | bytes=3200, pieces=2
// CHECK-LABEL: func.func @head
// CHECK-SAME: %[[X:.*]]: tensor<2x4x4xf32>
// CHECK: %[[W:.*]] = gpt.read @w
// CHECK-NOT: tensor<2x4x100xf32>
// CHECK: %[[X0:.*]] = gpt.slice %[[X]] [0, 0, 0] [1, 4, 4]
// CHECK: %[[Z0:.*]] = gpt.matmul %[[X0]], %[[W]] transpose_rhs : tensor<1x4x4xf32>, tensor<100x4xf32> -> tensor<1x4x100xf32>
// CHECK: gpt.reduce max %[[Z0]] [2] : tensor<1x4x100xf32> -> tensor<1x4xf32>
// CHECK: %[[D0:.*]] = gpt.map(%[[Z0]], %{{.*}}, %{{.*}}) : (tensor<1x4x100xf32>, tensor<1x4x1xf32>, tensor<1x4x1xi32>) -> tensor<1x4x100xf32>
// CHECK: %[[DX0:.*]] = gpt.matmul %[[D0]], %[[W]] : tensor<1x4x100xf32>, tensor<100x4xf32> -> tensor<1x4x4xf32>
// CHECK: %[[FLAT0:.*]] = gpt.reshape %[[D0]] : tensor<1x4x100xf32> -> tensor<4x100xf32>
// CHECK: %[[R0:.*]] = gpt.slice %{{.*}} [0, 0] [4, 4] : tensor<8x4xf32> -> tensor<4x4xf32>
// CHECK: %[[DW0:.*]] = gpt.matmul %[[FLAT0]], %[[R0]] transpose_lhs
// CHECK: gpt.slice %[[X]] [1, 0, 0] [1, 4, 4]
// CHECK: %[[DX1:.*]] = gpt.matmul {{.*}} -> tensor<1x4x4xf32>
// CHECK: gpt.slice %{{.*}} [4, 0] [4, 4] : tensor<8x4xf32> -> tensor<4x4xf32>
// CHECK: %[[DW1:.*]] = gpt.matmul
// CHECK: %[[DX:.*]] = gpt.concat %[[DX0]], %[[DX1]] axis 0
// CHECK: gpt.write @"gradient:w", %[[DW0]] : tensor<100x4xf32>
// CHECK: gpt.write @"gradient:w", %[[DW1]] accumulate : tensor<100x4xf32>
// CHECK: return %{{.*}}, %[[DX]]
// WHOLE-LABEL: func.func @head
// WHOLE-NOT: gpt.slice
// WHOLE: tensor<2x4x100xf32>
func.func @head(%x: tensor<2x4x4xf32>) -> (tensor<2xf32>, tensor<2x4x4xf32>) {
  %w = gpt.read @w : tensor<100x4xf32>
  %z = gpt.matmul %x, %w transpose_rhs : tensor<2x4x4xf32>, tensor<100x4xf32> -> tensor<2x4x100xf32>
  %max = gpt.reduce max %z [2] : tensor<2x4x100xf32> -> tensor<2x4xf32>
  %loss = gpt.reduce sum %max [1] : tensor<2x4xf32> -> tensor<2xf32>
  // Read behind the product, though needed within the pieces.
  %t = gpt.read @targets : tensor<2x4xi32>
  %column = gpt.reshape %t : tensor<2x4xi32> -> tensor<2x4x1xi32>
  %maxes = gpt.reshape %max : tensor<2x4xf32> -> tensor<2x4x1xf32>
  %d = gpt.map(%z, %maxes, %column) : (tensor<2x4x100xf32>, tensor<2x4x1xf32>, tensor<2x4x1xi32>) -> tensor<2x4x100xf32> {
  ^bb0(%a: f32, %b: f32, %c: i32):
    %0 = arith.subf %a, %b : f32
    %1 = arith.sitofp %c : i32 to f32
    %2 = arith.mulf %0, %1 : f32
    gpt.yield %2 : f32
  }
  %dx = gpt.matmul %d, %w : tensor<2x4x100xf32>, tensor<100x4xf32> -> tensor<2x4x4xf32>
  %flat = gpt.reshape %d : tensor<2x4x100xf32> -> tensor<8x100xf32>
  %rows = gpt.reshape %x : tensor<2x4x4xf32> -> tensor<8x4xf32>
  %dw = gpt.matmul %flat, %rows transpose_lhs : tensor<8x100xf32>, tensor<8x4xf32> -> tensor<100x4xf32>
  gpt.write @"gradient:w", %dw : tensor<100x4xf32>
  return %loss, %dx : tensor<2xf32>, tensor<2x4x4xf32>
}

// -----

// Each row's part of the gradient depends on the sum over all rows: the logits stay whole.
// REMARK: remark: [Missed] Chunked | Category:gpt-chunk-rows | Function=coupled | Reason="what is made of a row depends on all rows", bytes=3200
// CHECK-LABEL: func.func @coupled
// CHECK-NOT: gpt.slice
func.func @coupled(%x: tensor<8x4xf32>, %w: tensor<100x4xf32>) -> tensor<8x4xf32> {
  %z = gpt.matmul %x, %w transpose_rhs : tensor<8x4xf32>, tensor<100x4xf32> -> tensor<8x100xf32>
  %max = gpt.reduce max %z [1] : tensor<8x100xf32> -> tensor<8xf32>
  %sum = gpt.reduce sum %max [0] : tensor<8xf32> -> tensor<f32>
  %d = gpt.map(%z, %sum) : (tensor<8x100xf32>, tensor<f32>) -> tensor<8x100xf32> {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    gpt.yield %0 : f32
  }
  %dx = gpt.matmul %d, %w : tensor<8x100xf32>, tensor<100x4xf32> -> tensor<8x4xf32>
  return %dx : tensor<8x4xf32>
}

// -----

// Logits that somebody wants as they are stay whole.
// REMARK: remark: [Missed] Chunked | Category:gpt-chunk-rows | Function=returned | Reason="something reads it that does not work row by row", bytes=3200
func.func @returned(%x: tensor<8x4xf32>, %w: tensor<100x4xf32>) -> tensor<8x100xf32> {
  %z = gpt.matmul %x, %w transpose_rhs : tensor<8x4xf32>, tensor<100x4xf32> -> tensor<8x100xf32>
  return %z : tensor<8x100xf32>
}

// -----

// Seven rows in pieces of four and three; a sum over rows that is more than written is added up.
// CHECK-LABEL: func.func @uneven
// CHECK: gpt.matmul {{.*}} -> tensor<4x100xf32>
// CHECK: %[[S0:.*]] = gpt.reduce sum {{.*}} [0] : tensor<4x100xf32> -> tensor<100xf32>
// CHECK: gpt.matmul {{.*}} -> tensor<3x100xf32>
// CHECK: %[[S1:.*]] = gpt.reduce sum {{.*}} [0] : tensor<3x100xf32> -> tensor<100xf32>
// CHECK: gpt.map(%[[S0]], %[[S1]])
// CHECK: arith.addf
func.func @uneven(%x: tensor<7x4xf32>, %w: tensor<100x4xf32>) -> tensor<100xf32> {
  %z = gpt.matmul %x, %w transpose_rhs : tensor<7x4xf32>, tensor<100x4xf32> -> tensor<7x100xf32>
  %s = gpt.reduce sum %z [0] : tensor<7x100xf32> -> tensor<100xf32>
  return %s : tensor<100xf32>
}
