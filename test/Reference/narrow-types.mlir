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

// The same product in float32: a result of 32 bits is not rounded. With tf32 the operands are, to 10 bits of
// fraction: 1 + 2^-11 lies halfway and goes to 1; 1 + 3 * 2^-11 goes up to 1 + 2^-9.
// NARROW: @wide_result [1, 1]: 1.01568604
// WIDE: @wide_result [1, 1]: 1.01568604
func.func @wide_result() -> tensor<1x1xf32> {
  %a = arith.constant dense<1.0078125> : tensor<1x1xbf16>
  %0 = gpt.matmul %a, %a : tensor<1x1xbf16>, tensor<1x1xbf16> -> tensor<1x1xf32>
  return %0 : tensor<1x1xf32>
}

// NARROW: @tf32 [1, 2]: 1 1.00195312
// WIDE: @tf32 [1, 2]: 1.00048828 1.00146484
func.func @tf32() -> tensor<1x2xf32> {
  %a = arith.constant dense<1.0> : tensor<1x1xf32>
  %b = arith.constant dense<[[1.00048828125, 1.00146484375]]> : tensor<1x2xf32>
  %0 = gpt.matmul %a, %b tf32 : tensor<1x1xf32>, tensor<1x2xf32> -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}

// 256 terms of 1/256 + 2^-12, which bfloat16 cannot add up one by one: sums are float32, and rounded once.
// NARROW: @sums [1, 1]: 1.0625
// WIDE: @sums [1, 1]: 1.0625
func.func @sums() -> tensor<1x1xbf16> {
  %a = arith.constant dense<1.0> : tensor<1x256xbf16>
  %b = arith.constant dense<0.004150390625> : tensor<256x1xbf16>
  %0 = gpt.matmul %a, %b : tensor<1x256xbf16>, tensor<256x1xbf16> -> tensor<1x1xbf16>
  return %0 : tensor<1x1xbf16>
}

// Attention to one key gives its value, whatever the scores; the log-sum-exp stays float32.
// NARROW: @attention [1, 1, 1, 1]: 1.0078125
// NARROW: @attention [1, 1, 1]: 1.01568604
// WIDE: @attention [1, 1, 1, 1]: 1.0078125
// WIDE: @attention [1, 1, 1]: 1.01568604
func.func @attention() -> (tensor<1x1x1x1xbf16>, tensor<1x1x1xf32>) {
  %a = arith.constant dense<1.0078125> : tensor<1x1x1x1xbf16>
  %0, %1 = gpt.flash_attention %a, %a, %a scale 1.0 : tensor<1x1x1x1xbf16>, tensor<1x1x1x1xbf16>, tensor<1x1x1x1xbf16> -> tensor<1x1x1x1xbf16>, tensor<1x1x1xf32>
  return %0, %1 : tensor<1x1x1x1xbf16>, tensor<1x1x1xf32>
}
