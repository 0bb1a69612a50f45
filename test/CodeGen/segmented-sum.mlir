// The segmented sum: one search for a launch, then the sorted indices are walked through.
// RUN: gptc-opt %s --split-input-file --plan-lower-kernels --canonicalize --cse | FileCheck %s

// CHECK-LABEL: func.func @replaced(
// CHECK-SAME:    %[[I:.*]]: memref<2x3xi32>, %[[O:.*]]: memref<6xi32>, %[[DY:.*]]: memref<2x3x8xf32>, %[[Y:.*]]: memref<10x8xf32, strided<[16, 1]>>, %[[BEGIN:.*]]: index, %[[END:.*]]: index)
// CHECK-DAG:     %[[C5:.*]] = arith.constant 5 : index
// CHECK-DAG:     %[[C6:.*]] = arith.constant 6 : index
// CHECK-DAG:     %[[C8:.*]] = arith.constant 8 : index
// CHECK-DAG:     %[[C16:.*]] = arith.constant 16 : index
// CHECK:         %[[SEARCH:.*]]:2 = scf.while (%{{.*}} = %c0, %{{.*}} = %[[C6]])
// CHECK:           arith.cmpi slt, %{{.*}}, %[[BEGIN]]
// CHECK:         scf.for %[[V:.*]] = %[[BEGIN]] to %[[END]] step %c1 iter_args(%[[START:.*]] = %[[SEARCH]]#0)
// CHECK:           %[[ROW:.*]] = arith.muli %[[V]], %[[C16]]
// Rows without an index are 0.
// CHECK:           scf.for
// CHECK:             memref.store %cst
// CHECK:           scf.while (%[[POSITION:.*]] = %[[START]])
// No load goes beyond the last index.
// CHECK:             arith.minui %[[POSITION]], %[[C5]]
// CHECK:             arith.cmpi ult, %[[POSITION]], %[[C6]]
// CHECK:             arith.cmpi eq, %{{.*}}, %[[V]]
// CHECK:             scf.condition
// CHECK:             %[[N:.*]] = memref.load %[[O]]
// CHECK:             scf.for %{{.*}} = %c0 to %[[C8]]
// CHECK:               arith.addf
plan.kernel @replaced "segmented_sum" rows 10 layouts [memref<2x3xi32>, memref<6xi32>, memref<2x3x8xf32>, memref<10x8xf32, strided<[16, 1]>>] accumulate [false] in_place [-1] {
^bb0(%i: tensor<2x3xi32>, %o: tensor<6xi32>, %dy: tensor<2x3x8xf32>):
  %g = gpt.embedding_grad %i, %o, %dy : tensor<2x3xi32>, tensor<6xi32>, tensor<2x3x8xf32> -> tensor<10x8xf32>
  gpt.yield %g : tensor<10x8xf32>
}

// -----

// Where the sum is added to what is there, rows without an index are not touched.
// CHECK-LABEL: func.func @added(
// CHECK:         scf.for
// CHECK-NOT:       memref.store
// CHECK:           scf.while
plan.kernel @added "segmented_sum" rows 10 layouts [memref<6xi32>, memref<6xi32>, memref<6x8xf32>, memref<10x8xf32>] accumulate [true] in_place [-1] {
^bb0(%i: tensor<6xi32>, %o: tensor<6xi32>, %dy: tensor<6x8xf32>):
  %g = gpt.embedding_grad %i, %o, %dy : tensor<6xi32>, tensor<6xi32>, tensor<6x8xf32> -> tensor<10x8xf32>
  gpt.yield %g : tensor<10x8xf32>
}
