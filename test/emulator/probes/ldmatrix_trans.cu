// ldmatrix.trans, PTX ISA, "Warp-level matrix load instruction": as ldmatrix, but lane t gets elements
// 2 (t mod 4) and 2 (t mod 4) + 1 of column t / 4 of every matrix. Rows are 8 words apart.
#include "gptc_device.h"

GPTC_KERNEL(32) ldmatrix_trans(const gptc_u32 *in, gptc_u32 *out) {
  GPTC_SHARED(gptc_u32, tile, 256);
  gptc_u32 lane = gptc_lane();
  for (int i = 0; i < 8; ++i)
    tile[i * 32 + lane] = in[i * 32 + lane];
  gptc_sync();
  gptc_u32 four[4];
  gptc_ldmatrix_x4_trans(four, &tile[lane * 8]);
  for (int i = 0; i < 4; ++i)
    out[lane * 4 + i] = four[i];
}
