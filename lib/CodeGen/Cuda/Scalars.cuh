// What generated kernels compute besides C++'s own arithmetic: integers as the arith dialect defines
// them, random numbers, constant tables. The same text for GPU and host.

// The names that EmitC prints.
typedef gptc_i32 int32_t;
typedef gptc_u32 uint32_t;
#ifdef __CUDACC_RTC__
typedef gptc_i64 int64_t;
typedef gptc_u64 uint64_t;
#define GPTC_TABLE static __device__ const
#else
typedef __INT64_TYPE__ int64_t;
typedef __UINT64_TYPE__ uint64_t;
#define GPTC_TABLE static const
#endif
#define GPTC_INFINITY gptc_as_float(0x7f800000u)

// Integers wrap around; what has no quotient, and shifts beyond the width, give 0.
GPTC_DEVICE int32_t gptc_addi(int32_t a, int32_t b) { return (int32_t)((uint32_t)a + (uint32_t)b); }
GPTC_DEVICE int32_t gptc_subi(int32_t a, int32_t b) { return (int32_t)((uint32_t)a - (uint32_t)b); }
GPTC_DEVICE int32_t gptc_muli(int32_t a, int32_t b) { return (int32_t)((uint32_t)a * (uint32_t)b); }
GPTC_DEVICE int32_t gptc_divsi(int32_t a, int32_t b) {
  return b == 0 ? 0 : b == -1 ? gptc_subi(0, a) : a / b;
}
GPTC_DEVICE int32_t gptc_remsi(int32_t a, int32_t b) { return b == 0 || b == -1 ? 0 : a % b; }
GPTC_DEVICE int32_t gptc_divui(uint32_t a, uint32_t b) { return b == 0 ? 0 : (int32_t)(a / b); }
GPTC_DEVICE int32_t gptc_remui(uint32_t a, uint32_t b) { return b == 0 ? 0 : (int32_t)(a % b); }
GPTC_DEVICE int32_t gptc_shli(uint32_t a, uint32_t b) { return b < 32 ? (int32_t)(a << b) : 0; }
GPTC_DEVICE int32_t gptc_shrui(uint32_t a, uint32_t b) { return b < 32 ? (int32_t)(a >> b) : 0; }
GPTC_DEVICE int32_t gptc_shrsi(int32_t a, uint32_t b) { return b < 32 ? a >> b : 0; }
GPTC_DEVICE int32_t gptc_maxsi(int32_t a, int32_t b) { return a > b ? a : b; }
GPTC_DEVICE int32_t gptc_minsi(int32_t a, int32_t b) { return a < b ? a : b; }
GPTC_DEVICE int32_t gptc_maxui(uint32_t a, uint32_t b) { return (int32_t)(a > b ? a : b); }
GPTC_DEVICE int32_t gptc_minui(uint32_t a, uint32_t b) { return (int32_t)(a < b ? a : b); }
/// Towards zero; beyond the range the nearest number of it, and 0 for NaN.
GPTC_DEVICE int32_t gptc_fptosi(float x) {
  return x >= 2147483648.0f ? 2147483647 : x <= -2147483648.0f ? (-2147483647 - 1)
         : x != x           ? 0
                            : (int32_t)x;
}

GPTC_DEVICE int32_t gptc_as_i32(float x) { return (int32_t)gptc_as_u32(x); }

/// gpt.random: a float in [0, 1) from an element's number, the four words of the key and the hash of
/// the stream's name, by Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as
/// easy as 1, 2, 3", 2011).
GPTC_DEVICE float gptc_random(int64_t element, uint32_t k0, uint32_t k1, uint32_t k2, uint32_t k3,
                              uint32_t stream_low, uint32_t stream_high) {
  uint32_t key0 = k0 ^ (k2 * 0x9E3779B9u), key1 = k1;
  uint32_t c0 = (uint32_t)element, c1 = stream_low, c2 = stream_high, c3 = k3;
  for (int round = 0; round < 10; ++round) {
    const uint32_t high0 = gptc_mulhi(0xD2511F53u, c0), low0 = 0xD2511F53u * c0;
    const uint32_t high2 = gptc_mulhi(0xCD9E8D57u, c2), low2 = 0xCD9E8D57u * c2;
    c0 = high2 ^ c1 ^ key0;
    c1 = low2;
    c2 = high0 ^ c3 ^ key1;
    c3 = low0;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return (float)(c0 >> 8) * 5.9604644775390625e-8f; // 2^-24
}

/// The words of the instance that this block works for. `table` has `words` of them an instance, the
/// last of which is the number of its first block.
GPTC_DEVICE const gptc_u64 *gptc_find_instance(const gptc_u64 *table, int instances, int words) {
  int low = 0, high = instances;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    if (table[(gptc_i64)middle * words + words - 1] <= gptc_block())
      low = middle;
    else
      high = middle;
  }
  return table + (gptc_i64)low * words;
}
