// RUN: gptc-interpret %s
// RUN: gptc-interpret %s --precision=float32

// Functions run in order and share the variables.
gpt.variable @w parameter init(#gpt.init<constant, 1.0, 0.0>) : tensor<2xf32>
gpt.variable @n state init(#gpt.init<constant, 1.0, 0.0>) : tensor<2xi32>
gpt.variable @"h.*.w" parameter init(#gpt.init<constant, 1.0, 0.0>) copies [3] : tensor<f32>
gpt.variable @"h.0.w" parameter init(#gpt.init<constant, 1.0, 0.0>) : tensor<f32>
gpt.variable @"h.1.w" parameter init(#gpt.init<constant, 1.0, 0.0>) : tensor<f32>
gpt.variable @"h.2.w" parameter init(#gpt.init<constant, 1.0, 0.0>) : tensor<f32>
gpt.variable @"a.*.b.*.w" parameter init(#gpt.init<constant, 1.0, 0.0>) copies [2, 2] : tensor<f32>
gpt.variable @"a.1.b.0.w" parameter init(#gpt.init<constant, 1.0, 0.0>) : tensor<f32>

func.func @start() {
  %0 = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  gpt.write @w, %0 : tensor<2xf32>
  %1 = arith.constant dense<[1, 2]> : tensor<2xi32>
  gpt.write @n, %1 : tensor<2xi32>
  return
}

// A read gives the value from before the function ran, wherever it stands; writes take effect in order.
func.func @update() {
  %0 = arith.constant dense<[10.0, 20.0]> : tensor<2xf32>
  gpt.write @w, %0 : tensor<2xf32>
  %old = gpt.read @w : tensor<2xf32>
  check.expect_equal %old, dense<[1.0, 2.0]> : tensor<2xf32>
  gpt.write @w, %old accumulate : tensor<2xf32>
  gpt.write @w, %0 accumulate : tensor<2xf32>
  %still = gpt.read @w : tensor<2xf32>
  check.expect_equal %still, dense<[1.0, 2.0]> : tensor<2xf32>
  %1 = gpt.read @n : tensor<2xi32>
  gpt.write @n, %1 accumulate : tensor<2xi32>
  return
}

func.func @after() {
  %0 = gpt.read @w : tensor<2xf32>
  check.expect_equal %0, dense<[21.0, 42.0]> : tensor<2xf32>
  %1 = gpt.read @n : tensor<2xi32>
  check.expect_equal %1, dense<[2, 4]> : tensor<2xi32>
  return
}

// Copies write and read what their index names.
func.func @copies() {
  %one = arith.constant dense<1.0> : tensor<f32>
  %0 = gpt.repeat 3 iter(%one) : (tensor<f32>) -> tensor<f32> {
  ^bb0(%x: tensor<f32>):
    gpt.write @"h.*.w", %x : tensor<f32>
    %y = gpt.map(%x, %one) : (tensor<f32>, tensor<f32>) -> tensor<f32> {
    ^bb1(%a: f32, %b: f32):
      %1 = arith.addf %a, %b : f32
      gpt.yield %1 : f32
    }
    gpt.yield %y : tensor<f32>
  }
  check.expect_equal %0, dense<4.0> : tensor<f32>
  return
}

func.func @read_copies() {
  %zero = arith.constant dense<0.0> : tensor<f32>
  %0 = gpt.repeat 3 iter(%zero) : (tensor<f32>) -> tensor<f32> {
  ^bb0(%x: tensor<f32>):
    %w = gpt.read @"h.*.w" : tensor<f32>
    %y = gpt.map(%x, %w) : (tensor<f32>, tensor<f32>) -> tensor<f32> {
    ^bb1(%a: f32, %b: f32):
      %ten = arith.constant 10.0 : f32
      %1 = arith.mulf %a, %ten : f32
      %2 = arith.addf %1, %b : f32
      gpt.yield %2 : f32
    }
    gpt.yield %y : tensor<f32>
  }
  check.expect_equal %0, dense<123.0> : tensor<f32>
  %1 = gpt.read @"h.2.w" : tensor<f32>
  check.expect_equal %1, dense<3.0> : tensor<f32>
  // No copy: the operands are the results.
  %2 = gpt.repeat 0 iter(%0) : (tensor<f32>) -> tensor<f32> {
  ^bb0(%x: tensor<f32>):
    gpt.yield %zero : tensor<f32>
  }
  check.expect_equal %2, dense<123.0> : tensor<f32>
  return
}

// The outer copy's index stands in place of the first star.
func.func @nested() {
  %zero = arith.constant dense<0.0> : tensor<f32>
  %0 = gpt.repeat 2 iter(%zero) : (tensor<f32>) -> tensor<f32> {
  ^bb0(%x: tensor<f32>):
    %1 = gpt.repeat 2 iter(%x) : (tensor<f32>) -> tensor<f32> {
    ^bb1(%y: tensor<f32>):
      gpt.write @"a.*.b.*.w", %y : tensor<f32>
      %z = gpt.map(%y) : (tensor<f32>) -> tensor<f32> {
      ^bb2(%a: f32):
        %one = arith.constant 1.0 : f32
        %2 = arith.addf %a, %one : f32
        gpt.yield %2 : f32
      }
      gpt.yield %z : tensor<f32>
    }
    gpt.yield %1 : tensor<f32>
  }
  return
}

func.func @read_nested() {
  %0 = gpt.read @"a.1.b.0.w" : tensor<f32>
  check.expect_equal %0, dense<2.0> : tensor<f32>
  return
}
