// cvt.rna.tf32.f32: arbitrary bits, ties, and values near the end of the range.
#include "gptc_device.h"

GPTC_KERNEL(32) to_tf32(const gptc_u32 *in, gptc_u32 *out) {
  gptc_u32 lane = gptc_lane();
  // Finite: the highest exponent is left out.
  gptc_u32 finite = in[lane] & 0xff7fffff;
  out[lane] = gptc_to_tf32(gptc_as_float(finite));
  out[32 + lane] = gptc_to_tf32(gptc_as_float((finite & 0xffffe000) | 0x1000));
  out[64 + lane] = gptc_to_tf32(gptc_as_float(0x7f7fffff - (lane << 9)));
}
