// RUN: gptc-opt %s --gpt-form-flash-attention --split-input-file | FileCheck %s
// RUN: gptc-opt %s --gpt-form-flash-attention --split-input-file --remarks-filter='gpt-form-flash-attention' --remark-policy=all -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// What gpt.attention stands for, and other ways to write it.

// REMARK: remark: [Passed] Attention | Category:gpt-form-flash-attention | Function=decomposed | causal=true, heads=4, keys=5, queries=5
// CHECK-LABEL: func.func @decomposed
// CHECK-SAME: (%[[Q:.*]]: tensor<2x4x5x3xf32>, %[[K:.*]]: tensor<2x2x5x3xf32>, %[[V:.*]]: tensor<2x2x5x6xf32>)
// CHECK-NEXT: %[[R:.*]], %{{.*}} = gpt.flash_attention %[[Q]], %[[K]], %[[V]] causal scale 5.000000e-01 : tensor<2x4x5x3xf32>, tensor<2x2x5x3xf32>, tensor<2x2x5x6xf32> -> tensor<2x4x5x6xf32>, tensor<2x4x5xf32>
// CHECK-NEXT: %[[G:.*]] = gpt.reshape %[[R]] : tensor<2x4x5x6xf32> -> tensor<2x2x10x6xf32>
// CHECK-NEXT: %[[U:.*]] = gpt.reshape %[[G]]
// CHECK-NEXT: return %[[U]]
func.func @decomposed(%q: tensor<2x4x5x3xf32>, %k: tensor<2x2x5x3xf32>, %v: tensor<2x2x5x6xf32>) -> tensor<2x4x5x6xf32> {
  %0 = gpt.reshape %q : tensor<2x4x5x3xf32> -> tensor<2x2x10x3xf32>
  %1 = gpt.matmul %0, %k transpose_rhs : tensor<2x2x10x3xf32>, tensor<2x2x5x3xf32> -> tensor<2x2x10x5xf32>
  %2 = gpt.reshape %1 : tensor<2x2x10x5xf32> -> tensor<2x4x5x5xf32>
  %3 = gpt.iota : tensor<5xi32>
  %4 = gpt.reshape %3 : tensor<5xi32> -> tensor<5x1xi32>
  %5 = gpt.map(%2, %4, %3) : (tensor<2x4x5x5xf32>, tensor<5x1xi32>, tensor<5xi32>) -> tensor<2x4x5x5xf32> {
  ^bb0(%a: f32, %t: i32, %s: i32):
    %half = arith.constant 0.5 : f32
    %low = arith.constant 0xFF800000 : f32
    %6 = arith.mulf %a, %half : f32
    %7 = arith.cmpi sge, %t, %s : i32
    %8 = arith.select %7, %6, %low : f32
    gpt.yield %8 : f32
  }
  %9 = gpt.softmax %5 : tensor<2x4x5x5xf32>
  %10 = gpt.reshape %9 : tensor<2x4x5x5xf32> -> tensor<2x2x10x5xf32>
  %11 = gpt.matmul %10, %v : tensor<2x2x10x5xf32>, tensor<2x2x5x6xf32> -> tensor<2x2x10x6xf32>
  %12 = gpt.reshape %11 : tensor<2x2x10x6xf32> -> tensor<2x4x5x6xf32>
  return %12 : tensor<2x4x5x6xf32>
}

// -----

// Heads and sequences are one axis; the keys come transposed, scaled, as does the query; no mask.
// CHECK-LABEL: func.func @three_axes
// CHECK-SAME: (%[[Q:.*]]: tensor<6x4x3xf32>, %[[K:.*]]: tensor<6x3x7xf32>, %[[V:.*]]: tensor<6x7x2xf32>)
// CHECK-DAG: %[[Q4:.*]] = gpt.reshape %[[Q]] : tensor<6x4x3xf32> -> tensor<1x6x4x3xf32>
// CHECK-DAG: %[[KT:.*]] = gpt.transpose %[[K]] [0, 2, 1] : tensor<6x3x7xf32>
// CHECK-DAG: %[[K4:.*]] = gpt.reshape %[[KT]] : tensor<6x7x3xf32> -> tensor<1x6x7x3xf32>
// CHECK-DAG: %[[V4:.*]] = gpt.reshape %[[V]] : tensor<6x7x2xf32> -> tensor<1x6x7x2xf32>
// CHECK: %[[R:.*]], %{{.*}} = gpt.flash_attention %[[Q4]], %[[K4]], %[[V4]] scale 2.500000e-01
// CHECK-NEXT: %[[Y:.*]] = gpt.reshape %[[R]] : tensor<1x6x4x2xf32> -> tensor<6x4x2xf32>
// CHECK-NEXT: return %[[Y]]
func.func @three_axes(%q: tensor<6x4x3xf32>, %k: tensor<6x3x7xf32>, %v: tensor<6x7x2xf32>) -> tensor<6x4x2xf32> {
  %0 = gpt.map(%q) : (tensor<6x4x3xf32>) -> tensor<6x4x3xf32> {
  ^bb0(%a: f32):
    %half = arith.constant 0.5 : f32
    %1 = arith.mulf %half, %a : f32
    gpt.yield %1 : f32
  }
  %2 = gpt.map(%k) : (tensor<6x3x7xf32>) -> tensor<6x3x7xf32> {
  ^bb0(%a: f32):
    %two = arith.constant 2.0 : f32
    %3 = arith.divf %a, %two : f32
    gpt.yield %3 : f32
  }
  %4 = gpt.matmul %0, %2 : tensor<6x4x3xf32>, tensor<6x3x7xf32> -> tensor<6x4x7xf32>
  %5 = gpt.softmax %4 : tensor<6x4x7xf32>
  %6 = gpt.matmul %5, %v : tensor<6x4x7xf32>, tensor<6x7x2xf32> -> tensor<6x4x2xf32>
  return %6 : tensor<6x4x2xf32>
}

// -----

// Two axes; everything the other way around: keys times queries, values times probabilities, in the end transposed.
// CHECK-LABEL: func.func @turned_around
// CHECK-SAME: (%[[Q:.*]]: tensor<4x3xf32>, %[[K:.*]]: tensor<7x3xf32>, %[[V:.*]]: tensor<7x2xf32>)
// CHECK-DAG: %[[Q4:.*]] = gpt.reshape %[[Q]] : tensor<4x3xf32> -> tensor<1x1x4x3xf32>
// CHECK-DAG: %[[K4:.*]] = gpt.reshape %[[K]] : tensor<7x3xf32> -> tensor<1x1x7x3xf32>
// CHECK-DAG: %[[V4:.*]] = gpt.reshape %[[V]] : tensor<7x2xf32> -> tensor<1x1x7x2xf32>
// CHECK: %[[R:.*]], %{{.*}} = gpt.flash_attention %[[Q4]], %[[K4]], %[[V4]] scale 1.000000e+00
// CHECK-NEXT: %[[M:.*]] = gpt.reshape %[[R]] : tensor<1x1x4x2xf32> -> tensor<4x2xf32>
// CHECK-NEXT: %[[Y:.*]] = gpt.transpose %[[M]] [1, 0]
// CHECK-NEXT: return %[[Y]]
func.func @turned_around(%q: tensor<4x3xf32>, %k: tensor<7x3xf32>, %v: tensor<7x2xf32>) -> tensor<2x4xf32> {
  %0 = gpt.matmul %k, %q transpose_rhs : tensor<7x3xf32>, tensor<4x3xf32> -> tensor<7x4xf32>
  %1 = gpt.transpose %0 [1, 0] : tensor<7x4xf32> -> tensor<4x7xf32>
  %2 = gpt.softmax %1 : tensor<4x7xf32>
  %3 = gpt.matmul %v, %2 transpose_lhs transpose_rhs : tensor<7x2xf32>, tensor<4x7xf32> -> tensor<2x4xf32>
  return %3 : tensor<2x4xf32>
}

// -----

// The softmax written out, in one map where it can be; a mask of 0 and -inf is added, made of reals.
// CHECK-LABEL: func.func @written_out
// CHECK: gpt.flash_attention %{{.*}}, %{{.*}}, %{{.*}} causal scale 1.250000e-01
// CHECK-NOT: gpt.map
// CHECK: return
func.func @written_out(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>) -> tensor<2x5x4xf32> {
  %0 = gpt.matmul %q, %k transpose_rhs : tensor<2x5x4xf32>, tensor<2x5x4xf32> -> tensor<2x5x5xf32>
  %s = gpt.iota : tensor<5xi32>
  %t = gpt.reshape %s : tensor<5xi32> -> tensor<5x1xi32>
  %past = gpt.map(%s, %t) : (tensor<5xi32>, tensor<5x1xi32>) -> tensor<5x5xf32> {
  ^bb0(%i: i32, %j: i32):
    %1 = arith.cmpi sle, %i, %j : i32
    %2 = arith.uitofp %1 : i1 to f32
    gpt.yield %2 : f32
  }
  %scores = gpt.map(%0, %past) : (tensor<2x5x5xf32>, tensor<5x5xf32>) -> tensor<2x5x5xf32> {
  ^bb0(%a: f32, %m: f32):
    %zero = arith.constant 0.0 : f32
    %low = arith.constant 0xFF800000 : f32
    %eight = arith.constant 8.0 : f32
    %3 = arith.divf %a, %eight : f32
    %4 = arith.cmpf oeq, %m, %zero : f32
    %5 = arith.select %4, %low, %zero : f32
    %6 = arith.addf %5, %3 : f32
    gpt.yield %6 : f32
  }
  %max = gpt.reduce max %scores [2] : tensor<2x5x5xf32> -> tensor<2x5xf32>
  %column = gpt.reshape %max : tensor<2x5xf32> -> tensor<2x5x1xf32>
  %exps = gpt.map(%scores, %column) : (tensor<2x5x5xf32>, tensor<2x5x1xf32>) -> tensor<2x5x5xf32> {
  ^bb0(%a: f32, %m: f32):
    %7 = arith.subf %a, %m : f32
    %8 = math.exp %7 : f32
    gpt.yield %8 : f32
  }
  %sum = gpt.reduce sum %exps [2] : tensor<2x5x5xf32> -> tensor<2x5xf32>
  %sums = gpt.reshape %sum : tensor<2x5xf32> -> tensor<2x5x1xf32>
  %p = gpt.map(%scores, %column, %sums) : (tensor<2x5x5xf32>, tensor<2x5x1xf32>, tensor<2x5x1xf32>) -> tensor<2x5x5xf32> {
  ^bb0(%a: f32, %m: f32, %n: f32):
    %9 = arith.subf %a, %m : f32
    %10 = math.exp %9 : f32
    %11 = arith.divf %10, %n : f32
    gpt.yield %11 : f32
  }
  %y = gpt.matmul %p, %v : tensor<2x5x5xf32>, tensor<2x5x4xf32> -> tensor<2x5x4xf32>
  return %y : tensor<2x5x4xf32>
}

// -----

// From [B, T, 3C] and back to [B, T, C], as models do: rearrangements are taken over, none is added.
// CHECK-LABEL: func.func @model
// CHECK: %[[S:.*]]:3 = gpt.split
// CHECK-DAG: %[[Q:.*]] = gpt.reshape %[[S]]#0 : tensor<2x5x6xf32> -> tensor<2x5x3x2xf32>
// CHECK-DAG: %[[QT:.*]] = gpt.transpose %[[Q]] [0, 2, 1, 3]
// CHECK-DAG: %[[K:.*]] = gpt.reshape %[[S]]#1 : tensor<2x5x6xf32> -> tensor<2x5x3x2xf32>
// CHECK-DAG: %[[KT:.*]] = gpt.transpose %[[K]] [0, 2, 1, 3]
// CHECK-DAG: %[[V:.*]] = gpt.reshape %[[S]]#2 : tensor<2x5x6xf32> -> tensor<2x5x3x2xf32>
// CHECK-DAG: %[[VT:.*]] = gpt.transpose %[[V]] [0, 2, 1, 3]
// CHECK: gpt.flash_attention %[[QT]], %[[KT]], %[[VT]] causal scale
func.func @model(%x: tensor<2x5x18xf32>) -> tensor<2x5x6xf32> {
  %q, %k, %v = gpt.split %x axis 2 : tensor<2x5x18xf32> -> tensor<2x5x6xf32>, tensor<2x5x6xf32>, tensor<2x5x6xf32>
  %q0 = gpt.reshape %q : tensor<2x5x6xf32> -> tensor<2x5x3x2xf32>
  %q1 = gpt.transpose %q0 [0, 2, 1, 3] : tensor<2x5x3x2xf32> -> tensor<2x3x5x2xf32>
  %q2 = gpt.reshape %q1 : tensor<2x3x5x2xf32> -> tensor<6x5x2xf32>
  %k0 = gpt.reshape %k : tensor<2x5x6xf32> -> tensor<2x5x3x2xf32>
  %k1 = gpt.transpose %k0 [0, 2, 3, 1] : tensor<2x5x3x2xf32> -> tensor<2x3x2x5xf32>
  %k2 = gpt.reshape %k1 : tensor<2x3x2x5xf32> -> tensor<6x2x5xf32>
  %v0 = gpt.reshape %v : tensor<2x5x6xf32> -> tensor<2x5x3x2xf32>
  %v1 = gpt.transpose %v0 [0, 2, 1, 3] : tensor<2x5x3x2xf32> -> tensor<2x3x5x2xf32>
  %v2 = gpt.reshape %v1 : tensor<2x3x5x2xf32> -> tensor<6x5x2xf32>
  %0 = gpt.matmul %q2, %k2 : tensor<6x5x2xf32>, tensor<6x2x5xf32> -> tensor<6x5x5xf32>
  %s = gpt.iota : tensor<5xi32>
  %t = gpt.reshape %s : tensor<5xi32> -> tensor<5x1xi32>
  %1 = gpt.map(%t, %s, %0) : (tensor<5x1xi32>, tensor<5xi32>, tensor<6x5x5xf32>) -> tensor<6x5x5xf32> {
  ^bb0(%i: i32, %j: i32, %a: f32):
    %low = arith.constant 0xFF800000 : f32
    %scale = arith.constant 0.7 : f32
    %2 = arith.cmpi slt, %i, %j : i32
    %3 = arith.select %2, %low, %a : f32
    %4 = arith.mulf %3, %scale : f32
    gpt.yield %4 : f32
  }
  %5 = gpt.softmax %1 : tensor<6x5x5xf32>
  %6 = gpt.matmul %5, %v2 : tensor<6x5x5xf32>, tensor<6x5x2xf32> -> tensor<6x5x2xf32>
  %7 = gpt.reshape %6 : tensor<6x5x2xf32> -> tensor<2x3x5x2xf32>
  %8 = gpt.transpose %7 [0, 2, 1, 3] : tensor<2x3x5x2xf32> -> tensor<2x5x3x2xf32>
  %9 = gpt.reshape %8 : tensor<2x5x3x2xf32> -> tensor<2x5x6xf32>
  return %9 : tensor<2x5x6xf32>
}
