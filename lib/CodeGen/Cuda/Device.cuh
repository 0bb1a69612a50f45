// The device header: everything that a generated kernel calls. Kernels hold no PTX and no CUDA
// intrinsic themselves, so the same text is compiled by NVRTC for a GPU and by the host's compiler
// for the emulator.
//
// `gptc_device.h` is HostTwin.cuh followed by this file. The first part here is NVRTC's and has its
// twin, wrapper by wrapper, in HostTwin.cuh; the second part is built from those wrappers and is
// the same on both sides. There are no includes: they are what costs NVRTC time. PTX is named by
// its section in the PTX ISA manual.
//
// Rules for kernels: warp operations by all 32 lanes, none after a return of some threads of the
// block; shared memory by GPTC_SHARED; blocks are of whole warps.
#ifdef __CUDACC_RTC__

typedef unsigned short gptc_u16;
typedef int gptc_i32;
typedef unsigned int gptc_u32;
typedef long long gptc_i64;
typedef unsigned long long gptc_u64;

#define GPTC_KERNEL(threads) extern "C" __global__ void __launch_bounds__(threads)
/// Of a kernel that has the registers it needs: without a least number of blocks, NVIDIA's compiler
/// spills a few for the sake of one block more.
#define GPTC_ROOMY(threads) threads, 1
#define GPTC_DEVICE static __device__ __forceinline__
#define GPTC_MEMBER __device__ __forceinline__
#define GPTC_SHARED(type, name, count) __shared__ __align__(16) type name[count]
#define GPTC_CHECK_INDEX(what, index, extent) ((void)0)
#define GPTC_MATH(name) name

//===- Threads --------------------------------------------------------------===//

GPTC_DEVICE gptc_u32 gptc_thread() { return threadIdx.x; }
GPTC_DEVICE gptc_u32 gptc_block() { return blockIdx.x; }
GPTC_DEVICE gptc_u32 gptc_block_y() { return blockIdx.y; }
GPTC_DEVICE gptc_u32 gptc_block_z() { return blockIdx.z; }
/// Waits for the block's threads; orders their accesses to memory.
GPTC_DEVICE void gptc_sync() { __syncthreads(); }
/// Waits for the warp's lanes; orders their accesses to memory.
GPTC_DEVICE void gptc_sync_warp() { __syncwarp(); }

//===- Scalars --------------------------------------------------------------===//

GPTC_DEVICE float gptc_as_float(gptc_u32 bits) { return __uint_as_float(bits); }
GPTC_DEVICE gptc_u32 gptc_as_u32(float value) { return __float_as_uint(value); }
/// The high word of a product.
GPTC_DEVICE gptc_u32 gptc_mulhi(gptc_u32 a, gptc_u32 b) { return __umulhi(a, b); }
/// The larger; NaN if either is NaN; +0 > -0. PTX: Floating Point Instructions: max.
GPTC_DEVICE float gptc_maximum(float a, float b) {
  float result;
  asm("max.NaN.f32 %0, %1, %2;" : "=f"(result) : "f"(a), "f"(b));
  return result;
}
/// The smaller; NaN if either is NaN; -0 < +0. PTX: Floating Point Instructions: min.
GPTC_DEVICE float gptc_minimum(float a, float b) {
  float result;
  asm("min.NaN.f32 %0, %1, %2;" : "=f"(result) : "f"(a), "f"(b));
  return result;
}
/// The larger, or the one that is a number.
GPTC_DEVICE float gptc_maxnum(float a, float b) { return fmaxf(a, b); }
/// The smaller, or the one that is a number.
GPTC_DEVICE float gptc_minnum(float a, float b) { return fminf(a, b); }
GPTC_DEVICE float gptc_rsqrt(float x) { return rsqrtf(x); }
GPTC_DEVICE bool gptc_isnan(float x) { return x != x; }
GPTC_DEVICE bool gptc_isinf(float x) { return fabsf(x) == __uint_as_float(0x7f800000); }
GPTC_DEVICE bool gptc_isfinite(float x) { return fabsf(x) < __uint_as_float(0x7f800000); }

/// Rounded to nearest even; overflow is infinite, NaN 0x7fff. PTX: Data Movement and Conversion
/// Instructions: cvt.
GPTC_DEVICE gptc_u16 gptc_bf16_bits(float x) {
  gptc_u16 result;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(result) : "f"(x));
  return result;
}
GPTC_DEVICE gptc_u16 gptc_f16_bits(float x) {
  gptc_u16 result;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(result) : "f"(x));
  return result;
}
/// The number that the bits of a float16 stand for.
GPTC_DEVICE float gptc_f16_value(gptc_u16 bits) {
  float result;
  asm("cvt.f32.f16 %0, %1;" : "=f"(result) : "h"(bits));
  return result;
}

/// The same, but unknown to the compiler: what is computed from it in a loop stays there, rather
/// than in registers around the loop.
GPTC_DEVICE gptc_u32 gptc_opaque(gptc_u32 x) {
  asm volatile("" : "+r"(x));
  return x;
}

//===- Warp operations, by all 32 lanes -------------------------------------===//

/// The value of lane `source` mod 32.
template <class T> GPTC_DEVICE T gptc_shuffle(T value, int source) {
  return __shfl_sync(0xffffffffu, value, source);
}
/// The value of the lane whose number is this one's xor `mask`.
template <class T> GPTC_DEVICE T gptc_shuffle_xor(T value, int mask) {
  return __shfl_xor_sync(0xffffffffu, value, mask);
}

struct gptc_sum {
  GPTC_DEVICE float of(float a, float b) { return a + b; }
};
struct gptc_max {
  GPTC_DEVICE float of(float a, float b) { return gptc_maximum(a, b); }
};
struct gptc_min {
  GPTC_DEVICE float of(float a, float b) { return gptc_minimum(a, b); }
};
/// The values of all lanes combined, in the order of a butterfly of distances 16, 8, 4, 2, 1.
template <class OPERATOR> GPTC_DEVICE float gptc_butterfly(float value) {
#pragma unroll
  for (int mask = 16; mask; mask >>= 1)
    value = OPERATOR::of(value, gptc_shuffle_xor(value, mask));
  return value;
}

//===- Asynchronous copies to shared memory ---------------------------------===//
// PTX: Data Movement and Conversion Instructions: Asynchronous copy, non-bulk.

GPTC_DEVICE gptc_u32 gptc_shared_address(const void *shared) {
  return (gptc_u32)__cvta_generic_to_shared(shared);
}
/// Begins to copy 16 bytes, both addresses aligned to 16. Where not `valid`, zeros arrive and
/// nothing is read.
GPTC_DEVICE void gptc_copy_async_16(void *shared, const void *global, bool valid = true) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(gptc_shared_address(shared)),
               "l"(global), "r"(valid ? 16 : 0)
               : "memory");
}
/// The same for 4 bytes.
GPTC_DEVICE void gptc_copy_async_4(void *shared, const void *global, bool valid = true) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(gptc_shared_address(shared)),
               "l"(global), "r"(valid ? 4 : 0)
               : "memory");
}
/// Makes a group of this thread's copies begun since the last call.
GPTC_DEVICE void gptc_copy_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
/// Waits until at most the latest `PENDING` groups of this thread are under way.
template <int PENDING> GPTC_DEVICE void gptc_copy_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(PENDING) : "memory");
}

//===- Matrix operations of a warp ------------------------------------------===//
// PTX: Warp Level Matrix Instructions: ldmatrix, mma.

/// Rounds to 10 bits of fraction, ties away from zero. PTX: Data Movement and Conversion
/// Instructions: cvt.
GPTC_DEVICE gptc_u32 gptc_to_tf32(float x) {
  gptc_u32 result;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(result) : "f"(x));
  return result;
}
/// Two bfloat16 in a word, rounded to nearest even.
GPTC_DEVICE gptc_u32 gptc_pack_bf16(float low, float high) {
  gptc_u32 result;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(result) : "f"(high), "f"(low));
  return result;
}
/// Two float16.
GPTC_DEVICE gptc_u32 gptc_pack_f16(float low, float high) {
  gptc_u32 result;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(result) : "f"(high), "f"(low));
  return result;
}
/// Loads four 8 × 8 matrices of 16-bit elements; lane 8 · i + j gives the address of row j of
/// matrix i.
GPTC_DEVICE void gptc_ldmatrix_x4(gptc_u32 (&r)[4], const void *shared) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(gptc_shared_address(shared))
               : "memory");
}
/// Loads four and transposes each.
GPTC_DEVICE void gptc_ldmatrix_x4_trans(gptc_u32 (&r)[4], const void *shared) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(gptc_shared_address(shared))
               : "memory");
}
/// Loads two; lanes 0 to 15 give the addresses.
GPTC_DEVICE void gptc_ldmatrix_x2(gptc_u32 (&r)[2], const void *shared) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
               : "=r"(r[0]), "=r"(r[1])
               : "r"(gptc_shared_address(shared))
               : "memory");
}
/// d += a · b with a of 16 × 8, b of 8 × 8 tf32.
GPTC_DEVICE void gptc_mma_m16n8k8_tf32(float (&d)[4], const gptc_u32 (&a)[4],
                                       const gptc_u32 (&b)[2]) {
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
               "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
/// d += a · b with a of 16 × 16, b of 16 × 8 bfloat16.
GPTC_DEVICE void gptc_mma_m16n8k16_bf16(float (&d)[4], const gptc_u32 (&a)[4],
                                        const gptc_u32 (&b)[2]) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
               "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
/// The same of float16.
GPTC_DEVICE void gptc_mma_m16n8k16_f16(float (&d)[4], const gptc_u32 (&a)[4],
                                       const gptc_u32 (&b)[2]) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
               "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

#endif // The rest is the same on both sides.

GPTC_DEVICE gptc_u32 gptc_lane() { return gptc_thread() & 31; }

//===- Memory ---------------------------------------------------------------===//

/// The address that a word of an instance table holds.
template <class T> GPTC_DEVICE T *gptc_address(gptc_u64 word) {
  return reinterpret_cast<T *>(word);
}

template <class T> struct gptc_mutable { typedef T type; };
template <class T> struct gptc_mutable<const T> { typedef T type; };
/// `EXTENT` elements of an operand. The emulator checks indices; the device does not.
template <class T, gptc_i64 EXTENT> struct gptc_view {
  typedef typename gptc_mutable<T>::type element;
  T *data;
  GPTC_MEMBER gptc_view(T *data) : data(data) {}
  GPTC_MEMBER T &operator[](gptc_i64 index) const {
    check(index);
    return data[index];
  }
  GPTC_MEMBER void check(gptc_i64 index) const { GPTC_CHECK_INDEX("an operand", index, EXTENT); }
};

//===- Numbers of 16 bits ---------------------------------------------------===//
// They are what lies in memory; arithmetic is on float.

struct gptc_bf16 {
  gptc_u16 bits;
};
struct gptc_f16 {
  gptc_u16 bits;
};
GPTC_DEVICE float gptc_to_float(float x) { return x; }
GPTC_DEVICE float gptc_to_float(gptc_bf16 x) { return gptc_as_float((gptc_u32)x.bits << 16); }
GPTC_DEVICE float gptc_to_float(gptc_f16 x) { return gptc_f16_value(x.bits); }

template <class T> struct gptc_rounding;
template <> struct gptc_rounding<float> {
  GPTC_DEVICE float of(float x) { return x; }
};
template <> struct gptc_rounding<gptc_bf16> {
  GPTC_DEVICE gptc_bf16 of(float x) { return {gptc_bf16_bits(x)}; }
};
template <> struct gptc_rounding<gptc_f16> {
  GPTC_DEVICE gptc_f16 of(float x) { return {gptc_f16_bits(x)}; }
};
/// The nearest number of type T, ties to even.
template <class T> GPTC_DEVICE T gptc_from_float(float x) { return gptc_rounding<T>::of(x); }

//===- Reductions -----------------------------------------------------------===//

/// Over the lanes of a warp; all lanes get the result. Maximum and minimum are NaN if a value is.
GPTC_DEVICE float gptc_warp_sum(float value) { return gptc_butterfly<gptc_sum>(value); }
GPTC_DEVICE float gptc_warp_max(float value) { return gptc_butterfly<gptc_max>(value); }
GPTC_DEVICE float gptc_warp_min(float value) { return gptc_butterfly<gptc_min>(value); }

/// Warps by butterflies, then the warps' results in order.
template <class OPERATOR, int THREADS> GPTC_DEVICE float gptc_block_reduce(float value) {
  static_assert(THREADS % 32 == 0 && THREADS <= 1024, "a block has 1 to 32 whole warps");
  value = gptc_butterfly<OPERATOR>(value);
  if (THREADS == 32)
    return value;
  GPTC_SHARED(float, partial, THREADS / 32);
  gptc_sync(); // The results of an earlier reduction have been read.
  if (gptc_lane() == 0)
    partial[gptc_thread() / 32] = value;
  gptc_sync();
  value = partial[0];
#pragma unroll
  for (int warp = 1; warp < THREADS / 32; ++warp)
    value = OPERATOR::of(value, partial[warp]);
  return value;
}
/// Over the threads of a block; all threads get the result.
template <int THREADS> GPTC_DEVICE float gptc_block_sum(float value) {
  return gptc_block_reduce<gptc_sum, THREADS>(value);
}
template <int THREADS> GPTC_DEVICE float gptc_block_max(float value) {
  return gptc_block_reduce<gptc_max, THREADS>(value);
}
template <int THREADS> GPTC_DEVICE float gptc_block_min(float value) {
  return gptc_block_reduce<gptc_min, THREADS>(value);
}

//===- Functions of the C library, in CUDA's full precision -----------------===//

#define GPTC_UNARY(name, function)                                                                 \
  GPTC_DEVICE float name(float x) { return GPTC_MATH(function)(x); }
#define GPTC_BINARY(name, function)                                                                \
  GPTC_DEVICE float name(float x, float y) { return GPTC_MATH(function)(x, y); }
GPTC_UNARY(gptc_abs, fabsf)
GPTC_UNARY(gptc_exp, expf)
GPTC_UNARY(gptc_exp2, exp2f)
GPTC_UNARY(gptc_expm1, expm1f)
GPTC_UNARY(gptc_log, logf)
GPTC_UNARY(gptc_log2, log2f)
GPTC_UNARY(gptc_log10, log10f)
GPTC_UNARY(gptc_log1p, log1pf)
GPTC_UNARY(gptc_sqrt, sqrtf)
GPTC_UNARY(gptc_cbrt, cbrtf)
GPTC_UNARY(gptc_sin, sinf)
GPTC_UNARY(gptc_cos, cosf)
GPTC_UNARY(gptc_tan, tanf)
GPTC_UNARY(gptc_asin, asinf)
GPTC_UNARY(gptc_acos, acosf)
GPTC_UNARY(gptc_atan, atanf)
GPTC_UNARY(gptc_sinh, sinhf)
GPTC_UNARY(gptc_cosh, coshf)
GPTC_UNARY(gptc_tanh, tanhf)
GPTC_UNARY(gptc_asinh, asinhf)
GPTC_UNARY(gptc_acosh, acoshf)
GPTC_UNARY(gptc_atanh, atanhf)
GPTC_UNARY(gptc_erf, erff)
GPTC_UNARY(gptc_erfc, erfcf)
GPTC_UNARY(gptc_floor, floorf)
GPTC_UNARY(gptc_ceil, ceilf)
GPTC_UNARY(gptc_trunc, truncf)
GPTC_UNARY(gptc_round, roundf)
GPTC_UNARY(gptc_roundeven, rintf)
GPTC_BINARY(gptc_pow, powf)
GPTC_BINARY(gptc_atan2, atan2f)
GPTC_BINARY(gptc_fmod, fmodf)
GPTC_BINARY(gptc_copysign, copysignf)
#undef GPTC_UNARY
#undef GPTC_BINARY
/// a · b + c, rounded once.
GPTC_DEVICE float gptc_fma(float a, float b, float c) { return GPTC_MATH(fmaf)(a, b, c); }

/// x to an integer power, by squaring.
GPTC_DEVICE float gptc_ipow(float x, gptc_i32 exponent) {
  float result = 1.0f;
  for (gptc_u32 rest = exponent < 0 ? 0u - (gptc_u32)exponent : (gptc_u32)exponent; rest;
       rest >>= 1) {
    if (rest & 1)
      result *= x;
    x *= x;
  }
  return exponent < 0 ? 1.0f / result : result;
}
