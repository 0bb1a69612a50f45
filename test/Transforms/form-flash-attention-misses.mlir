// RUN: gptc-opt %s --gpt-form-flash-attention --split-input-file | FileCheck %s
// RUN: gptc-opt %s --gpt-form-flash-attention --split-input-file --remarks-filter='gpt-form-flash-attention' --remark-policy=all -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// Near misses: each stays as it is, for the reason told.
// CHECK-NOT: gpt.flash_attention

// A large negative number is no mask: where a row is hidden, it gives the mean.
// REMARK: remark: [Missed] NoAttention | Category:gpt-form-flash-attention | Function=finite_mask | Reason="its mask gives -1e+09, not -inf"
func.func @finite_mask(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>) -> (tensor<2x5x4xf32>) {
  %0 = gpt.matmul %q, %k transpose_rhs : tensor<2x5x4xf32>, tensor<2x5x4xf32> -> tensor<2x5x5xf32>
  %j = gpt.iota : tensor<5xi32>
  %i = gpt.reshape %j : tensor<5xi32> -> tensor<5x1xi32>
  %x = gpt.map(%0, %i, %j) : (tensor<2x5x5xf32>, tensor<5x1xi32>, tensor<5xi32>) -> tensor<2x5x5xf32> {
  ^bb0(%a: f32, %t: i32, %s: i32):
    %low = arith.constant -1.0e9 : f32
    %c = arith.cmpi sge, %t, %s : i32
    %m = arith.select %c, %a, %low : f32
    gpt.yield %m : f32
  }
  %p = gpt.softmax %x : tensor<2x5x5xf32>
  %y = gpt.matmul %p, %v : tensor<2x5x5xf32>, tensor<2x5x4xf32> -> tensor<2x5x4xf32>
  return %y : tensor<2x5x4xf32>
}

// -----

// A query that does not see itself.
// REMARK: remark: [Missed] NoAttention | Category:gpt-form-flash-attention | Function=strict | Reason="its mask shows query t the keys up to t - 1, of 5 queries and 5 keys"
func.func @strict(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>) -> (tensor<2x5x4xf32>) {
  %0 = gpt.matmul %q, %k transpose_rhs : tensor<2x5x4xf32>, tensor<2x5x4xf32> -> tensor<2x5x5xf32>
  %j = gpt.iota : tensor<5xi32>
  %i = gpt.reshape %j : tensor<5xi32> -> tensor<5x1xi32>
  %x = gpt.map(%0, %i, %j) : (tensor<2x5x5xf32>, tensor<5x1xi32>, tensor<5xi32>) -> tensor<2x5x5xf32> {
  ^bb0(%a: f32, %t: i32, %s: i32):
    %low = arith.constant 0xFF800000 : f32
    %c = arith.cmpi sgt, %t, %s : i32
    %m = arith.select %c, %a, %low : f32
    gpt.yield %m : f32
  }
  %p = gpt.softmax %x : tensor<2x5x5xf32>
  %y = gpt.matmul %p, %v : tensor<2x5x5xf32>, tensor<2x5x4xf32> -> tensor<2x5x4xf32>
  return %y : tensor<2x5x4xf32>
}

// -----

// A window.
// REMARK: remark: [Missed] NoAttention | Category:gpt-form-flash-attention | Function=window | Reason="its mask has a window: it hides keys before t - 2 from query t"
func.func @window(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>) -> (tensor<2x5x4xf32>) {
  %0 = gpt.matmul %q, %k transpose_rhs : tensor<2x5x4xf32>, tensor<2x5x4xf32> -> tensor<2x5x5xf32>
  %j = gpt.iota : tensor<5xi32>
  %i = gpt.reshape %j : tensor<5xi32> -> tensor<5x1xi32>
  %x = gpt.map(%0, %i, %j) : (tensor<2x5x5xf32>, tensor<5x1xi32>, tensor<5xi32>) -> tensor<2x5x5xf32> {
  ^bb0(%a: f32, %t: i32, %s: i32):
    %low = arith.constant 0xFF800000 : f32
    %d = arith.subi %t, %s : i32
    %three = arith.constant 3 : i32
    %near = arith.cmpi slt, %d, %three : i32
    %past = arith.cmpi sge, %t, %s : i32
    %c = arith.andi %past, %near : i1
    %m = arith.select %c, %a, %low : f32
    gpt.yield %m : f32
  }
  %p = gpt.softmax %x : tensor<2x5x5xf32>
  %y = gpt.matmul %p, %v : tensor<2x5x5xf32>, tensor<2x5x4xf32> -> tensor<2x5x4xf32>
  return %y : tensor<2x5x4xf32>
}

// -----

// Softcapped scores.
// REMARK: remark: [Missed] NoAttention | Category:gpt-form-flash-attention | Function=cap | Reason="math.tanh stands between its matmul and the softmax"
func.func @cap(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>) -> (tensor<2x5x4xf32>) {
  %0 = gpt.matmul %q, %k transpose_rhs : tensor<2x5x4xf32>, tensor<2x5x4xf32> -> tensor<2x5x5xf32>
  %j = gpt.iota : tensor<5xi32>
  %i = gpt.reshape %j : tensor<5xi32> -> tensor<5x1xi32>
  %x = gpt.map(%0, %i, %j) : (tensor<2x5x5xf32>, tensor<5x1xi32>, tensor<5xi32>) -> tensor<2x5x5xf32> {
  ^bb0(%a: f32, %t: i32, %s: i32):
    %low = arith.constant 0xFF800000 : f32
    %c = arith.cmpi sge, %t, %s : i32
    %tanh = math.tanh %a : f32
    %m = arith.select %c, %tanh, %low : f32
    gpt.yield %m : f32
  }
  %p = gpt.softmax %x : tensor<2x5x5xf32>
  %y = gpt.matmul %p, %v : tensor<2x5x5xf32>, tensor<2x5x4xf32> -> tensor<2x5x4xf32>
  return %y : tensor<2x5x4xf32>
}

// -----

// Dropout of the weights.
// REMARK: remark: [Missed] NoAttention | Category:gpt-form-flash-attention | Function=dropout | Reason="gpt.map stands between the softmax and the second matmul"
func.func @dropout(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>, %r: tensor<2x5x5xf32>) -> (tensor<2x5x4xf32>) {
  %0 = gpt.matmul %q, %k transpose_rhs : tensor<2x5x4xf32>, tensor<2x5x4xf32> -> tensor<2x5x5xf32>
  %j = gpt.iota : tensor<5xi32>
  %i = gpt.reshape %j : tensor<5xi32> -> tensor<5x1xi32>
  %x = gpt.map(%0, %i, %j) : (tensor<2x5x5xf32>, tensor<5x1xi32>, tensor<5xi32>) -> tensor<2x5x5xf32> {
  ^bb0(%a: f32, %t: i32, %s: i32):
    %low = arith.constant 0xFF800000 : f32
    %c = arith.cmpi sge, %t, %s : i32
    %m = arith.select %c, %a, %low : f32
    gpt.yield %m : f32
  }
  %p = gpt.softmax %x : tensor<2x5x5xf32>
  %z = gpt.map(%p, %r) : (tensor<2x5x5xf32>, tensor<2x5x5xf32>) -> tensor<2x5x5xf32> {
  ^bb0(%a: f32, %b: f32):
    %m = arith.mulf %a, %b : f32
    gpt.yield %m : f32
  }
  %y = gpt.matmul %z, %v : tensor<2x5x5xf32>, tensor<2x5x4xf32> -> tensor<2x5x4xf32>
  return %y : tensor<2x5x4xf32>
}

// -----

// A softmax over the queries.
// REMARK: remark: [Missed] NoAttention | Category:gpt-form-flash-attention | Function=other_axis | Reason="its softmax does not run over the axis that meets the values"
func.func @other_axis(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>) -> (tensor<2x5x4xf32>) {
  %0 = gpt.matmul %q, %k transpose_rhs : tensor<2x5x4xf32>, tensor<2x5x4xf32> -> tensor<2x5x5xf32>
  %j = gpt.iota : tensor<5xi32>
  %i = gpt.reshape %j : tensor<5xi32> -> tensor<5x1xi32>
  %x = gpt.map(%0, %i, %j) : (tensor<2x5x5xf32>, tensor<5x1xi32>, tensor<5xi32>) -> tensor<2x5x5xf32> {
  ^bb0(%a: f32, %t: i32, %s: i32):
    %low = arith.constant 0xFF800000 : f32
    %c = arith.constant true
    %m = arith.select %c, %a, %low : f32
    gpt.yield %m : f32
  }
  %xt = gpt.transpose %x [0, 2, 1] : tensor<2x5x5xf32> -> tensor<2x5x5xf32>
  %pt = gpt.softmax %xt : tensor<2x5x5xf32>
  %p = gpt.transpose %pt [0, 2, 1] : tensor<2x5x5xf32> -> tensor<2x5x5xf32>
  %y = gpt.matmul %p, %v : tensor<2x5x5xf32>, tensor<2x5x4xf32> -> tensor<2x5x4xf32>
  return %y : tensor<2x5x4xf32>
}

// -----

// The probabilities are wanted.
// REMARK: remark: [Missed] NoAttention | Category:gpt-form-flash-attention | Function=used_twice | Reason="its probabilities are used more than once"
func.func @used_twice(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>) -> (tensor<2x5x4xf32>, tensor<2x5x5xf32>) {
  %0 = gpt.matmul %q, %k transpose_rhs : tensor<2x5x4xf32>, tensor<2x5x4xf32> -> tensor<2x5x5xf32>
  %j = gpt.iota : tensor<5xi32>
  %i = gpt.reshape %j : tensor<5xi32> -> tensor<5x1xi32>
  %x = gpt.map(%0, %i, %j) : (tensor<2x5x5xf32>, tensor<5x1xi32>, tensor<5xi32>) -> tensor<2x5x5xf32> {
  ^bb0(%a: f32, %t: i32, %s: i32):
    %low = arith.constant 0xFF800000 : f32
    %c = arith.cmpi sge, %t, %s : i32
    %m = arith.select %c, %a, %low : f32
    gpt.yield %m : f32
  }
  %p = gpt.softmax %x : tensor<2x5x5xf32>
  %y = gpt.matmul %p, %v : tensor<2x5x5xf32>, tensor<2x5x4xf32> -> tensor<2x5x4xf32>
  return %y, %p : tensor<2x5x4xf32>, tensor<2x5x5xf32>
}

// -----

// The scores are wanted.
// REMARK: remark: [Missed] NoAttention | Category:gpt-form-flash-attention | Function=scores_used | Reason="its scores are used elsewhere"
func.func @scores_used(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>) -> (tensor<2x5x4xf32>, tensor<2x5x5xf32>) {
  %0 = gpt.matmul %q, %k transpose_rhs : tensor<2x5x4xf32>, tensor<2x5x4xf32> -> tensor<2x5x5xf32>
  %j = gpt.iota : tensor<5xi32>
  %i = gpt.reshape %j : tensor<5xi32> -> tensor<5x1xi32>
  %x = gpt.map(%0, %i, %j) : (tensor<2x5x5xf32>, tensor<5x1xi32>, tensor<5xi32>) -> tensor<2x5x5xf32> {
  ^bb0(%a: f32, %t: i32, %s: i32):
    %low = arith.constant 0xFF800000 : f32
    %c = arith.cmpi sge, %t, %s : i32
    %m = arith.select %c, %a, %low : f32
    gpt.yield %m : f32
  }
  %p = gpt.softmax %x : tensor<2x5x5xf32>
  %y = gpt.matmul %p, %v : tensor<2x5x5xf32>, tensor<2x5x4xf32> -> tensor<2x5x4xf32>
  return %y, %x : tensor<2x5x4xf32>, tensor<2x5x5xf32>
}

// -----

// A head that the kernels do not take.
// REMARK: remark: [Missed] NoAttention | Category:gpt-form-flash-attention | Function=large | Reason="its heads of 129 elements are larger than 128"
func.func @large(%q: tensor<2x5x129xf32>, %k: tensor<2x5x129xf32>, %v: tensor<2x5x129xf32>) -> (tensor<2x5x129xf32>) {
  %0 = gpt.matmul %q, %k transpose_rhs : tensor<2x5x129xf32>, tensor<2x5x129xf32> -> tensor<2x5x5xf32>
  %j = gpt.iota : tensor<5xi32>
  %i = gpt.reshape %j : tensor<5xi32> -> tensor<5x1xi32>
  %x = gpt.map(%0, %i, %j) : (tensor<2x5x5xf32>, tensor<5x1xi32>, tensor<5xi32>) -> tensor<2x5x5xf32> {
  ^bb0(%a: f32, %t: i32, %s: i32):
    %low = arith.constant 0xFF800000 : f32
    %c = arith.cmpi sge, %t, %s : i32
    %m = arith.select %c, %a, %low : f32
    gpt.yield %m : f32
  }
  %p = gpt.softmax %x : tensor<2x5x5xf32>
  %y = gpt.matmul %p, %v : tensor<2x5x5xf32>, tensor<2x5x129xf32> -> tensor<2x5x129xf32>
  return %y : tensor<2x5x129xf32>
}

// -----

// A negative scale.
// REMARK: remark: [Missed] NoAttention | Category:gpt-form-flash-attention | Function=negative | Reason="its scale, -1, is not positive"
func.func @negative(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>) -> (tensor<2x5x4xf32>) {
  %0 = gpt.matmul %q, %k transpose_rhs : tensor<2x5x4xf32>, tensor<2x5x4xf32> -> tensor<2x5x5xf32>
  %j = gpt.iota : tensor<5xi32>
  %i = gpt.reshape %j : tensor<5xi32> -> tensor<5x1xi32>
  %x = gpt.map(%0, %i, %j) : (tensor<2x5x5xf32>, tensor<5x1xi32>, tensor<5xi32>) -> tensor<2x5x5xf32> {
  ^bb0(%a: f32, %t: i32, %s: i32):
    %low = arith.constant 0xFF800000 : f32
    %c = arith.constant true
    %m = arith.negf %a : f32
    gpt.yield %m : f32
  }
  %p = gpt.softmax %x : tensor<2x5x5xf32>
  %y = gpt.matmul %p, %v : tensor<2x5x5xf32>, tensor<2x5x4xf32> -> tensor<2x5x4xf32>
  return %y : tensor<2x5x4xf32>
}

// -----

// A bias of positions.
// REMARK: remark: [Missed] NoAttention | Category:gpt-form-flash-attention | Function=bias | Reason="something other than a mask of 0 and -inf is added to its scores"
func.func @bias(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>) -> (tensor<2x5x4xf32>) {
  %0 = gpt.matmul %q, %k transpose_rhs : tensor<2x5x4xf32>, tensor<2x5x4xf32> -> tensor<2x5x5xf32>
  %j = gpt.iota : tensor<5xi32>
  %i = gpt.reshape %j : tensor<5xi32> -> tensor<5x1xi32>
  %x = gpt.map(%0, %i, %j) : (tensor<2x5x5xf32>, tensor<5x1xi32>, tensor<5xi32>) -> tensor<2x5x5xf32> {
  ^bb0(%a: f32, %t: i32, %s: i32):
    %low = arith.constant 0xFF800000 : f32
    %c = arith.cmpi sge, %t, %s : i32
    %d = arith.subi %s, %t : i32
    %f = arith.sitofp %d : i32 to f32
    %m = arith.addf %a, %f : f32
    gpt.yield %m : f32
  }
  %p = gpt.softmax %x : tensor<2x5x5xf32>
  %y = gpt.matmul %p, %v : tensor<2x5x5xf32>, tensor<2x5x4xf32> -> tensor<2x5x4xf32>
  return %y : tensor<2x5x4xf32>
}

// -----

// A mask of data.
// REMARK: remark: [Missed] NoAttention | Category:gpt-form-flash-attention | Function=data | Reason="its scores depend on an argument"
func.func @data(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>, %pad: tensor<2x1x5xi32>) -> (tensor<2x5x4xf32>) {
  %0 = gpt.matmul %q, %k transpose_rhs : tensor<2x5x4xf32>, tensor<2x5x4xf32> -> tensor<2x5x5xf32>
  %j = gpt.iota : tensor<5xi32>
  %i = gpt.reshape %j : tensor<5xi32> -> tensor<5x1xi32>
  %x = gpt.map(%0, %i, %j) : (tensor<2x5x5xf32>, tensor<5x1xi32>, tensor<5xi32>) -> tensor<2x5x5xf32> {
  ^bb0(%a: f32, %t: i32, %s: i32):
    %low = arith.constant 0xFF800000 : f32
    %c = arith.cmpi sge, %t, %s : i32
    %m = arith.select %c, %a, %low : f32
    gpt.yield %m : f32
  }
  %xm = gpt.map(%x, %pad) : (tensor<2x5x5xf32>, tensor<2x1x5xi32>) -> tensor<2x5x5xf32> {
  ^bb0(%a: f32, %n: i32):
    %low = arith.constant 0xFF800000 : f32
    %zero = arith.constant 0 : i32
    %c = arith.cmpi ne, %n, %zero : i32
    %m = arith.select %c, %a, %low : f32
    gpt.yield %m : f32
  }
  %p = gpt.softmax %xm : tensor<2x5x5xf32>
  %y = gpt.matmul %p, %v : tensor<2x5x5xf32>, tensor<2x5x4xf32> -> tensor<2x5x4xf32>
  return %y : tensor<2x5x4xf32>
}

// -----

// No attention at all: no remark.
// REMARK-NOT: classifier
func.func @classifier(%x: tensor<5x4xf32>, %w: tensor<4x7xf32>) -> tensor<5x7xf32> {
  %0 = gpt.matmul %x, %w : tensor<5x4xf32>, tensor<4x7xf32> -> tensor<5x7xf32>
  %1 = gpt.softmax %0 : tensor<5x7xf32>
  return %1 : tensor<5x7xf32>
}
