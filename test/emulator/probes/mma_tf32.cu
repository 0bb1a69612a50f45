// mma.m16n8k8 of tf32. Fragments as in the PTX ISA, "Matrix Fragments for mma.m16n8k8": with
// group = lane / 4 and thread = lane mod 4, a0 to a3 are at rows group, group + 8, group, group + 8
// and columns thread, thread, thread + 4, thread + 4; b0 and b1 at rows thread and thread + 4 of
// column group; c0 to c3 at rows group, group, group + 8, group + 8 and columns 2 thread,
// 2 thread + 1, 2 thread, 2 thread + 1.
// in: a of 16 × 8, b of 8 × 8, c of 16 × 8, in [-0.5, 0.5).
#include "gptc_device.h"

GPTC_DEVICE float unit(gptc_u32 bits) { return gptc_as_float(bits >> 9 | 0x3f800000) - 1.5f; }

GPTC_KERNEL(32) mma_tf32(const gptc_u32 *in, gptc_u32 *out) {
  gptc_u32 group = gptc_lane() / 4, thread = gptc_lane() % 4, a[4], b[2];
  float c[4];
  for (int i = 0; i < 4; ++i) {
    gptc_u32 row = i == 0 || i == 2 ? group : group + 8;
    gptc_u32 column = i < 2 ? thread : thread + 4;
    a[i] = gptc_to_tf32(unit(in[row * 8 + column]));
  }
  for (int i = 0; i < 2; ++i)
    b[i] = gptc_to_tf32(unit(in[128 + (i == 0 ? thread : thread + 4) * 8 + group]));
  for (int i = 0; i < 4; ++i)
    c[i] = unit(in[192 + (i < 2 ? group : group + 8) * 8 + thread * 2 + (i & 1)]);
  gptc_mma_m16n8k8_tf32(c, a, b);
  for (int i = 0; i < 4; ++i)
    out[(i < 2 ? group : group + 8) * 8 + thread * 2 + (i & 1)] = gptc_as_u32(c[i]);
}
