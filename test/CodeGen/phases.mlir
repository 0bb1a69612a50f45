// Phases of a row: a loop for what each reduction waits for, and what becomes of values that are needed again.
// RUN: gptc-opt %s --split-input-file --plan-lower-kernels --canonicalize --cse | FileCheck %s

// The sum of two rows is an output: later phases read it there. The difference from the mean is one operation, so each
// phase computes its own.
// CHECK-LABEL: func.func @norm(
// CHECK-SAME:    %[[A:.*]]: memref<4x8xf32>, %[[B:.*]]: memref<4x8xf32>, %[[SUM:.*]]: memref<4x8xf32>, %[[Y:.*]]: memref<4x8xf32>, %[[MEAN:.*]]: memref<4xf32>,
// CHECK-NOT:     memref.alloca
// CHECK:         scf.for %[[R:.*]] =
// CHECK:           %[[TOTAL:.*]] = scf.for {{.*}} iter_args(%[[ACCUMULATOR:.*]] = %{{.*}}) -> (f32)
// CHECK-DAG:         memref.load %[[A]]
// CHECK-DAG:         memref.load %[[B]]
// CHECK:             %[[X:.*]] = arith.addf
// CHECK:             arith.addf %[[ACCUMULATOR]], %[[X]] fastmath<reassoc,nsz,contract>
// CHECK:             memref.store %[[X]], %[[SUM]]
// CHECK:           %[[M:.*]] = arith.divf %[[TOTAL]]
// CHECK:           memref.store %[[M]], %[[MEAN]][%[[R]]]
// CHECK:           scf.for {{.*}} -> (f32)
// CHECK-NEXT:        %[[X1:.*]] = memref.load %[[SUM]]
// CHECK-NEXT:        arith.subf %[[X1]], %[[M]]
// CHECK-NOT:         memref.store
// CHECK:             scf.yield
// CHECK:           %[[ROOT:.*]] = math.sqrt
// CHECK:           scf.for
// CHECK-NEXT:        %[[X2:.*]] = memref.load %[[SUM]]
// CHECK-NEXT:        %[[D:.*]] = arith.subf %[[X2]], %[[M]]
// CHECK-NEXT:        %[[Q:.*]] = arith.divf %[[D]], %[[ROOT]]
// CHECK-NEXT:        memref.store %[[Q]], %[[Y]]
plan.kernel @norm "row" rows 4 layouts [memref<4x8xf32>, memref<4x8xf32>, memref<4x8xf32>, memref<4x8xf32>, memref<4xf32>] accumulate [false, false, false] in_place [-1, -1, -1] {
^bb0(%a: tensor<4x8xf32>, %b: tensor<4x8xf32>):
  %x = gpt.map(%a, %b) : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32> {
  ^bb0(%p: f32, %q: f32):
    %0 = arith.addf %p, %q : f32
    gpt.yield %0 : f32
  }
  %s = gpt.reduce sum %x [1] : tensor<4x8xf32> -> tensor<4xf32>
  %mean = gpt.map(%s) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%p: f32):
    %n = arith.constant 8.0 : f32
    %0 = arith.divf %p, %n : f32
    gpt.yield %0 : f32
  }
  %mc = gpt.reshape %mean : tensor<4xf32> -> tensor<4x1xf32>
  %d2 = gpt.map(%x, %mc) : (tensor<4x8xf32>, tensor<4x1xf32>) -> tensor<4x8xf32> {
  ^bb0(%p: f32, %q: f32):
    %0 = arith.subf %p, %q : f32
    %1 = arith.mulf %0, %0 : f32
    gpt.yield %1 : f32
  }
  %v = gpt.reduce sum %d2 [1] : tensor<4x8xf32> -> tensor<4xf32>
  %vc = gpt.reshape %v : tensor<4xf32> -> tensor<4x1xf32>
  %y = gpt.map(%x, %mc, %vc) : (tensor<4x8xf32>, tensor<4x1xf32>, tensor<4x1xf32>) -> tensor<4x8xf32> {
  ^bb0(%p: f32, %q: f32, %r: f32):
    %0 = arith.subf %p, %q : f32
    %1 = math.sqrt %r : f32
    %2 = arith.divf %0, %1 : f32
    gpt.yield %2 : f32
  }
  gpt.yield %x, %y, %mean : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4xf32>
}

// -----

// An exponential is kept, in the row of the output that is written when it is last used. The input's place will do: the
// input is not read any more.
// CHECK-LABEL: func.func @softmax(
// CHECK-SAME:    %[[X:.*]]: memref<4x8xf32>, %[[Y:.*]]: memref<4x8xf32>,
// CHECK-DAG:     %[[INFINITE:.*]] = arith.constant 0xFF800000 : f32
// CHECK-NOT:     memref.alloca
// CHECK:         scf.for
// CHECK:           %[[MAX:.*]] = scf.for {{.*}} iter_args(%[[ACCUMULATOR:.*]] = %[[INFINITE]])
// CHECK-NEXT:        %[[A:.*]] = memref.load %[[X]]
// CHECK-NEXT:        arith.maximumf %[[ACCUMULATOR]], %[[A]] fastmath<nsz>
// CHECK:           %[[SUM:.*]] = scf.for
// CHECK:             %[[E:.*]] = math.exp
// CHECK:             memref.store %[[E]], %[[Y]]
// CHECK:           scf.for
// CHECK-NEXT:        %[[AGAIN:.*]] = memref.load %[[Y]]
// CHECK-NEXT:        %[[Q:.*]] = arith.divf %[[AGAIN]], %[[SUM]]
// CHECK-NEXT:        memref.store %[[Q]], %[[Y]]
plan.kernel @softmax "row" rows 4 layouts [memref<4x8xf32>, memref<4x8xf32>] accumulate [false] in_place [0] {
^bb0(%x: tensor<4x8xf32>):
  %m = gpt.reduce max %x [1] : tensor<4x8xf32> -> tensor<4xf32>
  %mc = gpt.reshape %m : tensor<4xf32> -> tensor<4x1xf32>
  %e = gpt.map(%x, %mc) : (tensor<4x8xf32>, tensor<4x1xf32>) -> tensor<4x8xf32> {
  ^bb0(%p: f32, %q: f32):
    %0 = arith.subf %p, %q : f32
    %1 = math.exp %0 : f32
    gpt.yield %1 : f32
  }
  %s = gpt.reduce sum %e [1] : tensor<4x8xf32> -> tensor<4xf32>
  %sc = gpt.reshape %s : tensor<4xf32> -> tensor<4x1xf32>
  %y = gpt.map(%e, %sc) : (tensor<4x8xf32>, tensor<4x1xf32>) -> tensor<4x8xf32> {
  ^bb0(%p: f32, %q: f32):
    %0 = arith.divf %p, %q : f32
    gpt.yield %0 : f32
  }
  gpt.yield %y : tensor<4x8xf32>
}

// -----

// Here the last phase reads the input again. Were the exponential kept in the output's row, the output could not take
// the input's place: it is kept in scratch memory, outside of the loop over rows.
// CHECK-LABEL: func.func @kept(
// CHECK-SAME:    %[[X:.*]]: memref<4x8xf32>, %[[Y:.*]]: memref<4x8xf32>,
// CHECK:         %[[SCRATCH:.*]] = memref.alloca() {alignment = 64 : i64} : memref<8xf32>
// CHECK:         scf.for
// CHECK:           scf.for %[[I:[a-z0-9]+]] = {{.*}} -> (f32)
// CHECK:             %[[E:.*]] = math.exp
// CHECK:             memref.store %[[E]], %[[SCRATCH]][%[[I]]]
// CHECK:           scf.for %[[J:.*]] =
// CHECK-DAG:         memref.load %[[X]][%{{.*}}, %[[J]]]
// CHECK-DAG:         memref.load %[[SCRATCH]][%[[J]]]
// CHECK-NOT:         math.exp
plan.kernel @kept "row" rows 4 layouts [memref<4x8xf32>, memref<4x8xf32>] accumulate [false] in_place [0] {
^bb0(%x: tensor<4x8xf32>):
  %e = gpt.map(%x) : (tensor<4x8xf32>) -> tensor<4x8xf32> {
  ^bb0(%p: f32):
    %0 = math.exp %p : f32
    gpt.yield %0 : f32
  }
  %s = gpt.reduce sum %e [1] : tensor<4x8xf32> -> tensor<4xf32>
  %sc = gpt.reshape %s : tensor<4xf32> -> tensor<4x1xf32>
  %y = gpt.map(%x, %e, %sc) : (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x1xf32>) -> tensor<4x8xf32> {
  ^bb0(%p: f32, %q: f32, %r: f32):
    %0 = arith.mulf %q, %r : f32
    %1 = arith.subf %0, %p : f32
    gpt.yield %1 : f32
  }
  gpt.yield %y : tensor<4x8xf32>
}

// -----

// Reductions that wait for nothing share a loop.
// CHECK-LABEL: func.func @together(
// CHECK:         scf.for
// CHECK:           %[[R:.*]]:2 = scf.for {{.*}} -> (f32, f32)
// CHECK:           memref.store %[[R]]#0
// CHECK:           memref.store %[[R]]#1
// CHECK-NOT:       scf.for
plan.kernel @together "row" rows 4 layouts [memref<4x8xf32>, memref<4xf32>, memref<4xf32>] accumulate [false, false] in_place [-1, -1] {
^bb0(%x: tensor<4x8xf32>):
  %a = gpt.reduce max %x [1] : tensor<4x8xf32> -> tensor<4xf32>
  %b = gpt.reduce min %x [1] : tensor<4x8xf32> -> tensor<4xf32>
  gpt.yield %a, %b : tensor<4xf32>, tensor<4xf32>
}

// -----

// A loop is cut where pads begin.
// CHECK-LABEL: func.func @pads(
// CHECK-DAG:     %[[ZERO:.*]] = arith.constant 0 : index
// CHECK-DAG:     %[[END:.*]] = arith.constant 13 : index
// CHECK-DAG:     %[[SIZE:.*]] = arith.constant 16 : index
// CHECK:         %[[MOST:.*]] = scf.for %{{.*}} = %[[ZERO]] to %[[END]] {{.*}} -> (f32)
// CHECK:         scf.for %{{.*}} = %[[END]] to %[[SIZE]] {{.*}} iter_args(%{{.*}} = %[[MOST]]) -> (f32)
// CHECK-NOT:     scf.for
plan.kernel @pads "row" rows 4 layouts [memref<4x16xf32>, memref<4xf32>] accumulate [false] in_place [-1] {
^bb0(%a: tensor<4x16xf32>):
  %i = gpt.iota : tensor<16xi32>
  %x = gpt.map(%a, %i) : (tensor<4x16xf32>, tensor<16xi32>) -> tensor<4x16xf32> {
  ^bb0(%p: f32, %c: i32):
    %end = arith.constant 13 : i32
    %none = arith.constant 0xFF800000 : f32
    %0 = arith.cmpi slt, %c, %end : i32
    %1 = arith.select %0, %p, %none : f32
    gpt.yield %1 : f32
  }
  %m = gpt.reduce max %x [1] : tensor<4x16xf32> -> tensor<4xf32>
  gpt.yield %m : tensor<4xf32>
}

// -----

// Rows that lie one behind the other are fetched ahead, four lines for 64 elements.
// CHECK-LABEL: func.func @streams(
// CHECK-DAG:     %[[BLOCKS:.*]] = arith.constant 2 : index
// CHECK-DAG:     %[[BLOCK:.*]] = arith.constant 64 : index
// CHECK:         scf.for
// CHECK:           scf.for %[[B:.*]] = %{{.*}} to %[[BLOCKS]]
// CHECK:             %[[BEGIN:.*]] = arith.muli %[[B]], %[[BLOCK]]
// CHECK-COUNT-4:     llvm.intr.prefetch
// CHECK-NOT:         llvm.intr.prefetch
// CHECK:             %[[END:.*]] = arith.addi %[[BEGIN]], %[[BLOCK]]
// CHECK:             scf.for %{{.*}} = %[[BEGIN]] to %[[END]]
plan.kernel @streams "row" rows 4 layouts [memref<4x128xf32>, memref<4x128xf32>] accumulate [false] in_place [0] {
^bb0(%a: tensor<4x128xf32>):
  %x = gpt.map(%a) : (tensor<4x128xf32>) -> tensor<4x128xf32> {
  ^bb0(%p: f32):
    %0 = math.sqrt %p : f32
    gpt.yield %0 : f32
  }
  gpt.yield %x : tensor<4x128xf32>
}
