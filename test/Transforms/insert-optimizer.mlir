// RUN: gptc-opt %s --gpt-insert-optimizer | FileCheck %s --check-prefixes=CHECK,ADAMW
// RUN: gptc-opt %s --gpt-insert-optimizer=optimizer=sgd | FileCheck %s --check-prefixes=CHECK,SGD

gpt.variable @w parameter init(<normal, 0.5, 0.0>) decay : tensor<2x3xf32>
gpt.variable @b parameter init(<constant, 0.0, 0.0>) : tensor<3xf32>
gpt.variable @"gradient:w" gradient of @w : tensor<2x3xf32>
gpt.variable @"gradient:b" gradient of @b : tensor<3xf32>

// CHECK: gpt.variable @"output:norm" output : tensor<f32>
// ADAMW: gpt.variable @"step:clip_norm" step : tensor<f32>
// ADAMW: gpt.variable @"step:learning_rate" step : tensor<f32>
// ADAMW: gpt.variable @"moment1:w" moment init(<constant, 0.000000e+00, 0.000000e+00>) of @w : tensor<2x3xf32>
// ADAMW: gpt.variable @"moment2:w" moment init(<constant, 0.000000e+00, 0.000000e+00>) of @w : tensor<2x3xf32>
// ADAMW: gpt.variable @"moment1:b" moment init(<constant, 0.000000e+00, 0.000000e+00>) of @b : tensor<3xf32>
// ADAMW: gpt.variable @"moment2:b" moment init(<constant, 0.000000e+00, 0.000000e+00>) of @b : tensor<3xf32>
// SGD-NOT: moment

// CHECK-LABEL: func.func @update() {
// CHECK: %[[GW:.*]] = gpt.read @"gradient:w"
// CHECK: %[[GB:.*]] = gpt.read @"gradient:b"
// CHECK: %[[NORM:.*]] = gpt.global_norm %[[GW]], %[[GB]]
// CHECK: gpt.write @"output:norm", %[[NORM]] : tensor<f32>
// CHECK: %[[LIMIT:.*]] = gpt.read @"step:clip_norm" : tensor<f32>
// CHECK: %[[CLIP:.*]] = gpt.map(%[[LIMIT]], %[[NORM]])
// CHECK-NEXT: ^bb0(%[[L:.*]]: f32, %[[N:.*]]: f32):
// CHECK-DAG:    %[[TINY:.*]] = arith.constant 9.99999997E-7 : f32
// CHECK-DAG:    %[[ONE:.*]] = arith.constant 1.000000e+00 : f32
// CHECK:        %[[SUM:.*]] = arith.addf %[[N]], %[[TINY]]
// CHECK:        %[[RATIO:.*]] = arith.divf %[[L]], %[[SUM]]
// CHECK:        %[[LEAST:.*]] = arith.minimumf %[[RATIO]], %[[ONE]]
// CHECK:        gpt.yield %[[LEAST]]

// ADAMW: %[[RATE:.*]] = gpt.read @"step:learning_rate"
// ADAMW: %[[BETA1:.*]] = gpt.read @"step:beta1"
// ADAMW: %[[BETA2:.*]] = gpt.read @"step:beta2"
// ADAMW: %[[C1:.*]] = gpt.read @"step:correction1"
// ADAMW: %[[C2:.*]] = gpt.read @"step:correction2"
// ADAMW: %[[EPSILON:.*]] = gpt.read @"step:epsilon"
// ADAMW: %[[DECAY:.*]] = gpt.read @"step:weight_decay"
// ADAMW: %[[W:.*]] = gpt.read @w
// ADAMW: %[[M:.*]] = gpt.read @"moment1:w"
// ADAMW: %[[V:.*]] = gpt.read @"moment2:w"
// ADAMW: %[[W1:.*]], %[[M1:.*]], %[[V1:.*]] = gpt.adamw %[[W]], %[[GW]], %[[M]], %[[V]] rate %[[RATE]] clip %[[CLIP]] betas %[[BETA1]], %[[BETA2]] corrections %[[C1]], %[[C2]] epsilon %[[EPSILON]] decay %[[DECAY]] decayed : tensor<2x3xf32>
// ADAMW: gpt.write @w, %[[W1]]
// ADAMW: gpt.write @"moment1:w", %[[M1]]
// ADAMW: gpt.write @"moment2:w", %[[V1]]
// ADAMW: gpt.adamw {{.*}} decay %[[DECAY]] : tensor<3xf32>

// SGD: %[[RATE:.*]] = gpt.read @"step:learning_rate"
// SGD: %[[DECAY:.*]] = gpt.read @"step:weight_decay"
// SGD: %[[W:.*]] = gpt.read @w
// SGD: %[[W1:.*]] = gpt.map(%[[W]], %[[GW]], %[[RATE]], %[[CLIP]], %[[DECAY]])
// SGD-NEXT: ^bb0(%[[P:.*]]: f32, %[[G:.*]]: f32, %[[R:.*]]: f32, %[[C:.*]]: f32, %[[D:.*]]: f32):
// SGD-NEXT:   %[[S:.*]] = arith.mulf %[[R]], %[[C]]
// SGD-NEXT:   %[[SG:.*]] = arith.mulf %[[S]], %[[G]]
// SGD-NEXT:   %[[MOVED:.*]] = arith.subf %[[P]], %[[SG]]
// SGD-NEXT:   %[[RD:.*]] = arith.mulf %[[R]], %[[D]]
// SGD-NEXT:   %[[RDP:.*]] = arith.mulf %[[RD]], %[[P]]
// SGD-NEXT:   %[[NEXT:.*]] = arith.subf %[[MOVED]], %[[RDP]]
// SGD-NEXT:   gpt.yield %[[NEXT]]
// SGD: gpt.write @w, %[[W1]]
// SGD: %[[B:.*]] = gpt.read @b
// SGD: gpt.map(%[[B]], %[[GB]], %[[RATE]], %[[CLIP]]) :
// CHECK: return
