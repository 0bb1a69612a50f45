// RUN: gptc-opt %s --gpt-insert-optimizer=growth-interval=7 | FileCheck %s --check-prefixes=CHECK,ADAMW
// RUN: gptc-opt %s --gpt-insert-optimizer='optimizer=sgd growth-interval=7' | FileCheck %s --check-prefixes=CHECK,SGD
// Kernels over flat memory take the selection: zeros stay zeros.
// RUN: gptc-opt %s --gpt-insert-optimizer --gptc-optimize --gpt-lower-to-plan | FileCheck %s --check-prefix=FLAT

gpt.variable @w parameter init(<normal, 0.5, 0.0>) decay : tensor<2x3xf32>
gpt.variable @"scaler:loss_scale" state init(<constant, 65536.0, 0.0>) : tensor<f32>
gpt.variable @"gradient:w" gradient of @w : tensor<2x3xf32>

// CHECK-DAG: gpt.variable @"scaler:good_steps" state init(<constant, 0.000000e+00, 0.000000e+00>) : tensor<f32>
// CHECK-DAG: gpt.variable @"scaler:applied_steps" state init(<constant, 0.000000e+00, 0.000000e+00>) : tensor<f32>
// CHECK-NOT: step:correction

// CHECK-LABEL: func.func @update() {
// CHECK: %[[SCALED:.*]] = gpt.global_norm
// CHECK: %[[SCALE:.*]] = gpt.read @"scaler:loss_scale"
// CHECK: %[[GOOD:.*]] = gpt.read @"scaler:good_steps"
// CHECK: %[[APPLIED:.*]] = gpt.read @"scaler:applied_steps"
// The norm that is shown is that of the gradients without the scale.
// CHECK: %[[NORM:.*]] = gpt.map(%[[SCALED]], %[[SCALE]])
// CHECK: arith.divf
// CHECK: gpt.write @"output:norm", %[[NORM]]
// The factor of all gradients takes the scale away.
// CHECK: %[[CLIP:.*]] = gpt.map(%{{.*}}, %[[NORM]], %[[SCALE]])
// CHECK: arith.minimumf
// CHECK-NEXT: arith.divf
// ADAMW: gpt.map(%{{.*}}, %[[APPLIED]])
// ADAMW: math.log1p
// ADAMW: math.expm1
// ADAMW: %[[P:.*]], %[[M:.*]], %[[V:.*]] = gpt.adamw {{.*}} clip %[[CLIP]]
// ADAMW: %[[KEPT:.*]]:3 = gpt.map(%[[SCALED]], %{{.*}}, %{{.*}}, %{{.*}}, %[[P]], %[[M]], %[[V]])
// ADAMW: arith.cmpf olt
// ADAMW: arith.select
// ADAMW: gpt.write @w, %[[KEPT]]#0
// ADAMW: gpt.write @"moment1:w", %[[KEPT]]#1
// ADAMW: gpt.write @"moment2:w", %[[KEPT]]#2
// SGD: %[[KEPT:.*]] = gpt.map(%[[SCALED]], %{{.*}}, %{{.*}})
// SGD: gpt.write @w, %[[KEPT]]
// CHECK: %[[NEXT:.*]]:3 = gpt.map(%[[SCALED]], %[[SCALE]], %[[GOOD]], %[[APPLIED]])
// CHECK: arith.constant 7.0
// CHECK: gpt.write @"scaler:loss_scale", %[[NEXT]]#0
// CHECK: gpt.write @"scaler:good_steps", %[[NEXT]]#1
// CHECK: gpt.write @"scaler:applied_steps", %[[NEXT]]#2

// FLAT: ^bb0({{.*}}: tensor<2x1024xf32>{{.*}}: tensor<2x1024xf32>{{.*}}: tensor<2x1024xf32>
// FLAT: arith.cmpf olt
// FLAT: arith.select
