// The column schedule: columns are summed in scratch memory, blocks of 256 of them together where a launch has them.
// RUN: gptc-opt %s --split-input-file --plan-lower-kernels --canonicalize --cse | FileCheck %s

// 600 columns are three blocks, for each of the 2 kept indices.
// CHECK-LABEL: func.func @blocks(
// CHECK-SAME:    %[[X:.*]]: memref<2x4x600xf32>, %[[M:.*]]: memref<2x4xf32>, %[[Y:.*]]: memref<2x600xf32>, %[[BEGIN:.*]]: index, %[[END:.*]]: index)
// CHECK-DAG:     %[[C3:.*]] = arith.constant 3 : index
// CHECK-DAG:     %[[C4:.*]] = arith.constant 4 : index
// CHECK-DAG:     %[[C256:.*]] = arith.constant 256 : index
// CHECK-DAG:     %[[C600:.*]] = arith.constant 600 : index
// CHECK-DAG:     %[[SCRATCH:.*]] = memref.alloca() {alignment = 64 : i64} : memref<600xf32>
// CHECK:         scf.while (%{{.*}} = %[[BEGIN]])
// CHECK:         ^bb0(%[[UNIT:.*]]: index):
// CHECK-DAG:       %[[ROW:.*]] = arith.divui %[[UNIT]], %[[C3]]
// CHECK-DAG:       %[[BLOCK:.*]] = arith.remui %[[UNIT]], %[[C3]]
// CHECK-DAG:       %[[FIRST:.*]] = arith.muli %[[BLOCK]], %[[C256]]
// CHECK:           %[[LAST:.*]] = arith.minui %{{.*}}, %[[C600]]
// CHECK:           scf.for %{{.*}} = %[[FIRST]] to %[[LAST]]
// CHECK:             memref.store %{{.*}}, %[[SCRATCH]]
// CHECK:           scf.for %[[T:.*]] = %{{.*}} to %[[C4]]
// A value of a row is read once a row.
// CHECK-NEXT:        %[[WEIGHT:.*]] = memref.load %[[M]][%[[ROW]], %[[T]]]
// CHECK-NEXT:        scf.for %[[C:.*]] = %[[FIRST]] to %[[LAST]]
// CHECK:               %[[PLACE:.*]] = arith.subi %[[C]], %[[FIRST]]
// CHECK:               memref.load %[[X]][%[[ROW]], %[[T]], %[[C]]]
// CHECK:               %[[OLD:.*]] = memref.load %[[SCRATCH]][%[[PLACE]]]
// CHECK:               %[[NEW:.*]] = arith.addf %[[OLD]], %{{.*}} fastmath<reassoc,nsz,contract>
// CHECK:               memref.store %[[NEW]], %[[SCRATCH]][%[[PLACE]]]
// CHECK:           scf.for %[[C:.*]] = %[[FIRST]] to %[[LAST]]
// CHECK:             %[[SUM:.*]] = memref.load %[[SCRATCH]]
// CHECK:             %[[BEFORE:.*]] = memref.load %[[Y]][%[[ROW]], %[[C]]]
// CHECK:             arith.addf %[[BEFORE]], %[[SUM]]
plan.kernel @blocks "column" rows 6 layouts [memref<2x4x600xf32>, memref<2x4xf32>, memref<2x600xf32>] accumulate [true] in_place [-1] {
^bb0(%x: tensor<2x4x600xf32>, %m: tensor<2x4xf32>):
  %mc = gpt.reshape %m : tensor<2x4xf32> -> tensor<2x4x1xf32>
  %p = gpt.map(%x, %mc) : (tensor<2x4x600xf32>, tensor<2x4x1xf32>) -> tensor<2x4x600xf32> {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    gpt.yield %0 : f32
  }
  %s = gpt.reduce sum %p [1] : tensor<2x4x600xf32> -> tensor<2x600xf32>
  gpt.yield %s : tensor<2x600xf32>
}

// -----

// Up to 256 columns are one block, whose size is known; leading axes are merged; a scale behind the sum is part of the kernel.
// CHECK-LABEL: func.func @narrow(
// CHECK-SAME:    %[[X:.*]]: memref<8x40xf32>, %[[K:.*]]: memref<f32>, %[[Y:.*]]: memref<40xf32>,
// CHECK-NOT:     scf.while
// CHECK:         %[[SCALE:.*]] = memref.load %[[K]][]
// CHECK:         scf.for
// CHECK:           scf.for %[[R:.*]] = %c0 to %c8
// CHECK-NEXT:        scf.for %[[C:.*]] = %c0 to %c40
// CHECK:               memref.load %[[X]][%[[R]], %[[C]]]
// CHECK:           scf.for %[[C:.*]] = %c0 to %c40
// CHECK:             %[[SUM:.*]] = memref.load
// CHECK:             %[[SCALED:.*]] = arith.mulf %[[SUM]], %[[SCALE]]
// CHECK:             memref.store %[[SCALED]], %[[Y]][%[[C]]]
plan.kernel @narrow "column" rows 1 layouts [memref<2x4x40xf32>, memref<f32>, memref<40xf32>] accumulate [false] in_place [-1] {
^bb0(%x: tensor<2x4x40xf32>, %k: tensor<f32>):
  %s = gpt.reduce sum %x [0, 1] : tensor<2x4x40xf32> -> tensor<40xf32>
  %y = gpt.map(%s, %k) : (tensor<40xf32>, tensor<f32>) -> tensor<40xf32> {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    gpt.yield %0 : f32
  }
  gpt.yield %y : tensor<40xf32>
}
