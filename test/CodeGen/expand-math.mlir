// Functions become arithmetic; what is one instruction stays.
// RUN: gptc-opt %s --expand-math | FileCheck %s

// CHECK-LABEL: func.func @expanded(
// CHECK-NOT:     math.{{exp|log|tanh|erf|sin|cos|powf|sinh|fpowi}}
// CHECK-NOT:     arith.remf
// CHECK:         return
func.func @expanded(%x: f32, %y: f32, %n: i32) -> (f32, f32, f32, f32, f32, f32, f32, f32, f32, f32) {
  %0 = math.exp %x : f32
  %1 = math.log %x : f32
  %2 = math.tanh %x : f32
  %3 = math.erf %x : f32
  %4 = math.sin %x : f32
  %5 = math.cos %x : f32
  %6 = math.powf %x, %y : f32
  %7 = arith.remf %x, %y : f32
  %8 = math.sinh %x : f32
  %9 = math.log2 %x : f32
  return %0, %1, %2, %3, %4, %5, %6, %7, %8, %9 : f32, f32, f32, f32, f32, f32, f32, f32, f32, f32
}

// CHECK-LABEL: func.func @kept(
// CHECK:         math.sqrt
// CHECK:         math.rsqrt
// CHECK:         math.floor
// CHECK:         math.exp %{{.*}} : f64
func.func @kept(%x: f32, %wide: f64) -> (f32, f32, f32, f64) {
  %0 = math.sqrt %x : f32
  %1 = math.rsqrt %x : f32
  %2 = math.floor %x : f32
  %3 = math.exp %wide : f64
  return %0, %1, %2, %3 : f32, f32, f32, f64
}
