// Butterflies over a warp: sum, maximum, minimum.
#include "gptc_device.h"

GPTC_DEVICE float unit(gptc_u32 bits) { return gptc_as_float(bits >> 9 | 0x3f800000) - 1.5f; }

GPTC_KERNEL(32) warp_sum(const gptc_u32 *in, gptc_u32 *out) {
  gptc_u32 lane = gptc_lane();
  out[lane] = gptc_as_u32(gptc_warp_sum(unit(in[lane])));
  out[32 + lane] = gptc_as_u32(gptc_warp_max(unit(in[32 + lane])));
  out[64 + lane] = gptc_as_u32(gptc_warp_min(unit(in[64 + lane])));
}
