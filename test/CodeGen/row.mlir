// The row schedule: axes are merged, what a row or the whole launch shares is read once, outputs add to what is there.
// RUN: gptc-opt %s --split-input-file --plan-lower-kernels --canonicalize --cse | FileCheck %s

// Rows of [2, 3, 8] tensors lie at one distance each: one loop over rows, and no number of them anywhere in it.
// CHECK-DAG: #[[$ELEMENTS:.*]] = #llvm.loop_annotation<parallelAccesses = #{{.*}}>
// CHECK-DAG: #[[$PLAIN:.*]] = #llvm.loop_vectorize<disable = true>
// CHECK-DAG: #[[$ROLLED:.*]] = #llvm.loop_unroll<disable = true>
// CHECK-DAG: #[[$ROWS:.*]] = #llvm.loop_annotation<vectorize = #[[$PLAIN]], unroll = #[[$ROLLED]]>
// CHECK-LABEL: func.func @merged(
// CHECK-SAME:    %[[X:.*]]: memref<6x8xf32, strided<[16, 1]>>, %[[B:.*]]: memref<8xf32>, %[[S:.*]]: memref<f32>, %[[Y:.*]]: memref<6x8xf32>, %[[BEGIN:.*]]: index, %[[END:.*]]: index)
// CHECK-DAG:     %[[C8:.*]] = arith.constant 8 : index
// CHECK:         %[[SCALE:.*]] = memref.load %[[S]][]
// CHECK:         scf.for %[[R:.*]] = %[[BEGIN]] to %[[END]]
// CHECK-NEXT:      scf.for %[[I:.*]] = %{{.*}} to %[[C8]]
// CHECK-DAG:         %[[A:.*]] = memref.load %[[X]][%[[R]], %[[I]]]
// CHECK-DAG:         %[[BIAS:.*]] = memref.load %[[B]][%[[I]]]
// CHECK:             %[[P:.*]] = arith.mulf %[[A]], %[[SCALE]] fastmath<contract>
// CHECK:             %[[SUM:.*]] = arith.addf %[[P]], %[[BIAS]] fastmath<contract>
// CHECK:             memref.store %[[SUM]], %[[Y]][%[[R]], %[[I]]]
// CHECK-NEXT:      } {llvm.loop_annotation = #[[$ELEMENTS]]}
// CHECK-NEXT:    } {llvm.loop_annotation = #[[$ROWS]]}
plan.kernel @merged "row" rows 6 layouts [memref<2x3x8xf32, strided<[48, 16, 1]>>, memref<8xf32>, memref<f32>, memref<2x3x8xf32>] accumulate [false] in_place [-1] {
^bb0(%x: tensor<2x3x8xf32>, %b: tensor<8xf32>, %s: tensor<f32>):
  %y = gpt.map(%x, %b, %s) : (tensor<2x3x8xf32>, tensor<8xf32>, tensor<f32>) -> tensor<2x3x8xf32> {
  ^bb0(%p: f32, %q: f32, %r: f32):
    %0 = arith.mulf %p, %r : f32
    %1 = arith.addf %0, %q : f32
    gpt.yield %1 : f32
  }
  gpt.yield %y : tensor<2x3x8xf32>
}

// -----

// Positions repeat every 3 rows: a row's number is split, its inner size being all that the code knows.
// CHECK-LABEL: func.func @repeated(
// CHECK-SAME:    %[[X:.*]]: memref<2x3x8xf32>, %[[P:.*]]: memref<3x8xf32, strided<[16, 1]>>,
// CHECK-DAG:     %[[C3:.*]] = arith.constant 3 : index
// CHECK:         scf.for %[[R:.*]] = %{{.*}} to
// CHECK-DAG:       %[[T:.*]] = arith.remui %[[R]], %[[C3]]
// CHECK-DAG:       %[[B:.*]] = arith.divui %[[R]], %[[C3]]
// CHECK:           scf.for %[[I:.*]] =
// CHECK-DAG:         memref.load %[[X]][%[[B]], %[[T]], %[[I]]]
// CHECK-DAG:         memref.load %[[P]][%[[T]], %[[I]]]
plan.kernel @repeated "row" rows 6 layouts [memref<2x3x8xf32>, memref<3x8xf32, strided<[16, 1]>>, memref<2x3x8xf32>] accumulate [false] in_place [0] {
^bb0(%x: tensor<2x3x8xf32>, %p: tensor<3x8xf32>):
  %y = gpt.map(%x, %p) : (tensor<2x3x8xf32>, tensor<3x8xf32>) -> tensor<2x3x8xf32> {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.addf %a, %b : f32
    gpt.yield %0 : f32
  }
  gpt.yield %y : tensor<2x3x8xf32>
}

// -----

// A value a row is read before the loop over its elements, written behind it, and spelled with or without its axis of size 1.
// CHECK-LABEL: func.func @row_values(
// CHECK-SAME:    %[[X:.*]]: memref<4x8xf32>, %[[M:.*]]: memref<4xf32>, %[[Y:.*]]: memref<4x8xf32>, %[[Z:.*]]: memref<4xf32>,
// CHECK:         scf.for %[[R:.*]] = %{{.*}} to
// CHECK-NEXT:      %[[MEAN:.*]] = memref.load %[[M]][%[[R]]]
// CHECK-NEXT:      %[[TWICE:.*]] = arith.addf %[[MEAN]], %[[MEAN]]
// CHECK-NEXT:      memref.store %[[TWICE]], %[[Z]][%[[R]]]
// CHECK-NEXT:      scf.for
// An output that accumulates is read first.
// CHECK:             %[[DIFFERENCE:.*]] = arith.divf %{{.*}}, %[[TWICE]] fastmath<arcp,contract>
// CHECK:             %[[OLD:.*]] = memref.load %[[Y]]
// CHECK:             %[[NEW:.*]] = arith.addf %[[OLD]], %[[DIFFERENCE]] fastmath<contract>
// CHECK:             memref.store %[[NEW]], %[[Y]]
plan.kernel @row_values "row" rows 4 layouts [memref<4x8xf32>, memref<4xf32>, memref<4x8xf32>, memref<4x1xf32>] accumulate [true, false] in_place [-1, -1] {
^bb0(%x: tensor<4x8xf32>, %m: tensor<4xf32>):
  %z = gpt.map(%m) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: f32):
    %0 = arith.addf %a, %a : f32
    gpt.yield %0 : f32
  }
  %c = gpt.reshape %z : tensor<4xf32> -> tensor<4x1xf32>
  %y = gpt.map(%x, %c) : (tensor<4x8xf32>, tensor<4x1xf32>) -> tensor<4x8xf32> {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.divf %a, %b : f32
    gpt.yield %0 : f32
  }
  gpt.yield %y, %c : tensor<4x8xf32>, tensor<4x1xf32>
}

// -----

// A gather reads a row's index once; a table indexed by 0, 1, … is read as any operand is.
// CHECK-LABEL: func.func @gather(
// CHECK-SAME:    %[[I:.*]]: memref<2x3xi32>, %[[W:.*]]: memref<11x8xf32, strided<[16, 1]>>, %[[P:.*]]: memref<3x8xf32>,
// CHECK:         scf.for
// CHECK-DAG:       %[[T:.*]] = arith.remui
// CHECK-DAG:       %[[B:.*]] = arith.divui
// CHECK:           %[[INDEX:.*]] = memref.load %[[I]][%[[B]], %[[T]]]
// CHECK:           scf.for %[[C:.*]] =
// CHECK:             %[[ROW:.*]] = arith.index_cast %[[INDEX]]
// CHECK-DAG:         memref.load %[[W]][%[[ROW]], %[[C]]]
// CHECK-DAG:         memref.load %[[P]][%[[T]], %[[C]]]
plan.kernel @gather "row" rows 6 layouts [memref<2x3xi32>, memref<11x8xf32, strided<[16, 1]>>, memref<5x8xf32>, memref<2x3x8xf32>] accumulate [false] in_place [-1] {
^bb0(%i: tensor<2x3xi32>, %w: tensor<11x8xf32>, %p: tensor<5x8xf32>):
  %n = gpt.iota : tensor<3xi32>
  %t = gpt.embedding %i, %w : tensor<2x3xi32>, tensor<11x8xf32> -> tensor<2x3x8xf32>
  %q = gpt.embedding %n, %p : tensor<3xi32>, tensor<5x8xf32> -> tensor<3x8xf32>
  %y = gpt.map(%t, %q) : (tensor<2x3x8xf32>, tensor<3x8xf32>) -> tensor<2x3x8xf32> {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.addf %a, %b : f32
    gpt.yield %0 : f32
  }
  gpt.yield %y : tensor<2x3x8xf32>
}

// -----

// A constant that is no splat comes along as a table; one that is, as a number.
// CHECK: memref.global "private" constant @constants.table0 : memref<4xf32> = dense<[1.000000e+00, 2.000000e+00, 3.000000e+00, 4.000000e+00]>
// CHECK-LABEL: func.func @constants(
// CHECK-DAG:     %[[TABLE:.*]] = memref.get_global @constants.table0
// CHECK-DAG:     %[[TWO:.*]] = arith.constant 2.000000e+00 : f32
// CHECK:         scf.for %{{.*}} = %{{.*}} to
// CHECK:           scf.for %[[C:.*]] =
// CHECK:             %[[ENTRY:.*]] = memref.load %[[TABLE]][%[[C]]]
// CHECK:             arith.mulf %[[ENTRY]], %[[TWO]]
plan.kernel @constants "row" rows 3 layouts [memref<3x4xf32>, memref<3x4xf32>] accumulate [false] in_place [-1] {
^bb0(%x: tensor<3x4xf32>):
  %t = arith.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %s = arith.constant dense<2.0> : tensor<f32>
  %y = gpt.map(%x, %t, %s) : (tensor<3x4xf32>, tensor<4xf32>, tensor<f32>) -> tensor<3x4xf32> {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %b, %c : f32
    %1 = arith.addf %0, %a : f32
    gpt.yield %1 : f32
  }
  gpt.yield %y : tensor<3x4xf32>
}

// -----

// Every element has the number that it has in the whole tensor.
// CHECK-LABEL: func.func @random(
// CHECK-SAME:    %[[KEY:.*]]: memref<4xi32>,
// CHECK-DAG:     memref.load %[[KEY]][%c0]
// CHECK-DAG:     memref.load %[[KEY]][%c3]
// CHECK:         scf.for %[[R:.*]] = %{{.*}} to
// CHECK-NEXT:      scf.for %[[C:.*]] = %c0
// CHECK-NEXT:        %[[START:.*]] = arith.muli %[[R]], %c8
// CHECK-NEXT:        %[[NUMBER:.*]] = arith.addi %[[START]], %[[C]]
// CHECK:             arith.index_cast %[[NUMBER]] : index to i32
// CHECK-COUNT-10:    arith.extui %{{.*}} : i32 to i64
// CHECK:             arith.uitofp
plan.kernel @random "row" rows 6 layouts [memref<4xi32>, memref<2x3x8xf32>] accumulate [false] in_place [-1] {
^bb0(%key: tensor<4xi32>):
  %u = gpt.random %key stream "mlp" : tensor<4xi32> -> tensor<2x3x8xf32>
  gpt.yield %u : tensor<2x3x8xf32>
}

// -----

// A tensor without axes is one row of one element.
// CHECK-LABEL: func.func @scalar(
// CHECK-SAME:    %[[X:.*]]: memref<f32>, %[[Y:.*]]: memref<f32>,
// CHECK:         %[[A:.*]] = memref.load %[[X]][]
// CHECK:         scf.for
// CHECK-NOT:       scf.for
// CHECK:           memref.store %{{.*}}, %[[Y]][]
plan.kernel @scalar "row" rows 1 layouts [memref<f32>, memref<f32>] accumulate [false] in_place [0] {
^bb0(%x: tensor<f32>):
  %y = gpt.map(%x) : (tensor<f32>) -> tensor<f32> {
  ^bb0(%a: f32):
    %0 = math.sqrt %a : f32
    gpt.yield %0 : f32
  }
  gpt.yield %y : tensor<f32>
}

// -----

// A sum over blocks of 2 rows is added up where it lies; the first row of a block sets it to 0 before. The rows' number is
// split into blocks and rows of a block.
// CHECK-LABEL: func.func @block_sums(
// CHECK-SAME:    %[[X:.*]]: memref<3x2x8xf32>, %[[Y:.*]]: memref<3x2x8xf32>, %[[S:.*]]: memref<3x8xf32>, %[[BEGIN:.*]]: index, %[[END:.*]]: index)
// CHECK-DAG:     %[[C2:.*]] = arith.constant 2 : index
// CHECK-DAG:     %[[ZERO:.*]] = arith.constant 0.000000e+00 : f32
// CHECK:         scf.for %[[R:.*]] = %[[BEGIN]] to %[[END]]
// CHECK-DAG:       %[[H:.*]] = arith.remui %[[R]], %[[C2]]
// CHECK-DAG:       %[[P:.*]] = arith.divui %[[R]], %[[C2]]
// CHECK:           %[[FIRST:.*]] = arith.cmpi eq, %[[H]], %{{.*}}
// CHECK:           scf.if %[[FIRST]] {
// CHECK-NEXT:        scf.for %[[I:.*]] =
// CHECK-NEXT:          memref.store %[[ZERO]], %[[S]][%[[P]], %[[I]]]
// CHECK:           scf.for %[[J:.*]] =
// CHECK:             %[[A:.*]] = memref.load %[[X]][%[[P]], %[[H]], %[[J]]]
// CHECK:             %[[Q:.*]] = arith.mulf %[[A]], %[[A]]
// CHECK-DAG:         memref.store %[[Q]], %[[Y]][%[[P]], %[[H]], %[[J]]]
// CHECK-DAG:         %[[OLD:.*]] = memref.load %[[S]][%[[P]], %[[J]]]
// CHECK-DAG:         %[[NEW:.*]] = arith.addf %[[OLD]], %[[Q]]
// CHECK:             memref.store %[[NEW]], %[[S]][%[[P]], %[[J]]]
plan.kernel @block_sums "row" rows 6 layouts [memref<6x8xf32>, memref<6x8xf32>, memref<3x8xf32>] accumulate [false, false] in_place [-1, -1] {
^bb0(%x: tensor<6x8xf32>):
  %y = gpt.map(%x) : (tensor<6x8xf32>) -> tensor<6x8xf32> {
  ^bb0(%a: f32):
    %0 = arith.mulf %a, %a : f32
    gpt.yield %0 : f32
  }
  %b = gpt.reshape %y : tensor<6x8xf32> -> tensor<3x2x8xf32>
  %s = gpt.reduce sum %b [1] : tensor<3x2x8xf32> -> tensor<3x8xf32>
  gpt.yield %y, %s : tensor<6x8xf32>, tensor<3x8xf32>
}
