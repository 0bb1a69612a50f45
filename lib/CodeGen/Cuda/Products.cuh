// What a warp multiplies, in four precisions: how wide an operand's elements are, how they come out
// of shared memory as fragments, and which products of fragments are added up. Follows
// gptc_device.h in a module; Matmul.cuh and AttentionTiles.cuh are built from it.
//
// fp32: "3xTF32" (Ootomo and Yokota, "Recovering single precision accuracy from Tensor Cores while
// surpassing the FP32 theoretical peak performance", 2022). Each x is split into high = tf32(x) and
// low = x - high, of which the tensor cores cut off the low 13 bits: 2^-22 |x|. Of the four
// products low·low is left out; so each product is off by at most 3 · 2^-22 |a·b|. A finite |x| of
// (1 - 2^-12) 2^128 or more counts as an infinity, to which tf32 rounds it.
// tf32: one product of operands rounded to 10 bits of fraction, so 2^-10 |a·b|.
// bf16, f16: products are exact.
//
// The tensor cores cut off what they add: of the 16 products and the accumulator of a step, each is
// off by at most 2^-23 of the largest (Fasi, Higham, Mikaitis and Pranesh, "Numerical behavior of
// NVIDIA tensor cores", 2021), so the sum by 17 · 2^-23 of the absolute values.

struct gptc_fp32_products {
  typedef float element;
  static constexpr int step = 8;         ///< columns of a fragment of lhs
  static constexpr bool is_split = true; ///< there are low parts
  GPTC_DEVICE void multiply(float (&d)[4], const gptc_u32 (&a)[4], const gptc_u32 (&b)[2]) {
    gptc_mma_m16n8k8_tf32(d, a, b);
  }
  /// The high parts are the nearest, ties away from zero. As a NaN of all ones becomes a zero, the
  /// rest is the NaN.
  GPTC_DEVICE void prepare(const gptc_u32 (&values)[4], gptc_u32 (&high)[4], gptc_u32 (&low)[4]) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      high[i] = (values[i] + 0x1000) & 0xffffe000; // three instructions fewer than cvt.rna takes
      low[i] = gptc_as_u32(gptc_as_float(values[i]) - gptc_as_float(high[i]));
    }
  }
};

struct gptc_tf32_products {
  typedef float element;
  static constexpr int step = 8;
  static constexpr bool is_split = false;
  GPTC_DEVICE void multiply(float (&d)[4], const gptc_u32 (&a)[4], const gptc_u32 (&b)[2]) {
    gptc_mma_m16n8k8_tf32(d, a, b);
  }
  GPTC_DEVICE void prepare(const gptc_u32 (&values)[4], gptc_u32 (&high)[4], gptc_u32 (&)[4]) {
#pragma unroll
    for (int i = 0; i < 4; ++i)
      high[i] = gptc_to_tf32(gptc_as_float(values[i]));
  }
};

/// Of elements that the tensor cores take as they are.
template <class ELEMENT> struct gptc_exact_products {
  typedef ELEMENT element;
  static constexpr int step = 16;
  static constexpr bool is_split = false;
  GPTC_DEVICE void prepare(const gptc_u32 (&values)[4], gptc_u32 (&high)[4], gptc_u32 (&)[4]) {
#pragma unroll
    for (int i = 0; i < 4; ++i)
      high[i] = values[i];
  }
};
struct gptc_bf16_products : gptc_exact_products<gptc_bf16> {
  GPTC_DEVICE gptc_u32 pack(float low, float high) { return gptc_pack_bf16(low, high); }
  GPTC_DEVICE void multiply(float (&d)[4], const gptc_u32 (&a)[4], const gptc_u32 (&b)[2]) {
    gptc_mma_m16n8k16_bf16(d, a, b);
  }
};
struct gptc_f16_products : gptc_exact_products<gptc_f16> {
  GPTC_DEVICE gptc_u32 pack(float low, float high) { return gptc_pack_f16(low, high); }
  GPTC_DEVICE void multiply(float (&d)[4], const gptc_u32 (&a)[4], const gptc_u32 (&b)[2]) {
    gptc_mma_m16n8k16_f16(d, a, b);
  }
};

/// Elements in 16 bytes: the most that is copied at once, and a row of what ldmatrix loads.
template <class ELEMENT> constexpr int gptc_wide = 16 / (int)sizeof(ELEMENT);
