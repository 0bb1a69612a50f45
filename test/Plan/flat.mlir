// RUN: gptc-opt %s --split-input-file --gpt-decompose='keep=global_norm' --gpt-form-kernels --gpt-lower-to-plan --plan-merge-launches | FileCheck %s

// Norm and AdamW over parameters of any shape: two launches for the norm, one for the parameters that
// decay, one for the others. 3·130 elements in rows of 144 take one flat row, 20·130 three.

// CHECK: plan.buffer @b0 in "parameters" bytes 4096
// CHECK: plan.buffer @b1 in "parameters" bytes 12288
// CHECK: plan.buffer @b2 in "parameters" bytes 4096
gpt.variable @a parameter init(<constant, 0.0, 0.0>) decay : tensor<3x130xf32>
gpt.variable @b parameter init(<constant, 0.0, 0.0>) decay : tensor<20x130xf32>
gpt.variable @c parameter init(<constant, 0.0, 0.0>) : tensor<7xf32>
gpt.variable @ga gradient : tensor<3x130xf32>
gpt.variable @gb gradient : tensor<20x130xf32>
gpt.variable @gc gradient : tensor<7xf32>
gpt.variable @ma moment init(<constant, 0.0, 0.0>) : tensor<3x130xf32>
gpt.variable @mb moment init(<constant, 0.0, 0.0>) : tensor<20x130xf32>
gpt.variable @mc moment init(<constant, 0.0, 0.0>) : tensor<7xf32>
gpt.variable @va moment init(<constant, 0.0, 0.0>) : tensor<3x130xf32>
gpt.variable @vb moment init(<constant, 0.0, 0.0>) : tensor<20x130xf32>
gpt.variable @vc moment init(<constant, 0.0, 0.0>) : tensor<7xf32>
gpt.variable @"step:s" step : tensor<f32>
gpt.variable @"output:norm" output : tensor<f32>

// CHECK-LABEL: plan.entry @update
// CHECK-NEXT: plan.launch @[[SQUARES:.*]] rows [1, 3, 1] grain
// CHECK-NEXT: plan.launch @[[NORM:.*]] rows [1] grain
// CHECK-NEXT: plan.launch @[[DECAYED:.*]] rows [1, 3] grain
// CHECK-NEXT: plan.launch @{{.*}} rows [1] grain
// CHECK-NEXT: }
// CHECK: plan.kernel @[[SQUARES]] "row" rows 2 layouts [memref<2x1024xf32, strided<[1024, 1]>>, memref<2xf32, strided<[1]>>]
// CHECK: plan.kernel @[[NORM]] "row" rows 1 layouts [memref<1x5xf32
// CHECK: plan.kernel @[[DECAYED]] "row" rows 2
// CHECK-SAME: in_place [0, 2, 3]
func.func @update() {
  %a = gpt.read @a : tensor<3x130xf32>
  %b = gpt.read @b : tensor<20x130xf32>
  %c = gpt.read @c : tensor<7xf32>
  %ga = gpt.read @ga : tensor<3x130xf32>
  %gb = gpt.read @gb : tensor<20x130xf32>
  %gc = gpt.read @gc : tensor<7xf32>
  %ma = gpt.read @ma : tensor<3x130xf32>
  %mb = gpt.read @mb : tensor<20x130xf32>
  %mc = gpt.read @mc : tensor<7xf32>
  %va = gpt.read @va : tensor<3x130xf32>
  %vb = gpt.read @vb : tensor<20x130xf32>
  %vc = gpt.read @vc : tensor<7xf32>
  %s = gpt.read @"step:s" : tensor<f32>
  %norm = gpt.global_norm %ga, %gb, %gc : tensor<3x130xf32>, tensor<20x130xf32>, tensor<7xf32> -> tensor<f32>
  gpt.write @"output:norm", %norm : tensor<f32>
  %na:3 = gpt.adamw %a, %ga, %ma, %va rate %s clip %s betas %s, %s corrections %s, %s epsilon %s decay %s decayed : tensor<3x130xf32> scalars tensor<f32>
  gpt.write @a, %na#0 : tensor<3x130xf32>
  gpt.write @ma, %na#1 : tensor<3x130xf32>
  gpt.write @va, %na#2 : tensor<3x130xf32>
  %nb:3 = gpt.adamw %b, %gb, %mb, %vb rate %s clip %s betas %s, %s corrections %s, %s epsilon %s decay %s decayed : tensor<20x130xf32> scalars tensor<f32>
  gpt.write @b, %nb#0 : tensor<20x130xf32>
  gpt.write @mb, %nb#1 : tensor<20x130xf32>
  gpt.write @vb, %nb#2 : tensor<20x130xf32>
  %nc:3 = gpt.adamw %c, %gc, %mc, %vc rate %s clip %s betas %s, %s corrections %s, %s epsilon %s decay %s : tensor<7xf32> scalars tensor<f32>
  gpt.write @c, %nc#0 : tensor<7xf32>
  gpt.write @mc, %nc#1 : tensor<7xf32>
  gpt.write @vc, %nc#2 : tensor<7xf32>
  return
}

// -----

// 1 for 0 would reach the pads, and an input's pads need not be 0: neither is flat, and the norm of the
// input goes along its rows.
gpt.variable @a parameter init(<constant, 0.0, 0.0>) : tensor<4x130xf32>
gpt.variable @b parameter init(<constant, 0.0, 0.0>) : tensor<4x130xf32>
gpt.variable @c parameter init(<constant, 0.0, 0.0>) : tensor<4x130xf32>
gpt.variable @x input : tensor<4x130xf32>
gpt.variable @"output:n" output : tensor<f32>

// CHECK-LABEL: plan.entry @update
// CHECK-NEXT: plan.launch @{{.*}} rows [4] grain
// CHECK-NEXT: plan.launch @{{.*}} rows [4] grain
// CHECK-NEXT: plan.launch @{{.*}} rows [4] grain
// CHECK-NEXT: plan.launch @{{.*}} rows [1] grain
// CHECK: memref<1x4xf32
func.func @update() {
  %a = gpt.read @a : tensor<4x130xf32>
  %one = gpt.map(%a) : (tensor<4x130xf32>) -> tensor<4x130xf32> {
  ^bb0(%v: f32):
    %c = arith.constant 1.0 : f32
    %0 = arith.addf %v, %c : f32
    gpt.yield %0 : f32
  }
  gpt.write @a, %one : tensor<4x130xf32>
  %b = gpt.read @b : tensor<4x130xf32>
  %x = gpt.read @x : tensor<4x130xf32>
  %sum = gpt.map(%b, %x) : (tensor<4x130xf32>, tensor<4x130xf32>) -> tensor<4x130xf32> {
  ^bb0(%v: f32, %w: f32):
    %0 = arith.subf %v, %w : f32
    gpt.yield %0 : f32
  }
  gpt.write @b, %sum : tensor<4x130xf32>
  %n = gpt.global_norm %x : tensor<4x130xf32> -> tensor<f32>
  gpt.write @"output:n", %n : tensor<f32>
  return
}
