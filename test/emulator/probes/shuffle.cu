// __shfl_sync and __shfl_xor_sync over a full warp; sources beyond the warp wrap around.
#include "gptc_device.h"

GPTC_KERNEL(32) shuffle(const gptc_u32 *in, gptc_u32 *out) {
  gptc_u32 lane = gptc_lane(), value = in[lane];
  out[lane] = gptc_shuffle(value, (int)(in[32 + lane] & 63));
  out[32 + lane] = gptc_shuffle_xor(value, 1) ^ gptc_shuffle_xor(value, 16);
  out[64 + lane] = gptc_as_u32(gptc_shuffle_xor(gptc_as_float(value), 21));
}
