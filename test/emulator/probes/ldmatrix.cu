// ldmatrix, PTX ISA, "Warp-level matrix load instruction": lane 8 i + j gives the address of row j
// of matrix i, and lane t gets elements 2 (t mod 4) and 2 (t mod 4) + 1 of row t / 4 of every matrix.
// Rows are 8 words apart.
#include "gptc_device.h"

GPTC_KERNEL(32) ldmatrix(const gptc_u32 *in, gptc_u32 *out) {
  GPTC_SHARED(gptc_u32, tile, 256);
  gptc_u32 lane = gptc_lane();
  for (int i = 0; i < 8; ++i)
    tile[i * 32 + lane] = in[i * 32 + lane];
  gptc_sync();
  gptc_u32 four[4], two[2];
  gptc_ldmatrix_x4(four, &tile[lane * 8]);
  // The addresses of lanes 16 to 31 are not used.
  gptc_ldmatrix_x2(two, &tile[(lane & 15) * 8 + 4]);
  for (int i = 0; i < 4; ++i)
    out[lane * 4 + i] = four[i];
  for (int i = 0; i < 2; ++i)
    out[128 + lane * 2 + i] = two[i];
}
