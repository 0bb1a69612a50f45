// cp.async of 16 and 4 bytes in two groups, the second with its odd lanes zero-filled.
#include "gptc_device.h"

GPTC_KERNEL(32) copy_async(const gptc_u32 *in, gptc_u32 *out) {
  GPTC_SHARED(gptc_u32, first, 128);
  GPTC_SHARED(gptc_u32, second, 192);
  gptc_u32 lane = gptc_lane();
  gptc_copy_async_16(&first[lane * 4], in + lane * 4);
  gptc_copy_commit();
  gptc_copy_async_4(&second[lane], in + 128 + lane, lane % 2 == 0);
  gptc_copy_async_4(&second[32 + lane], in + 160 + lane);
  gptc_copy_async_16(&second[64 + lane * 4], in + 192 + lane * 4, lane % 2 == 0);
  gptc_copy_commit();
  gptc_copy_wait<1>();
  gptc_sync();
  for (int i = 0; i < 4; ++i)
    out[i * 32 + lane] = first[i * 32 + 31 - lane];
  gptc_copy_wait<0>();
  gptc_sync();
  for (int i = 0; i < 6; ++i)
    out[128 + i * 32 + lane] = second[i * 32 + 31 - lane];
}
