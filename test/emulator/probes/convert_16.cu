// float to bfloat16 and float16, and float16 to float: any bits, ties, and values around the ends of
// the ranges. NaN, of which only that matters, as ~0.
#include "gptc_device.h"

GPTC_DEVICE gptc_u32 word(float x) { return x != x ? ~0u : gptc_as_u32(x); }
GPTC_DEVICE gptc_u32 both(float x) {
  if (x != x)
    return ~0u;
  return gptc_from_float<gptc_bf16>(x).bits | (gptc_u32)gptc_from_float<gptc_f16>(x).bits << 16;
}

GPTC_KERNEL(32) convert_16(const gptc_u32 *in, gptc_u32 *out) {
  gptc_u32 lane = gptc_lane(), bits = in[lane];
  out[lane] = both(gptc_as_float(bits));
  // Of float16's exponents, with ties of bfloat16 and of float16.
  gptc_u32 middle = (bits & 0x8fffffff) | 0x30000000;
  out[32 + lane] = both(gptc_as_float((middle & 0xffff0000) | 0x8000));
  out[64 + lane] = both(gptc_as_float((middle & 0xffffe000) | 0x1000));
  // Subnormal numbers of float16; the end of its range, of bfloat16's, and infinities.
  out[96 + lane] = both(gptc_as_float((bits & 0x83ffffff) | 0x30000000));
  out[128 + lane] = both(gptc_as_float(0x477fe000 + (lane << 8)));
  out[160 + lane] = both(gptc_as_float(0xff7f0000 + (lane << 11)));
  out[192 + lane] = word(gptc_to_float(gptc_f16{(gptc_u16)bits}));
  out[224 + lane] = word(gptc_to_float(gptc_f16{(gptc_u16)(bits & 0x83ff)}));
  out[256 + lane] = word(gptc_to_float(gptc_bf16{(gptc_u16)bits}));
  out[288 + lane] = gptc_pack_bf16(gptc_as_float(middle), gptc_as_float(middle ^ 0x80000000));
  out[320 + lane] = gptc_pack_f16(gptc_as_float(middle), gptc_as_float(middle ^ 0x80000000));
}
