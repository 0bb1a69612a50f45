// RUN: gptc-interpret %s --precision=float32 | FileCheck %s --check-prefix=NARROW
// RUN: gptc-interpret %s | FileCheck %s --check-prefix=WIDE

// In float32 values of narrower types are rounded to them; in float64 nothing is. 1 + 2^-8 lies halfway
// between two bfloat16 numbers and goes to the even one, 1 + 3 · 2^-8 halfway too, and goes up.
// NARROW: @region [2]: 1 1.015625
// WIDE: @region [2]: 1.00390625 1.01171875
func.func @region() -> tensor<2xf32> {
  %a = arith.constant dense<[1.00390625, 1.01171875]> : tensor<2xf32>
  %0 = gpt.map(%a) : (tensor<2xf32>) -> tensor<2xf32> {
  ^bb0(%x: f32):
    %1 = arith.truncf %x : f32 to bf16
    %2 = arith.extf %1 : bf16 to f32
    gpt.yield %2 : f32
  }
  return %0 : tensor<2xf32>
}

// The product 1.0078125^2 = 1.01568603515625 has too many digits for bfloat16.
// NARROW: @operation [1, 1]: 1.015625
// WIDE: @operation [1, 1]: 1.01568604
func.func @operation() -> tensor<1x1xbf16> {
  %a = arith.constant dense<1.0078125> : tensor<1x1xbf16>
  %0 = gpt.matmul %a, %a : tensor<1x1xbf16>, tensor<1x1xbf16> -> tensor<1x1xbf16>
  return %0 : tensor<1x1xbf16>
}
