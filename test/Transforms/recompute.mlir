// RUN: gptc-opt %s --gpt-recompute='save=product=2000,chain=3000,written=100' --split-input-file | FileCheck %s
// RUN: gptc-opt %s --gpt-recompute='save=product=2000,chain=3000,written=100' --split-input-file --remarks-filter='gpt-recompute' --remark-policy=all -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: gptc-opt %s --gpt-recompute='save=product=2000,chain=3000' --gpt-form-kernels --split-input-file | FileCheck %s --check-prefix=KERNELS
// RUN: not gptc-opt %s --gpt-recompute='save=product' --split-input-file 2>&1 | FileCheck %s --check-prefix=ERROR
// ERROR: error: save: required ENTRY=BYTES, as accumulate_first=1000000, found product

// What the wide product lies beside is computed again, behind it, from what is there anyway: a matmul.
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<4x64xf32>
gpt.variable @v parameter init(<constant, 0.0, 0.0>) : tensor<64x4xf32>
gpt.variable @e parameter init(<constant, 0.0, 0.0>) : tensor<400x4xf32>

// REMARK: [Passed] Recomputed | Category:gpt-recompute | Function=product | bytes=2048, flops=4096, operations=1
// REMARK: [Analysis] Price | Category:gpt-recompute | Function=product | asked=2000, flops=4096, flops_without={{[0-9]+}}, saved=2048
// CHECK-LABEL: func.func @product
// CHECK: %[[H:.*]] = gpt.matmul %arg0, %[[W:[0-9]+]] :
// CHECK: gpt.map(%[[H]])
// CHECK: tensor<8x400xf32>
// CHECK: %[[DA:.*]] = gpt.matmul {{.*}} transpose_rhs
// CHECK-NEXT: %[[AGAIN:.*]] = gpt.matmul %arg0, %[[W]] {gpt.rematerialized} :
// CHECK-NEXT: gpt.map(%[[DA]], %[[AGAIN]])
// KERNELS-LABEL: func.func @product
// KERNELS-NOT: gpt.rematerialized
func.func @product(%x: tensor<8x4xf32>) -> tensor<8x64xf32> {
  %w = gpt.read @w : tensor<4x64xf32>
  %v = gpt.read @v : tensor<64x4xf32>
  %e = gpt.read @e : tensor<400x4xf32>
  %h = gpt.matmul %x, %w : tensor<8x4xf32>, tensor<4x64xf32> -> tensor<8x64xf32>
  %a = gpt.map(%h) : (tensor<8x64xf32>) -> tensor<8x64xf32> {
  ^bb0(%s: f32):
    %0 = math.exp %s : f32
    gpt.yield %0 : f32
  }
  %y = gpt.matmul %a, %v : tensor<8x64xf32>, tensor<64x4xf32> -> tensor<8x4xf32>
  %z = gpt.matmul %y, %e transpose_rhs : tensor<8x4xf32>, tensor<400x4xf32> -> tensor<8x400xf32>
  %d = gpt.matmul %z, %e : tensor<8x400xf32>, tensor<400x4xf32> -> tensor<8x4xf32>
  %da = gpt.matmul %d, %v transpose_rhs : tensor<8x4xf32>, tensor<64x4xf32> -> tensor<8x64xf32>
  %dh = gpt.map(%da, %h) : (tensor<8x64xf32>, tensor<8x64xf32>) -> tensor<8x64xf32> {
  ^bb0(%s: f32, %t: f32):
    %0 = math.exp %t : f32
    %1 = arith.mulf %s, %0 : f32
    gpt.yield %1 : f32
  }
  return %dh : tensor<8x64xf32>
}

// An entry that is not named stays as it is.
// CHECK-LABEL: func.func @unnamed
// CHECK-NOT: gpt.rematerialized
func.func @unnamed(%x: tensor<8x4xf32>) -> tensor<8x64xf32> {
  %w = gpt.read @w : tensor<4x64xf32>
  %v = gpt.read @v : tensor<64x4xf32>
  %e = gpt.read @e : tensor<400x4xf32>
  %h = gpt.matmul %x, %w : tensor<8x4xf32>, tensor<4x64xf32> -> tensor<8x64xf32>
  %y = gpt.matmul %h, %v : tensor<8x64xf32>, tensor<64x4xf32> -> tensor<8x4xf32>
  %z = gpt.matmul %y, %e transpose_rhs : tensor<8x4xf32>, tensor<400x4xf32> -> tensor<8x400xf32>
  %d = gpt.matmul %z, %e : tensor<8x400xf32>, tensor<400x4xf32> -> tensor<8x4xf32>
  %da = gpt.matmul %d, %v transpose_rhs : tensor<8x4xf32>, tensor<64x4xf32> -> tensor<8x64xf32>
  %dh = gpt.map(%da, %h) : (tensor<8x64xf32>, tensor<8x64xf32>) -> tensor<8x64xf32> {
  ^bb0(%s: f32, %t: f32):
    %1 = arith.mulf %s, %t : f32
    gpt.yield %1 : f32
  }
  return %dh : tensor<8x64xf32>
}

// -----

// What a value is computed from need not be there: the chain goes back to what is, through a reshape, and both of
// its products are made once for all that reads them later.
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<4x64xf32>
gpt.variable @u parameter init(<constant, 0.0, 0.0>) : tensor<64x64xf32>
gpt.variable @v parameter init(<constant, 0.0, 0.0>) : tensor<64x4xf32>
gpt.variable @e parameter init(<constant, 0.0, 0.0>) : tensor<400x4xf32>

// REMARK: [Analysis] Price | Category:gpt-recompute | Function=chain | asked=3000, flops=69632,
// CHECK-LABEL: func.func @chain
// CHECK: tensor<8x400xf32>
// CHECK: gpt.matmul {{.*}} transpose_rhs
// CHECK: %[[FIRST:.*]] = gpt.matmul %arg0, %{{.*}} {gpt.rematerialized} : tensor<2x4x4xf32>
// CHECK: %[[FLAT:.*]] = gpt.reshape %[[FIRST]]
// CHECK: %[[SECOND:.*]] = gpt.matmul %[[FLAT]], %{{.*}} {gpt.rematerialized}
// CHECK: gpt.map(%{{.*}}, %[[SECOND]])
// CHECK: gpt.matmul
// CHECK-NOT: gpt.rematerialized
// CHECK: gpt.map(%{{.*}}, %{{.*}})
func.func @chain(%x: tensor<2x4x4xf32>) -> tensor<8x64xf32> {
  %w = gpt.read @w : tensor<4x64xf32>
  %u = gpt.read @u : tensor<64x64xf32>
  %v = gpt.read @v : tensor<64x4xf32>
  %e = gpt.read @e : tensor<400x4xf32>
  %cube = gpt.matmul %x, %w : tensor<2x4x4xf32>, tensor<4x64xf32> -> tensor<2x4x64xf32>
  %h = gpt.reshape %cube : tensor<2x4x64xf32> -> tensor<8x64xf32>
  %g = gpt.matmul %h, %u : tensor<8x64xf32>, tensor<64x64xf32> -> tensor<8x64xf32>
  %y = gpt.matmul %g, %v : tensor<8x64xf32>, tensor<64x4xf32> -> tensor<8x4xf32>
  %z = gpt.matmul %y, %e transpose_rhs : tensor<8x4xf32>, tensor<400x4xf32> -> tensor<8x400xf32>
  %d = gpt.matmul %z, %e : tensor<8x400xf32>, tensor<400x4xf32> -> tensor<8x4xf32>
  %dg = gpt.matmul %d, %v transpose_rhs : tensor<8x4xf32>, tensor<64x4xf32> -> tensor<8x64xf32>
  %dg2 = gpt.map(%dg, %g) : (tensor<8x64xf32>, tensor<8x64xf32>) -> tensor<8x64xf32> {
  ^bb0(%s: f32, %t: f32):
    %1 = arith.mulf %s, %t : f32
    gpt.yield %1 : f32
  }
  %dh = gpt.matmul %dg2, %u transpose_rhs : tensor<8x64xf32>, tensor<64x64xf32> -> tensor<8x64xf32>
  %dh2 = gpt.map(%dh, %h) : (tensor<8x64xf32>, tensor<8x64xf32>) -> tensor<8x64xf32> {
  ^bb0(%s: f32, %t: f32):
    %1 = arith.mulf %s, %t : f32
    gpt.yield %1 : f32
  }
  return %dh2 : tensor<8x64xf32>
}

// -----

// What is computed from it again needs a variable as it was.
gpt.variable @w parameter init(<constant, 0.0, 0.0>) : tensor<4x64xf32>
gpt.variable @e parameter init(<constant, 0.0, 0.0>) : tensor<400x64xf32>

// REMARK: [Missed] Kept | Category:gpt-recompute | Function=written | Reason="reads a variable that is written", bytes=2048
// CHECK-LABEL: func.func @written
// CHECK-NOT: gpt.rematerialized
func.func @written(%x: tensor<8x4xf32>) -> tensor<8x64xf32> {
  %w = gpt.read @w : tensor<4x64xf32>
  %e = gpt.read @e : tensor<400x64xf32>
  %h = gpt.matmul %x, %w : tensor<8x4xf32>, tensor<4x64xf32> -> tensor<8x64xf32>
  %z = gpt.matmul %h, %e transpose_rhs : tensor<8x64xf32>, tensor<400x64xf32> -> tensor<8x400xf32>
  %d = gpt.matmul %z, %e : tensor<8x400xf32>, tensor<400x64xf32> -> tensor<8x64xf32>
  %dw = gpt.matmul %x, %d transpose_lhs : tensor<8x4xf32>, tensor<8x64xf32> -> tensor<4x64xf32>
  %dh = gpt.map(%d, %h) : (tensor<8x64xf32>, tensor<8x64xf32>) -> tensor<8x64xf32> {
  ^bb0(%s: f32, %t: f32):
    %1 = arith.mulf %s, %t : f32
    gpt.yield %1 : f32
  }
  gpt.write @w, %dw : tensor<4x64xf32>
  return %dh : tensor<8x64xf32>
}
