// Attention: tiles of two vectors, scores by key and query, and no tile above the diagonal.
// RUN: gptc-opt %s --split-input-file --plan-lower-kernels=vector-bits=512 --canonicalize --cse | FileCheck %s
// RUN: gptc-opt %s --split-input-file --plan-lower-kernels=vector-bits=256 --canonicalize --cse | FileCheck %s --check-prefix=NARROW

// CHECK-LABEL: func.func @forward(
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: memref<1x2x200x64xf32>, %[[K:[a-z0-9]+]]: memref<1x2x200x64xf32>, %[[V:[a-z0-9]+]]: memref<1x2x200x64xf32>, %[[O:[a-z0-9]+]]: memref<1x2x200x64xf32>, %[[LSE:[a-z0-9]+]]: memref<1x2x200xf32>, %[[BEGIN:[a-z0-9]+]]: index, %[[END:[a-z0-9]+]]: index)
// Rows of a head are taken four at a time.
// CHECK:         scf.while (%[[ROW:.*]] = %[[BEGIN]])
// CHECK:           arith.cmpi slt, %[[ROW]], %[[END]]
// Queries are scaled and transposed.
// CHECK:           vector.load %[[Q]]
// CHECK-COUNT-64:  vector.shuffle
// Keys and values of a block.
// CHECK:           vector.load %[[K]]
// CHECK:           vector.load %[[V]]
// Scores of 8 keys, from the first 32 queries on that see one of them.
// CHECK:           scf.for %{{.*}} = %c0 to %{{.*}} step %c8 {
// CHECK:             arith.maxsi %{{.*}}, %c0
// CHECK:             %[[HIDDEN:[0-9]+]] = llvm.inline_asm
// CHECK-NEXT:        %[[FIRST:[0-9]+]] = arith.index_cast %[[HIDDEN]] : i64 to index
// CHECK-NEXT:        scf.for %{{.*}} = %[[FIRST]] to %{{.*}} step %c32 {
// CHECK:           scf.for {{.*}} -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>) {
// CHECK-COUNT-2:     vector.load
// CHECK-COUNT-8:     vector.broadcast
// CHECK:             scf.yield
// The maximum, with a mask only for the keys that some of a vector's queries do not see.
// CHECK:           scf.for {{.*}} -> (vector<16xf32>) {
// CHECK-COUNT-4:     vector.load
// CHECK-NOT:         vector.broadcast
// CHECK:             scf.yield
// CHECK:           scf.for {{.*}} -> (vector<16xf32>) {
// CHECK:             arith.cmpi sle
// CHECK:             arith.select
// CHECK:             vector.store
// CHECK:             scf.yield
// What was summed before is scaled when the maximum rises.
// CHECK:           math.exp
// CHECK:           scf.for
// CHECK:             math.exp
// CHECK:             scf.yield
// Products with the values start from the scaled output.
// CHECK:           scf.for
// CHECK:             scf.for
// CHECK-COUNT-16:      arith.mulf
// CHECK:               scf.for
// CHECK:           math.log
// CHECK:           vector.store %{{.*}}, %[[O]]
// CHECK:           memref.store %{{.*}}, %[[LSE]]

// NARROW-LABEL: func.func @forward(
// NARROW:         scf.for {{.*}} -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>) {
plan.kernel @forward "attention" rows 8 layouts [memref<1x2x200x64xf32>, memref<1x2x200x64xf32>, memref<1x2x200x64xf32>, memref<1x2x200x64xf32>, memref<1x2x200xf32>] accumulate [false, false] in_place [-1, -1] {
^bb0(%q: tensor<1x2x200x64xf32>, %k: tensor<1x2x200x64xf32>, %v: tensor<1x2x200x64xf32>):
  %o, %lse = gpt.flash_attention %q, %k, %v causal scale 0.125 : tensor<1x2x200x64xf32>, tensor<1x2x200x64xf32>, tensor<1x2x200x64xf32> -> tensor<1x2x200x64xf32>, tensor<1x2x200xf32>
  gpt.yield %o, %lse : tensor<1x2x200x64xf32>, tensor<1x2x200xf32>
}

// -----

// The adjoint has five products. Rows that are no whole vectors are copied by scalars.
// CHECK-LABEL: func.func @backward(
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: memref<1x4x40x7xf32>, %[[K:[a-z0-9]+]]: memref<1x2x40x7xf32>,
// CHECK:         memref.load %[[Q]]
// CHECK:         memref.load %[[K]]
// CHECK:           scf.for {{.*}} -> (vector<16xf32>, vector<16xf32>,
// CHECK:           scf.for {{.*}} -> (vector<16xf32>, vector<16xf32>,
// CHECK:           math.exp
// CHECK:           arith.select
// CHECK:           scf.for {{.*}} -> (vector<16xf32>, vector<16xf32>,
// CHECK:           scf.for {{.*}} -> (vector<16xf32>, vector<16xf32>,
// CHECK:           scf.for {{.*}} -> (vector<16xf32>, vector<16xf32>,
// CHECK-NOT:       -> (vector<16xf32>, vector<16xf32>,
plan.kernel @backward "attention_grad" rows 2 layouts [memref<1x4x40x7xf32>, memref<1x2x40x7xf32>, memref<1x2x40x7xf32>, memref<1x4x40x7xf32>, memref<1x4x40xf32>, memref<1x4x40x7xf32>, memref<1x4x40x7xf32>, memref<1x2x40x7xf32>, memref<1x2x40x7xf32>] accumulate [false, false, false] in_place [-1, -1, -1] {
^bb0(%q: tensor<1x4x40x7xf32>, %k: tensor<1x2x40x7xf32>, %v: tensor<1x2x40x7xf32>, %o: tensor<1x4x40x7xf32>, %lse: tensor<1x4x40xf32>, %do: tensor<1x4x40x7xf32>):
  %dq, %dk, %dv = gpt.flash_attention_grad %q, %k, %v, %o, %lse, %do causal scale 0.125 : tensor<1x4x40x7xf32>, tensor<1x2x40x7xf32>, tensor<1x2x40x7xf32>, tensor<1x4x40x7xf32>, tensor<1x4x40xf32>, tensor<1x4x40x7xf32> -> tensor<1x4x40x7xf32>, tensor<1x2x40x7xf32>, tensor<1x2x40x7xf32>
  gpt.yield %dq, %dk, %dv : tensor<1x4x40x7xf32>, tensor<1x2x40x7xf32>, tensor<1x2x40x7xf32>
}
