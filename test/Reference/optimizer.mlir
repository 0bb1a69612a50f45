// RUN: gptc-interpret %s
// RUN: gptc-interpret %s --precision=float32
// RUN: gptc-interpret %s --gpt-decompose
// RUN: gptc-interpret %s --gpt-decompose --precision=float32

func.func @norm() {
  %a = arith.constant dense<[[3.0, 0.0], [-2.0, 6.0]]> : tensor<2x2xf32>
  %b = arith.constant dense<[8.0, 4.0]> : tensor<2xf32>
  %c = arith.constant dense<-6.0> : tensor<f32>
  // 9 + 4 + 36 + 64 + 16 = 129, and 36.
  %0 = gpt.global_norm %a, %b, %c : tensor<2x2xf32>, tensor<2xf32>, tensor<f32> -> tensor<f32>
  check.expect_close %0, dense<12.845232578665129> : tensor<f64> ulps 1 : tensor<f32>
  %1 = gpt.global_norm %c : tensor<f32> -> tensor<f32>
  check.expect_equal %1, dense<6.0> : tensor<f32>
  return
}

// The first step from moments 0, betas 1/2 and 3/4: g = clip · gradient = [2, -4, 0], first = g/2,
// second = g²/4, corrections 2 and 4, so the step is rate · g / (|g| + eps), with eps = 1:
// 1/4 · [2/3, -4/5, 0]; decay takes 1/4 · 1/2 of the parameter.
func.func @adamw() {
  %p = arith.constant dense<[8.0, -16.0, 1.0]> : tensor<3xf32>
  %g = arith.constant dense<[4.0, -8.0, 0.0]> : tensor<3xf32>
  %z = arith.constant dense<0.0> : tensor<3xf32>
  %half = arith.constant dense<0.5> : tensor<f32>
  %quarter = arith.constant dense<0.25> : tensor<f32>
  %most = arith.constant dense<0.75> : tensor<f32>
  %one = arith.constant dense<1.0> : tensor<f32>
  %two = arith.constant dense<2.0> : tensor<f32>
  %four = arith.constant dense<4.0> : tensor<f32>
  %0:3 = gpt.adamw %p, %g, %z, %z rate %quarter clip %half betas %half, %most corrections %two, %four epsilon %one decay %half decayed : tensor<3xf32> scalars tensor<f32>
  check.expect_close %0#0, dense<[6.83333333333333333, -13.8, 0.875]> : tensor<3xf64> ulps 2 : tensor<3xf32>
  check.expect_equal %0#1, dense<[1.0, -2.0, 0.0]> : tensor<3xf32>
  check.expect_equal %0#2, dense<[1.0, 4.0, 0.0]> : tensor<3xf32>
  // Without decay, and from moments that are there: first = 1/2 · 2 + 1/2 · 2 = 2, second = 3/4 · 4 + 1/4 · 4 = 4,
  // step = 1/4 · 2 · 2 / (sqrt(4 · 4) + 1) = 1/5.
  %p1 = arith.constant dense<[1.0]> : tensor<1xf32>
  %g1 = arith.constant dense<[2.0]> : tensor<1xf32>
  %v1 = arith.constant dense<[4.0]> : tensor<1xf32>
  %1:3 = gpt.adamw %p1, %g1, %g1, %v1 rate %quarter clip %one betas %half, %most corrections %two, %four epsilon %one decay %half : tensor<1xf32> scalars tensor<f32>
  check.expect_close %1#0, dense<0.8> : tensor<1xf64> ulps 1 : tensor<1xf32>
  check.expect_equal %1#1, dense<2.0> : tensor<1xf32>
  check.expect_equal %1#2, dense<4.0> : tensor<1xf32>
  return
}
