// The host's side of the device header: what each wrapper of Device.cuh does when a kernel is
// compiled by the host's compiler for the emulator (test/emulator) rather than by NVRTC.
//
// `gptc_device.h` is this file followed by Device.cuh. NVRTC skips all of this file. Functions
// named `gptc_emulator_*` are the emulator's; everything else here is plain C++17 without an
// include.
//
// A warp operation is a *collective*: each lane hands in the address of a record, and the lane that
// arrives last does the operation for all 32. Operations are not instrumented where data races are
// watched for, and but for `gptc_sync_warp` they order no memory accesses, as on the device.
#ifndef __CUDACC_RTC__

typedef unsigned short gptc_u16;
typedef int gptc_i32;
typedef unsigned int gptc_u32;
typedef long long gptc_i64;
typedef unsigned long long gptc_u64;

//===- What the emulator offers ---------------------------------------------===//

/// The CUDA thread that runs on this thread of the host now.
struct gptc_emulator_position {
  gptc_u32 thread, block, block_y, block_z;
};

/// How the emulator calls a kernel: `run` takes the addresses of its parameters, as cuLaunchKernel
/// does.
struct gptc_emulator_kernel {
  void (*run)(void **parameters);
  int parameter_count;
  const gptc_u64 *parameter_bytes;
  int threads;
};

extern "C" {
extern __thread gptc_emulator_position gptc_emulator_here
    __attribute__((tls_model("initial-exec")));
/// Waits until all threads of the block are at a barrier of the same line.
void gptc_emulator_sync(int line);
/// Waits for the lanes of the warp; the last to arrive calls `operation` with the lanes' records in
/// order.
void gptc_emulator_warp(void (*operation)(void *const *lanes), void *lane, const char *name);
/// Waits for the lanes of the warp and orders their memory accesses.
void gptc_emulator_sync_warp(void);
/// The memory of one declaration of shared memory in this block; `site` is different in each
/// declaration.
void *gptc_emulator_shared(const void *site, gptc_u64 bytes, gptc_u64 alignment);
void gptc_emulator_copy_async(void *shared, const void *global, int bytes, bool valid);
void gptc_emulator_copy_commit(void);
void gptc_emulator_copy_wait(int pending);
/// These two end the process with a message.
void gptc_emulator_out_of_bounds(const char *what, gptc_i64 index, gptc_i64 extent)
    __attribute__((noreturn, cold));
void gptc_emulator_misaligned(const char *what, const void *address, int alignment)
    __attribute__((noreturn, cold));
}

#define GPTC_KERNEL(threads) extern "C" void
#define GPTC_ROOMY(threads) threads
#define GPTC_DEVICE static inline __attribute__((always_inline))
#define GPTC_MEMBER inline __attribute__((always_inline))
#define GPTC_OPERATION static inline __attribute__((no_sanitize("thread")))

//===- Launches -------------------------------------------------------------===//
// `GPTC_TRAMPOLINE(kernel, threads)` after a kernel makes it known to the emulator, whose NVRTC
// adds these lines to a source.

template <int... I> struct gptc_indices {};
template <int N, int... I> struct gptc_make_indices : gptc_make_indices<N - 1, N - 1, I...> {};
template <int... I> struct gptc_make_indices<0, I...> { typedef gptc_indices<I...> type; };
template <class T> T &gptc_parameter(void *address) { return *static_cast<T *>(address); }

template <class... T, int... I>
GPTC_DEVICE void gptc_call(void (*kernel)(T...), void **parameters, gptc_indices<I...>) {
  kernel(gptc_parameter<T>(parameters[I])...);
}
template <class... T> GPTC_DEVICE void gptc_run(void (*kernel)(T...), void **parameters) {
  gptc_call(kernel, parameters, typename gptc_make_indices<sizeof...(T)>::type());
}
template <class... T> constexpr int gptc_parameter_count(void (*)(T...)) { return sizeof...(T); }
template <class... T> const gptc_u64 *gptc_parameter_bytes(void (*)(T...)) {
  static const gptc_u64 bytes[] = {sizeof(T)..., 0};
  return bytes;
}
#define GPTC_TRAMPOLINE(kernel, threads)                                                           \
  static void gptc_run_##kernel(void **parameters) { gptc_run(kernel, parameters); }               \
  extern "C" __attribute__((visibility("default")))                                                \
  const gptc_emulator_kernel gptc_kernel_##kernel = {                                              \
      gptc_run_##kernel, gptc_parameter_count(kernel), gptc_parameter_bytes(kernel), threads};

//===- Threads, memory ------------------------------------------------------===//

GPTC_DEVICE gptc_u32 gptc_thread() { return gptc_emulator_here.thread; }
GPTC_DEVICE gptc_u32 gptc_block() { return gptc_emulator_here.block; }
GPTC_DEVICE gptc_u32 gptc_block_y() { return gptc_emulator_here.block_y; }
GPTC_DEVICE gptc_u32 gptc_block_z() { return gptc_emulator_here.block_z; }

GPTC_DEVICE void gptc_sync(int line = __builtin_LINE()) { gptc_emulator_sync(line); }
GPTC_DEVICE void gptc_sync_warp() { gptc_emulator_sync_warp(); }

#define GPTC_CHECK_INDEX(what, index, extent)                                                      \
  do                                                                                               \
    if (__builtin_expect((gptc_u64)(index) >= (gptc_u64)(extent), 0))                              \
      gptc_emulator_out_of_bounds(what, (gptc_i64)(index), (gptc_i64)(extent));                    \
  while (0)

/// Shared memory of `COUNT` elements, with checked indices.
template <class T, gptc_i64 COUNT> struct gptc_shared_array {
  T *data;
  template <class I> GPTC_MEMBER T &operator[](I index) const {
    GPTC_CHECK_INDEX("shared memory", index, COUNT);
    return data[index];
  }
  operator T *() const { return data; }
};
#define GPTC_SHARED(type, name, count)                                                             \
  static char gptc_site_##name;                                                                    \
  const gptc_shared_array<type, (count)> name = {static_cast<type *>(                              \
      gptc_emulator_shared(&gptc_site_##name, sizeof(type) * (count), alignof(type)))}

/// cp.async: data is read and delivered at the wait; until then the destination holds NaN.
GPTC_DEVICE void gptc_copy_async_16(void *shared, const void *global, bool valid = true) {
  gptc_emulator_copy_async(shared, global, 16, valid);
}
GPTC_DEVICE void gptc_copy_async_4(void *shared, const void *global, bool valid = true) {
  gptc_emulator_copy_async(shared, global, 4, valid);
}
GPTC_DEVICE void gptc_copy_commit() { gptc_emulator_copy_commit(); }
template <int PENDING> GPTC_DEVICE void gptc_copy_wait() { gptc_emulator_copy_wait(PENDING); }

//===- Scalars --------------------------------------------------------------===//

GPTC_DEVICE float gptc_as_float(gptc_u32 bits) {
  float value;
  __builtin_memcpy(&value, &bits, 4);
  return value;
}
GPTC_DEVICE gptc_u32 gptc_as_u32(float value) {
  gptc_u32 bits;
  __builtin_memcpy(&bits, &value, 4);
  return bits;
}
GPTC_DEVICE gptc_u32 gptc_opaque(gptc_u32 x) { return x; }
GPTC_DEVICE gptc_u32 gptc_mulhi(gptc_u32 a, gptc_u32 b) { return ((gptc_u64)a * b) >> 32; }
GPTC_DEVICE float gptc_maximum(float a, float b) {
  if (a != a || b != b)
    return gptc_as_float(0x7fffffff);
  return a > b || (a == b && !__builtin_signbit(a)) ? a : b;
}
GPTC_DEVICE float gptc_minimum(float a, float b) {
  if (a != a || b != b)
    return gptc_as_float(0x7fffffff);
  return a < b || (a == b && __builtin_signbit(a)) ? a : b;
}
GPTC_DEVICE float gptc_maxnum(float a, float b) { return __builtin_fmaxf(a, b); }
GPTC_DEVICE float gptc_minnum(float a, float b) { return __builtin_fminf(a, b); }
GPTC_DEVICE float gptc_rsqrt(float x) { return 1.0f / __builtin_sqrtf(x); }
GPTC_DEVICE bool gptc_isnan(float x) { return x != x; }
GPTC_DEVICE bool gptc_isinf(float x) { return __builtin_isinf(x); }
GPTC_DEVICE bool gptc_isfinite(float x) { return __builtin_isfinite(x); }
#define GPTC_MATH(name) __builtin_##name

GPTC_DEVICE gptc_u16 gptc_bf16_bits(float x) {
  gptc_u32 bits = gptc_as_u32(x);
  return (gptc_u16)(x != x ? 0x7fff : (bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}
GPTC_DEVICE gptc_u16 gptc_f16_bits(float x) {
  gptc_u32 bits = gptc_as_u32(x), size = bits & 0x7fffffff, sign = (bits ^ size) >> 16;
  if (x != x)
    return 0x7fff;
  if (size >= gptc_as_u32(65520.0f)) // halfway between the largest number and what would follow
    return (gptc_u16)(sign | 0x7c00);
  if (size < gptc_as_u32(0x1p-14f)) // a multiple of 2^-24, as are the floats from 0.5 to 1
    return (gptc_u16)(sign | (gptc_as_u32(gptc_as_float(size) + 0.5f) - gptc_as_u32(0.5f)));
  size += 0xfff + (size >> 13 & 1);
  return (gptc_u16)(sign | (size - (112u << 23)) >> 13); // the biases are 127 and 15
}
GPTC_DEVICE float gptc_f16_value(gptc_u16 bits) {
  gptc_u32 sign = (gptc_u32)(bits & 0x8000) << 16, exponent = bits >> 10 & 31,
           fraction = bits & 0x3ff;
  if (exponent == 31)
    return gptc_as_float(fraction ? 0x7fffffff : sign | 0x7f800000);
  if (exponent == 0)
    return gptc_as_float(sign | gptc_as_u32((float)fraction * 0x1p-24f));
  return gptc_as_float(sign | (exponent + 112) << 23 | fraction << 13);
}

//===- Warp operations ------------------------------------------------------===//

template <class T> struct gptc_shuffle_lane {
  T value, result;
  int source;
};
template <class T> GPTC_OPERATION void gptc_shuffle_operation(void *const *lanes) {
  for (int lane = 0; lane < 32; ++lane) {
    auto *self = static_cast<gptc_shuffle_lane<T> *>(lanes[lane]);
    self->result = static_cast<gptc_shuffle_lane<T> *>(lanes[self->source & 31])->value;
  }
}
template <class T> GPTC_DEVICE T gptc_shuffle(T value, int source) {
  gptc_shuffle_lane<T> lane = {value, value, source};
  gptc_emulator_warp(gptc_shuffle_operation<T>, &lane, "shuffle");
  return lane.result;
}
template <class T> GPTC_DEVICE T gptc_shuffle_xor(T value, int mask) {
  gptc_shuffle_lane<T> lane = {value, value, (int)(gptc_thread() & 31) ^ mask};
  gptc_emulator_warp(gptc_shuffle_operation<T>, &lane, "shuffle_xor");
  return lane.result;
}

struct gptc_sum {
  static float of(float a, float b) { return a + b; }
};
struct gptc_max {
  static float of(float a, float b) { return gptc_maximum(a, b); }
};
struct gptc_min {
  static float of(float a, float b) { return gptc_minimum(a, b); }
};

/// The butterfly 16, 8, 4, 2, 1 of Device.cuh in one exchange. In each of its steps the lanes l and
/// l ^ mask compute the same bits, since the operators are commutative.
template <class OPERATOR> GPTC_OPERATION void gptc_butterfly_operation(void *const *lanes) {
  float values[32];
  for (int lane = 0; lane < 32; ++lane)
    values[lane] = *static_cast<float *>(lanes[lane]);
  for (int mask = 16; mask; mask >>= 1)
    for (int lane = 0; lane < mask; ++lane)
      values[lane] = OPERATOR::of(values[lane], values[lane + mask]);
  for (int lane = 0; lane < 32; ++lane)
    *static_cast<float *>(lanes[lane]) = values[0];
}
template <class OPERATOR> GPTC_DEVICE float gptc_butterfly(float value) {
  gptc_emulator_warp(gptc_butterfly_operation<OPERATOR>, &value, "warp reduction");
  return value;
}

//===- Matrix operations ----------------------------------------------------===//
// Fragments are those of the PTX ISA, "Warp Level Matrix Instructions".

/// cvt.rna.tf32.f32: to 10 bits of fraction, ties away from zero.
GPTC_DEVICE gptc_u32 gptc_to_tf32(float x) {
  gptc_u32 bits = gptc_as_u32(x);
  if ((bits & 0x7f800000) == 0x7f800000)
    return x != x ? 0x7fffffff : bits;
  return (bits + 0x1000) & 0xffffe000;
}
GPTC_DEVICE gptc_u32 gptc_pack_bf16(float low, float high) {
  return gptc_bf16_bits(low) | (gptc_u32)gptc_bf16_bits(high) << 16;
}
GPTC_DEVICE gptc_u32 gptc_pack_f16(float low, float high) {
  return gptc_f16_bits(low) | (gptc_u32)gptc_f16_bits(high) << 16;
}

struct gptc_ldmatrix_lane {
  gptc_u32 row[4], result[4];
};
template <int MATRICES> GPTC_OPERATION void gptc_ldmatrix_operation(void *const *lanes) {
  for (int lane = 0; lane < 32; ++lane)
    for (int matrix = 0; matrix < MATRICES; ++matrix)
      static_cast<gptc_ldmatrix_lane *>(lanes[lane])->result[matrix] =
          static_cast<gptc_ldmatrix_lane *>(lanes[matrix * 8 + lane / 4])->row[lane % 4];
}
/// The same of transposed matrices: an element is half a word.
template <int MATRICES> GPTC_OPERATION void gptc_ldmatrix_trans_operation(void *const *lanes) {
  for (int lane = 0; lane < 32; ++lane)
    for (int matrix = 0; matrix < MATRICES; ++matrix) {
      int row = lane % 4 * 2, column = lane / 4;
      gptc_u32 pair[2];
      for (int i = 0; i < 2; ++i)
        pair[i] = static_cast<gptc_ldmatrix_lane *>(lanes[matrix * 8 + row + i])->row[column / 2] >>
                  column % 2 * 16;
      static_cast<gptc_ldmatrix_lane *>(lanes[lane])->result[matrix] =
          (pair[0] & 0xffff) | pair[1] << 16;
    }
}
/// Lane 8 · i + j hands in the address of row j of matrix i, and reads that row, so that its lack
/// of a barrier shows.
template <int MATRICES>
GPTC_DEVICE void
gptc_ldmatrix(gptc_u32 (&r)[MATRICES], const void *shared,
              void (*operation)(void *const *) = gptc_ldmatrix_operation<MATRICES>) {
  gptc_ldmatrix_lane lane;
  if ((gptc_thread() & 31) < 8 * MATRICES) {
    if ((gptc_u64)shared % 16)
      gptc_emulator_misaligned("ldmatrix", shared, 16);
    for (int i = 0; i < 4; ++i)
      lane.row[i] = static_cast<const gptc_u32 *>(shared)[i];
  }
  gptc_emulator_warp(operation, &lane, "ldmatrix");
  for (int i = 0; i < MATRICES; ++i)
    r[i] = lane.result[i];
}
GPTC_DEVICE void gptc_ldmatrix_x4(gptc_u32 (&r)[4], const void *s) { gptc_ldmatrix<4>(r, s); }
GPTC_DEVICE void gptc_ldmatrix_x4_trans(gptc_u32 (&r)[4], const void *s) {
  gptc_ldmatrix<4>(r, s, gptc_ldmatrix_trans_operation<4>);
}
GPTC_DEVICE void gptc_ldmatrix_x2(gptc_u32 (&r)[2], const void *s) { gptc_ldmatrix<2>(r, s); }

struct gptc_mma_lane {
  float d[4];
  gptc_u32 a[4], b[2];
};
/// d += a · b for the warp, with sums in float64 and one rounding. A register of `a` or `b` holds
/// elements (k · `PACK` …) of one row or column, read by `ELEMENT`.
template <int K, int PACK, float (*ELEMENT)(gptc_u32, int)>
GPTC_OPERATION void gptc_mma_operation(void *const *lanes) {
  float a[16][K], b[K][8];
  for (int lane = 0; lane < 32; ++lane) {
    const auto *self = static_cast<const gptc_mma_lane *>(lanes[lane]);
    int group = lane / 4, column = lane % 4 * PACK;
    for (int i = 0; i < PACK; ++i) {
      for (int r = 0; r < 4; ++r)
        a[group + r % 2 * 8][column + r / 2 * 4 * PACK + i] = ELEMENT(self->a[r], i);
      for (int r = 0; r < 2; ++r)
        b[column + r * 4 * PACK + i][group] = ELEMENT(self->b[r], i);
    }
  }
  for (int lane = 0; lane < 32; ++lane) {
    auto *self = static_cast<gptc_mma_lane *>(lanes[lane]);
    for (int r = 0; r < 4; ++r) {
      double sum = self->d[r];
      for (int k = 0; k < K; ++k)
        sum += (double)a[lane / 4 + r / 2 * 8][k] * b[k][lane % 4 * 2 + r % 2];
      self->d[r] = (float)sum;
    }
  }
}
template <int K, int PACK, float (*ELEMENT)(gptc_u32, int)>
GPTC_DEVICE void gptc_mma(float (&d)[4], const gptc_u32 (&a)[4], const gptc_u32 (&b)[2]) {
  gptc_mma_lane lane = {{d[0], d[1], d[2], d[3]}, {a[0], a[1], a[2], a[3]}, {b[0], b[1]}};
  gptc_emulator_warp(gptc_mma_operation<K, PACK, ELEMENT>, &lane, "mma");
  for (int r = 0; r < 4; ++r)
    d[r] = lane.d[r];
}
/// The tensor cores ignore the low 13 bits of a tf32 operand.
GPTC_OPERATION float gptc_tf32_element(gptc_u32 word, int) {
  return gptc_as_float(word & 0xffffe000);
}
GPTC_OPERATION float gptc_bf16_element(gptc_u32 word, int i) {
  return gptc_as_float(i ? word & 0xffff0000 : word << 16);
}
GPTC_OPERATION float gptc_f16_element(gptc_u32 word, int i) {
  return gptc_f16_value((gptc_u16)(word >> 16 * i));
}
GPTC_DEVICE void gptc_mma_m16n8k8_tf32(float (&d)[4], const gptc_u32 (&a)[4],
                                       const gptc_u32 (&b)[2]) {
  gptc_mma<8, 1, gptc_tf32_element>(d, a, b);
}
GPTC_DEVICE void gptc_mma_m16n8k16_bf16(float (&d)[4], const gptc_u32 (&a)[4],
                                        const gptc_u32 (&b)[2]) {
  gptc_mma<16, 2, gptc_bf16_element>(d, a, b);
}
GPTC_DEVICE void gptc_mma_m16n8k16_f16(float (&d)[4], const gptc_u32 (&a)[4],
                                       const gptc_u32 (&b)[2]) {
  gptc_mma<16, 2, gptc_f16_element>(d, a, b);
}

#endif
