// Reductions over a block: sum, maximum, minimum.
#include "gptc_device.h"

GPTC_DEVICE float unit(gptc_u32 bits) { return gptc_as_float(bits >> 9 | 0x3f800000) - 1.5f; }

GPTC_KERNEL(128) block_sum(const gptc_u32 *in, gptc_u32 *out) {
  gptc_u32 thread = gptc_thread();
  out[thread] = gptc_as_u32(gptc_block_sum<128>(unit(in[thread])));
  out[128 + thread] = gptc_as_u32(gptc_block_max<128>(unit(in[128 + thread])));
  out[256 + thread] = gptc_as_u32(gptc_block_min<128>(unit(in[256 + thread])));
}
