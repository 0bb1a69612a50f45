// Gradients of whole small models against central differences.
#include "GradientHarness.h"

#include <gtest/gtest.h>

using namespace gptc::test;

// GPT-2 in small: 2 layers, 2 heads of width 2, a tied head, a target that is left out.
TEST(ModelDifference, GPT2) {
  expectGradientsOfDifferences(R"(
gpt.variable @tokens input {test.values = dense<[[1, 5, 1], [6, 0, 5]]> : tensor<2x3xi32>} : tensor<2x3xi32>
gpt.variable @targets input {test.values = dense<[[5, 1, 2], [0, -1, 6]]> : tensor<2x3xi32>} : tensor<2x3xi32>
gpt.variable @wte parameter init(<normal, 0.5, 0.0>) decay : tensor<7x4xf64>
gpt.variable @wpe parameter init(<normal, 0.5, 0.0>) decay : tensor<5x4xf64>
gpt.variable @"h.*.ln_1.weight" parameter init(<uniform, 0.5, 1.5>) copies [2] : tensor<4xf64>
gpt.variable @"h.*.ln_1.bias" parameter init(<normal, 0.2, 0.0>) copies [2] : tensor<4xf64>
gpt.variable @"h.*.attn.weight" parameter init(<normal, 0.5, 0.0>) copies [2] decay : tensor<4x12xf64>
gpt.variable @"h.*.attn.bias" parameter init(<normal, 0.2, 0.0>) copies [2] : tensor<12xf64>
gpt.variable @"h.*.proj.weight" parameter init(<normal, 0.5, 0.0>) copies [2] decay : tensor<4x4xf64>
gpt.variable @"h.*.fc.weight" parameter init(<normal, 0.5, 0.0>) copies [2] decay : tensor<4x8xf64>
gpt.variable @"h.*.fc.bias" parameter init(<normal, 0.2, 0.0>) copies [2] : tensor<8xf64>
gpt.variable @"h.*.down.weight" parameter init(<normal, 0.5, 0.0>) copies [2] decay : tensor<8x4xf64>
gpt.variable @ln_f.weight parameter init(<uniform, 0.5, 1.5>) : tensor<4xf64>
func.func @train() -> tensor<f64> {
  %tokens = gpt.read @tokens : tensor<2x3xi32>
  %targets = gpt.read @targets : tensor<2x3xi32>
  %wte = gpt.read @wte : tensor<7x4xf64>
  %wpe = gpt.read @wpe : tensor<5x4xf64>
  %positions = gpt.iota : tensor<3xi32>
  %e = gpt.embedding %tokens, %wte : tensor<2x3xi32>, tensor<7x4xf64> -> tensor<2x3x4xf64>
  %p = gpt.embedding %positions, %wpe : tensor<3xi32>, tensor<5x4xf64> -> tensor<3x4xf64>
  %x = gpt.map(%e, %p) : (tensor<2x3x4xf64>, tensor<3x4xf64>) -> tensor<2x3x4xf64> {
  ^bb0(%a: f64, %b: f64):
    %0 = arith.addf %a, %b : f64
    gpt.yield %0 : f64
  }
  %h = gpt.repeat 2 iter(%x) : (tensor<2x3x4xf64>) -> tensor<2x3x4xf64> {
  ^bb0(%in: tensor<2x3x4xf64>):
    %lw = gpt.read @"h.*.ln_1.weight" : tensor<4xf64>
    %lb = gpt.read @"h.*.ln_1.bias" : tensor<4xf64>
    %n, %m1, %r1 = gpt.layer_norm %in weight %lw : tensor<4xf64> bias %lb : tensor<4xf64> epsilon 1.0e-5 : tensor<2x3x4xf64> -> tensor<2x3x4xf64>, tensor<2x3xf64>, tensor<2x3xf64>
    %aw = gpt.read @"h.*.attn.weight" : tensor<4x12xf64>
    %ab = gpt.read @"h.*.attn.bias" : tensor<12xf64>
    %0 = gpt.matmul %n, %aw : tensor<2x3x4xf64>, tensor<4x12xf64> -> tensor<2x3x12xf64>
    %1 = gpt.map(%0, %ab) : (tensor<2x3x12xf64>, tensor<12xf64>) -> tensor<2x3x12xf64> {
    ^bb0(%a: f64, %b: f64):
      %s = arith.addf %a, %b : f64
      gpt.yield %s : f64
    }
    %qkv:3 = gpt.split %1 axis 2 : tensor<2x3x12xf64> -> tensor<2x3x4xf64>, tensor<2x3x4xf64>, tensor<2x3x4xf64>
    %q0 = gpt.reshape %qkv#0 : tensor<2x3x4xf64> -> tensor<2x3x2x2xf64>
    %k0 = gpt.reshape %qkv#1 : tensor<2x3x4xf64> -> tensor<2x3x2x2xf64>
    %v0 = gpt.reshape %qkv#2 : tensor<2x3x4xf64> -> tensor<2x3x2x2xf64>
    %q = gpt.transpose %q0 [0, 2, 1, 3] : tensor<2x3x2x2xf64> -> tensor<2x2x3x2xf64>
    %k = gpt.transpose %k0 [0, 2, 1, 3] : tensor<2x3x2x2xf64> -> tensor<2x2x3x2xf64>
    %v = gpt.transpose %v0 [0, 2, 1, 3] : tensor<2x3x2x2xf64> -> tensor<2x2x3x2xf64>
    %y = gpt.attention %q, %k, %v causal scale 0.7 : tensor<2x2x3x2xf64>, tensor<2x2x3x2xf64>, tensor<2x2x3x2xf64> -> tensor<2x2x3x2xf64>
    %y1 = gpt.transpose %y [0, 2, 1, 3] : tensor<2x2x3x2xf64> -> tensor<2x3x2x2xf64>
    %y2 = gpt.reshape %y1 : tensor<2x3x2x2xf64> -> tensor<2x3x4xf64>
    %pw = gpt.read @"h.*.proj.weight" : tensor<4x4xf64>
    %y3 = gpt.matmul %y2, %pw : tensor<2x3x4xf64>, tensor<4x4xf64> -> tensor<2x3x4xf64>
    %mid = gpt.map(%in, %y3) : (tensor<2x3x4xf64>, tensor<2x3x4xf64>) -> tensor<2x3x4xf64> {
    ^bb0(%a: f64, %b: f64):
      %s = arith.addf %a, %b : f64
      gpt.yield %s : f64
    }
    %n2, %m2, %r2 = gpt.layer_norm %mid epsilon 1.0e-5 : tensor<2x3x4xf64> -> tensor<2x3x4xf64>, tensor<2x3xf64>, tensor<2x3xf64>
    %fw = gpt.read @"h.*.fc.weight" : tensor<4x8xf64>
    %fb = gpt.read @"h.*.fc.bias" : tensor<8xf64>
    %f0 = gpt.matmul %n2, %fw : tensor<2x3x4xf64>, tensor<4x8xf64> -> tensor<2x3x8xf64>
    %f1 = gpt.map(%f0, %fb) : (tensor<2x3x8xf64>, tensor<8xf64>) -> tensor<2x3x8xf64> {
    ^bb0(%a: f64, %b: f64):
      %c0 = arith.constant 0.044715 : f64
      %c1 = arith.constant 0.7978845608 : f64
      %half = arith.constant 0.5 : f64
      %one = arith.constant 1.0 : f64
      %t = arith.addf %a, %b : f64
      %t2 = arith.mulf %t, %t : f64
      %t3 = arith.mulf %t2, %t : f64
      %u = arith.mulf %c0, %t3 : f64
      %w = arith.addf %t, %u : f64
      %z = arith.mulf %c1, %w : f64
      %th = math.tanh %z : f64
      %o = arith.addf %one, %th : f64
      %g = arith.mulf %t, %o : f64
      %r = arith.mulf %half, %g : f64
      gpt.yield %r : f64
    }
    %dw = gpt.read @"h.*.down.weight" : tensor<8x4xf64>
    %f2 = gpt.matmul %f1, %dw : tensor<2x3x8xf64>, tensor<8x4xf64> -> tensor<2x3x4xf64>
    %out = gpt.map(%mid, %f2) : (tensor<2x3x4xf64>, tensor<2x3x4xf64>) -> tensor<2x3x4xf64> {
    ^bb0(%a: f64, %b: f64):
      %s = arith.addf %a, %b : f64
      gpt.yield %s : f64
    }
    gpt.yield %out : tensor<2x3x4xf64>
  }
  %fw = gpt.read @ln_f.weight : tensor<4xf64>
  %n, %m, %r = gpt.layer_norm %h weight %fw : tensor<4xf64> epsilon 1.0e-5 : tensor<2x3x4xf64> -> tensor<2x3x4xf64>, tensor<2x3xf64>, tensor<2x3xf64>
  %logits = gpt.matmul %n, %wte transpose_rhs : tensor<2x3x4xf64>, tensor<7x4xf64> -> tensor<2x3x7xf64>
  %loss, %terms, %lse = gpt.cross_entropy %logits, %targets : tensor<2x3x7xf64>, tensor<2x3xi32> -> tensor<f64>, tensor<2x3xf64>, tensor<2x3xf64>
  return %loss : tensor<f64>
})");
}

// A multi-layer perceptron on embedded characters with batch norm, whose running mean is a state:
// it is written without a gradient, and its old value is not read in training.
TEST(ModelDifference, BatchNorm) {
  expectGradientsOfDifferences(R"(
gpt.variable @tokens input {test.values = dense<[[1, 2], [0, 2], [4, 4], [3, 0]]> : tensor<4x2xi32>} : tensor<4x2xi32>
gpt.variable @targets input {test.values = dense<[2, 0, 1, 4]> : tensor<4xi32>} : tensor<4xi32>
gpt.variable @table parameter init(<normal, 1.0, 0.0>) decay : tensor<5x3xf64>
gpt.variable @hidden parameter init(<normal, 0.5, 0.0>) decay : tensor<6x6xf64>
gpt.variable @weight parameter init(<uniform, 0.5, 1.5>) : tensor<6xf64>
gpt.variable @bias parameter init(<normal, 0.1, 0.0>) : tensor<6xf64>
gpt.variable @running state init(<constant, 0.0, 0.0>) : tensor<6xf64>
gpt.variable @output parameter init(<normal, 0.5, 0.0>) decay : tensor<6x5xf64>
func.func @train() -> tensor<f64> {
  %tokens = gpt.read @tokens : tensor<4x2xi32>
  %targets = gpt.read @targets : tensor<4xi32>
  %table = gpt.read @table : tensor<5x3xf64>
  %e = gpt.embedding %tokens, %table : tensor<4x2xi32>, tensor<5x3xf64> -> tensor<4x2x3xf64>
  %x = gpt.reshape %e : tensor<4x2x3xf64> -> tensor<4x6xf64>
  %hidden = gpt.read @hidden : tensor<6x6xf64>
  %h = gpt.matmul %x, %hidden transpose_rhs : tensor<4x6xf64>, tensor<6x6xf64> -> tensor<4x6xf64>
  %sum = gpt.reduce sum %h [0] : tensor<4x6xf64> -> tensor<6xf64>
  %mean = gpt.map(%sum) : (tensor<6xf64>) -> tensor<6xf64> {
  ^bb0(%a: f64):
    %n = arith.constant 4.0 : f64
    %0 = arith.divf %a, %n : f64
    gpt.yield %0 : f64
  }
  %squares = gpt.map(%h, %mean) : (tensor<4x6xf64>, tensor<6xf64>) -> tensor<4x6xf64> {
  ^bb0(%a: f64, %m: f64):
    %d = arith.subf %a, %m : f64
    %0 = arith.mulf %d, %d : f64
    gpt.yield %0 : f64
  }
  %total = gpt.reduce sum %squares [0] : tensor<4x6xf64> -> tensor<6xf64>
  %w = gpt.read @weight : tensor<6xf64>
  %b = gpt.read @bias : tensor<6xf64>
  %y = gpt.map(%h, %mean, %total, %w, %b) : (tensor<4x6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xf64>, tensor<6xf64>) -> tensor<4x6xf64> {
  ^bb0(%a: f64, %m: f64, %s: f64, %g: f64, %c: f64):
    %n = arith.constant 4.0 : f64
    %eps = arith.constant 1.0e-5 : f64
    %v = arith.divf %s, %n : f64
    %ve = arith.addf %v, %eps : f64
    %r = math.rsqrt %ve : f64
    %d = arith.subf %a, %m : f64
    %0 = arith.mulf %d, %r : f64
    %1 = arith.mulf %0, %g : f64
    %2 = arith.addf %1, %c : f64
    %3 = math.tanh %2 : f64
    gpt.yield %3 : f64
  }
  %old = gpt.read @running : tensor<6xf64>
  %new = gpt.map(%old, %mean) : (tensor<6xf64>, tensor<6xf64>) -> tensor<6xf64> {
  ^bb0(%a: f64, %m: f64):
    %rate = arith.constant 0.1 : f64
    %d = arith.subf %m, %a : f64
    %0 = arith.mulf %rate, %d : f64
    %1 = arith.addf %a, %0 : f64
    gpt.yield %1 : f64
  }
  gpt.write @running, %new : tensor<6xf64>
  %output = gpt.read @output : tensor<6x5xf64>
  %logits = gpt.matmul %y, %output : tensor<4x6xf64>, tensor<6x5xf64> -> tensor<4x5xf64>
  %loss, %terms, %lse = gpt.cross_entropy %logits, %targets : tensor<4x5xf64>, tensor<4xi32> -> tensor<f64>, tensor<4xf64>, tensor<4xf64>
  return %loss : tensor<f64>
})");
}

// Two layers of relu, hinge loss and the squares of all parameters: each parameter is used twice.
TEST(ModelDifference, HingeLossAndL2) {
  expectGradientsOfDifferences(R"(
gpt.variable @x input : tensor<5x2xf64>
gpt.variable @label input {test.values = dense<[1.0, -1.0, 1.0, 1.0, -1.0]> : tensor<5xf64>} : tensor<5xf64>
gpt.variable @w1 parameter init(<uniform, -1.0, 1.0>) : tensor<4x2xf64>
gpt.variable @b1 parameter init(<uniform, -1.0, 1.0>) : tensor<4xf64>
gpt.variable @w2 parameter init(<uniform, -1.0, 1.0>) : tensor<1x4xf64>
func.func @train() -> tensor<f64> {
  %x = gpt.read @x : tensor<5x2xf64>
  %label = gpt.read @label : tensor<5xf64>
  %w1 = gpt.read @w1 : tensor<4x2xf64>
  %b1 = gpt.read @b1 : tensor<4xf64>
  %w2 = gpt.read @w2 : tensor<1x4xf64>
  %0 = gpt.matmul %x, %w1 transpose_rhs : tensor<5x2xf64>, tensor<4x2xf64> -> tensor<5x4xf64>
  %1 = gpt.map(%0, %b1) : (tensor<5x4xf64>, tensor<4xf64>) -> tensor<5x4xf64> {
  ^bb0(%a: f64, %b: f64):
    %zero = arith.constant 0.0 : f64
    %s = arith.addf %a, %b : f64
    %r = arith.maximumf %s, %zero : f64
    gpt.yield %r : f64
  }
  %2 = gpt.matmul %1, %w2 transpose_rhs : tensor<5x4xf64>, tensor<1x4xf64> -> tensor<5x1xf64>
  %score = gpt.reshape %2 : tensor<5x1xf64> -> tensor<5xf64>
  %hinge = gpt.map(%score, %label) : (tensor<5xf64>, tensor<5xf64>) -> tensor<5xf64> {
  ^bb0(%a: f64, %b: f64):
    %zero = arith.constant 0.0 : f64
    %one = arith.constant 1.0 : f64
    %p = arith.mulf %a, %b : f64
    %d = arith.subf %one, %p : f64
    %r = arith.maximumf %d, %zero : f64
    gpt.yield %r : f64
  }
  %data = gpt.reduce sum %hinge [0] : tensor<5xf64> -> tensor<f64>
  %s1 = gpt.map(%w1) : (tensor<4x2xf64>) -> tensor<4x2xf64> {
  ^bb0(%a: f64):
    %p = arith.mulf %a, %a : f64
    gpt.yield %p : f64
  }
  %l1 = gpt.reduce sum %s1 [0, 1] : tensor<4x2xf64> -> tensor<f64>
  %s2 = gpt.map(%w2) : (tensor<1x4xf64>) -> tensor<1x4xf64> {
  ^bb0(%a: f64):
    %p = arith.mulf %a, %a : f64
    gpt.yield %p : f64
  }
  %l2 = gpt.reduce sum %s2 [0, 1] : tensor<1x4xf64> -> tensor<f64>
  %loss = gpt.map(%data, %l1, %l2) : (tensor<f64>, tensor<f64>, tensor<f64>) -> tensor<f64> {
  ^bb0(%a: f64, %b: f64, %c: f64):
    %n = arith.constant 5.0 : f64
    %alpha = arith.constant 0.01 : f64
    %m = arith.divf %a, %n : f64
    %s = arith.addf %b, %c : f64
    %t = arith.mulf %alpha, %s : f64
    %r = arith.addf %m, %t : f64
    gpt.yield %r : f64
  }
  return %loss : tensor<f64>
})");
}

// RMS norm, rotary positions, one group of keys for two heads, SwiGLU, soft-capped logits, and a
// window.
TEST(ModelDifference, ModernBlock) {
  expectGradientsOfDifferences(R"(
gpt.variable @x parameter init(<normal, 1.0, 0.0>) : tensor<1x4x4xf64>
gpt.variable @targets input {test.values = dense<[[2, 0, 3, 1]]> : tensor<1x4xi32>} : tensor<1x4xi32>
gpt.variable @qk parameter init(<normal, 0.5, 0.0>) : tensor<4x12xf64>
gpt.variable @gate parameter init(<normal, 0.5, 0.0>) : tensor<4x3xf64>
gpt.variable @up parameter init(<normal, 0.5, 0.0>) : tensor<4x3xf64>
gpt.variable @head parameter init(<normal, 1.0, 0.0>) : tensor<4x3xf64>
func.func @train() -> tensor<f64> {
  %x = gpt.read @x : tensor<1x4x4xf64>
  %targets = gpt.read @targets : tensor<1x4xi32>
  %squares = gpt.map(%x) : (tensor<1x4x4xf64>) -> tensor<1x4x4xf64> {
  ^bb0(%a: f64):
    %two = arith.constant 2.0 : f64
    %0 = math.powf %a, %two : f64
    gpt.yield %0 : f64
  }
  %sums = gpt.reduce sum %squares [2] : tensor<1x4x4xf64> -> tensor<1x4xf64>
  %column = gpt.reshape %sums : tensor<1x4xf64> -> tensor<1x4x1xf64>
  %n = gpt.map(%x, %column) : (tensor<1x4x4xf64>, tensor<1x4x1xf64>) -> tensor<1x4x4xf64> {
  ^bb0(%a: f64, %s: f64):
    %width = arith.constant 4.0 : f64
    %eps = arith.constant 1.0e-6 : f64
    %m = arith.divf %s, %width : f64
    %me = arith.addf %m, %eps : f64
    %r = math.rsqrt %me : f64
    %0 = arith.mulf %a, %r : f64
    gpt.yield %0 : f64
  }
  %qk = gpt.read @qk : tensor<4x12xf64>
  %p = gpt.matmul %n, %qk : tensor<1x4x4xf64>, tensor<4x12xf64> -> tensor<1x4x12xf64>
  %s:3 = gpt.split %p axis 2 : tensor<1x4x12xf64> -> tensor<1x4x8xf64>, tensor<1x4x2xf64>, tensor<1x4x2xf64>
  %q0 = gpt.reshape %s#0 : tensor<1x4x8xf64> -> tensor<1x4x4x2xf64>
  %q1 = gpt.transpose %q0 [0, 2, 1, 3] : tensor<1x4x4x2xf64> -> tensor<1x4x4x2xf64>
  %k = gpt.reshape %s#1 : tensor<1x4x2xf64> -> tensor<1x1x4x2xf64>
  %v = gpt.reshape %s#2 : tensor<1x4x2xf64> -> tensor<1x1x4x2xf64>
  %positions = gpt.iota : tensor<4xi32>
  %angles = gpt.reshape %positions : tensor<4xi32> -> tensor<4x1xi32>
  %halves:2 = gpt.split %q1 axis 3 : tensor<1x4x4x2xf64> -> tensor<1x4x4x1xf64>, tensor<1x4x4x1xf64>
  %turned:2 = gpt.map(%halves#0, %halves#1, %angles) : (tensor<1x4x4x1xf64>, tensor<1x4x4x1xf64>, tensor<4x1xi32>) -> (tensor<1x4x4x1xf64>, tensor<1x4x4x1xf64>) {
  ^bb0(%a: f64, %b: f64, %i: i32):
    %t = arith.sitofp %i : i32 to f64
    %cos = math.cos %t : f64
    %sin = math.sin %t : f64
    %0 = arith.mulf %a, %cos : f64
    %1 = arith.mulf %b, %sin : f64
    %2 = arith.subf %0, %1 : f64
    %3 = arith.mulf %a, %sin : f64
    %4 = arith.mulf %b, %cos : f64
    %5 = arith.addf %3, %4 : f64
    gpt.yield %2, %5 : f64, f64
  }
  %q = gpt.concat %turned#0, %turned#1 axis 3 : tensor<1x4x4x1xf64>, tensor<1x4x4x1xf64> -> tensor<1x4x4x2xf64>
  %y = gpt.attention %q, %k, %v causal window 3 scale 0.7 : tensor<1x4x4x2xf64>, tensor<1x1x4x2xf64>, tensor<1x1x4x2xf64> -> tensor<1x4x4x2xf64>
  %y1 = gpt.slice %y [0, 0, 0, 0] [1, 2, 4, 2] : tensor<1x4x4x2xf64> -> tensor<1x2x4x2xf64>
  %y2 = gpt.transpose %y1 [0, 2, 1, 3] : tensor<1x2x4x2xf64> -> tensor<1x4x2x2xf64>
  %y3 = gpt.reshape %y2 : tensor<1x4x2x2xf64> -> tensor<1x4x4xf64>
  %gate = gpt.read @gate : tensor<4x3xf64>
  %up = gpt.read @up : tensor<4x3xf64>
  %g = gpt.matmul %y3, %gate : tensor<1x4x4xf64>, tensor<4x3xf64> -> tensor<1x4x3xf64>
  %u = gpt.matmul %y3, %up : tensor<1x4x4xf64>, tensor<4x3xf64> -> tensor<1x4x3xf64>
  %h = gpt.map(%g, %u) : (tensor<1x4x3xf64>, tensor<1x4x3xf64>) -> tensor<1x4x3xf64> {
  ^bb0(%a: f64, %b: f64):
    %one = arith.constant 1.0 : f64
    %minus = arith.negf %a : f64
    %e = math.exp %minus : f64
    %d = arith.addf %one, %e : f64
    %l = arith.divf %one, %d : f64
    %silu = arith.mulf %a, %l : f64
    %0 = arith.mulf %silu, %b : f64
    gpt.yield %0 : f64
  }
  %head = gpt.read @head : tensor<4x3xf64>
  %z = gpt.matmul %h, %head transpose_rhs : tensor<1x4x3xf64>, tensor<4x3xf64> -> tensor<1x4x4xf64>
  %capped = gpt.map(%z) : (tensor<1x4x4xf64>) -> tensor<1x4x4xf64> {
  ^bb0(%a: f64):
    %limit = arith.constant 2.0 : f64
    %0 = arith.divf %a, %limit : f64
    %1 = math.tanh %0 : f64
    %2 = arith.mulf %limit, %1 : f64
    gpt.yield %2 : f64
  }
  %loss, %terms, %lse = gpt.cross_entropy %capped, %targets : tensor<1x4x4xf64>, tensor<1x4xi32> -> tensor<f64>, tensor<1x4xf64>, tensor<1x4xf64>
  return %loss : tensor<f64>
})");
}

// Copies that use what is above them, and repeats within repeats.
TEST(ModelDifference, Repeats) {
  expectGradientsOfDifferences(R"(
gpt.variable @"f.*.w" parameter init(<uniform, 0.5, 1.5>) copies [2] : tensor<3xf64>
gpt.variable @"f.*.g.*.v" parameter init(<uniform, 0.5, 1.5>) copies [2, 3] : tensor<3xf64>
gpt.variable @shared parameter init(<uniform, 0.5, 1.5>) : tensor<3xf64>
func.func @train() -> tensor<f64> {
  %s = gpt.read @shared : tensor<3xf64>
  %y = gpt.repeat 2 iter(%s) : (tensor<3xf64>) -> tensor<3xf64> {
  ^bb0(%a: tensor<3xf64>):
    %w = gpt.read @"f.*.w" : tensor<3xf64>
    %z = gpt.repeat 3 iter(%a) : (tensor<3xf64>) -> tensor<3xf64> {
    ^bb0(%b: tensor<3xf64>):
      %v = gpt.read @"f.*.g.*.v" : tensor<3xf64>
      %c = gpt.map(%b, %v, %w, %s) : (tensor<3xf64>, tensor<3xf64>, tensor<3xf64>, tensor<3xf64>) -> tensor<3xf64> {
      ^bb0(%p: f64, %q: f64, %r: f64, %t: f64):
        %0 = arith.mulf %p, %q : f64
        %1 = math.sin %0 : f64
        %2 = arith.addf %1, %r : f64
        %3 = arith.mulf %2, %t : f64
        gpt.yield %3 : f64
      }
      gpt.yield %c : tensor<3xf64>
    }
    gpt.yield %z : tensor<3xf64>
  }
  %loss = gpt.reduce sum %y [0] : tensor<3xf64> -> tensor<f64>
  return %loss : tensor<f64>
})");
}
