// mma.m16n8k16 of float16. Fragments are those of mma_bf16.cu.
// in: a of 16 × 16, b of 16 × 8, c of 16 × 8, in [-0.5, 0.5).
#include "gptc_device.h"

GPTC_DEVICE float unit(gptc_u32 bits) { return gptc_as_float(bits >> 9 | 0x3f800000) - 1.5f; }

GPTC_KERNEL(32) mma_f16(const gptc_u32 *in, gptc_u32 *out) {
  gptc_u32 group = gptc_lane() / 4, thread = gptc_lane() % 4, a[4], b[2];
  float c[4], element[8];
  for (int i = 0; i < 8; ++i) {
    gptc_u32 row = i < 2 || (4 <= i && i < 6) ? group : group + 8;
    gptc_u32 column = thread * 2 + (i & 1) + (i >= 4 ? 8 : 0);
    element[i] = unit(in[row * 16 + column]);
  }
  for (int i = 0; i < 4; ++i)
    a[i] = gptc_pack_f16(element[2 * i], element[2 * i + 1]);
  for (int i = 0; i < 4; ++i)
    element[i] = unit(in[256 + (thread * 2 + (i & 1) + (i >= 2 ? 8 : 0)) * 8 + group]);
  for (int i = 0; i < 2; ++i)
    b[i] = gptc_pack_f16(element[2 * i], element[2 * i + 1]);
  for (int i = 0; i < 4; ++i)
    c[i] = unit(in[384 + (i < 2 ? group : group + 8) * 8 + thread * 2 + (i & 1)]);
  gptc_mma_m16n8k16_f16(c, a, b);
  for (int i = 0; i < 4; ++i)
    out[(i < 2 ? group : group + 8) * 8 + thread * 2 + (i & 1)] = gptc_as_u32(c[i]);
}
