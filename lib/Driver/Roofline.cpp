// Measuring memory bandwidth and the rate of fused multiply-adds.
//
// Bandwidth is that of b[i] += s · a[i]: two reads and a write, the mixture of most kernels; the
// array that is written is read as well, so that no hidden traffic is left out. The arithmetic loop
// keeps twelve vectors in registers, more than the latency of an FMA times the two that start in a
// cycle.
#include "gptc/Driver/Roofline.h"

#include "runtime/base/Parallel.h"
#include "runtime/device/cuda/Gpus.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <vector>

#ifdef __x86_64__
#include <immintrin.h>
#endif
#include <unistd.h>

using namespace gptc;
using runtime::Profile;
using runtime::Result;
using runtime::Status;

double Roofline::milliseconds(const Cost &cost) const {
  if (!known())
    return 0;
  return 1e3 * std::max(static_cast<double>(cost.bytes()) / bytesPerSecond,
                        static_cast<double>(cost.flops) / flopsPerSecond);
}

bool Roofline::boundByMemory(const Cost &cost) const {
  return static_cast<double>(cost.bytes()) * flopsPerSecond >=
         static_cast<double>(cost.flops) * bytesPerSecond;
}

static constexpr int chains = 12, runs = 7;

/// Multiplies and adds `rounds` times in each lane of `chains` vectors; the lanes of one vector,
/// and a number that depends on all of them.
struct Arithmetic {
  int lanes;
  float (*run)(int64_t rounds, float x);
  const char *name;
};

static float runScalar(int64_t rounds, float x) {
  float sums[chains] = {};
  for (int64_t i = 0; i < rounds; ++i)
    for (float &sum : sums)
      sum = __builtin_fmaf(sum, x, x);
  float all = 0;
  for (float sum : sums)
    all += sum;
  return all;
}

#ifdef __x86_64__
__attribute__((target("avx2,fma"))) static float runAvx2(int64_t rounds, float x) {
  __m256 factor = _mm256_set1_ps(x), sums[chains];
  for (__m256 &sum : sums)
    sum = factor;
  for (int64_t i = 0; i < rounds; ++i)
#pragma clang loop unroll(full)
    for (__m256 &sum : sums)
      sum = _mm256_fmadd_ps(sum, factor, factor);
  __m256 all = sums[0];
  for (int i = 1; i < chains; ++i)
    all = _mm256_add_ps(all, sums[i]);
  return _mm256_cvtss_f32(all);
}

__attribute__((target("avx512f"))) static float runAvx512(int64_t rounds, float x) {
  __m512 factor = _mm512_set1_ps(x), sums[chains];
  for (__m512 &sum : sums)
    sum = factor;
  for (int64_t i = 0; i < rounds; ++i)
#pragma clang loop unroll(full)
    for (__m512 &sum : sums)
      sum = _mm512_fmadd_ps(sum, factor, factor);
  __m512 all = sums[0];
  for (int i = 1; i < chains; ++i)
    all = _mm512_add_ps(all, sums[i]);
  return _mm512_cvtss_f32(all);
}
#endif

static Arithmetic widestArithmetic() {
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512f"))
    return {16, runAvx512, "AVX-512"};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return {8, runAvx2, "AVX2"};
#endif
  return {1, runScalar, "scalar"};
}

/// What `run` does of something a second, `amount` each time: the best of a few runs, since
/// whatever else the machine does can only lower it. Run 0 does not count: it wakes threads and
/// maps pages.
static double bestRate(double amount, llvm::function_ref<void(int)> run) {
  double best = 0;
  for (int i = 0; i <= runs; ++i) {
    double begin = Profile::now();
    run(i);
    if (i > 0)
      best = std::max(best, amount / (Profile::now() - begin));
  }
  return best;
}

/// FLOP a second of all threads; a run takes some 20 ms.
static double measureArithmetic(const Arithmetic &arithmetic, int threads) {
  constexpr int64_t rounds = 2'000'000;
  std::vector<float> sinks(static_cast<size_t>(threads));
  double flops = 2.0 * chains * arithmetic.lanes * static_cast<double>(rounds) * threads;
  return bestRate(flops, [&](int) {
    runtime::parallelFor(threads, 1, [&](int64_t first, int64_t last, int) {
      for (int64_t thread = first; thread < last; ++thread)
        sinks[static_cast<size_t>(thread)] = arithmetic.run(rounds, 0.5f);
    });
  });
}

/// Bytes a second of all threads.
static Result<double> measureBandwidth() {
  // Three times the last cache, in two arrays.
  long cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
  size_t bytes = std::clamp<size_t>(cache > 0 ? 3 * static_cast<size_t>(cache) : 0,
                                    size_t{192} << 20, size_t{1} << 30);
  size_t count = bytes / 2 / sizeof(float);
  std::unique_ptr<float[]> a(new (std::nothrow) float[count]), b(new (std::nothrow) float[count]);
  if (!a || !b)
    return Status(runtime::Code::outOfMemory,
                  fmt::format("no memory for the {} bytes that measuring bandwidth takes", bytes));
  return bestRate(3.0 * sizeof(float) * static_cast<double>(count), [&](int run) {
    runtime::parallelFor(static_cast<int64_t>(count), 1 << 16,
                         [&](int64_t first, int64_t last, int) {
                           for (int64_t j = first; j < last; ++j)
                             if (run == 0)
                               a[j] = b[j] = 1;
                             else
                               b[j] += 0.5f * a[j];
                         });
  });
}

static Result<Roofline> measureCpu(const runtime::DeviceOptions &device) {
  runtime::setThreadCount(device.threads);
  int threads = runtime::threadCount();
  Arithmetic arithmetic = widestArithmetic();
  Roofline roof;
  roof.flopsPerSecond = measureArithmetic(arithmetic, threads);
  GPTC_ASSIGN(roof.bytesPerSecond, measureBandwidth());
  roof.machine = fmt::format("cpu, {} thread{}", threads, threads == 1 ? "" : "s");
  roof.origin = fmt::format("measured: {} float32 fused multiply-adds in registers, and "
                            "b += s a over arrays larger than the caches; the best of {} runs",
                            arithmetic.name, runs);
  return roof;
}

namespace {
// CU_DEVICE_ATTRIBUTE_…
constexpr int clockRate = 13, multiprocessors = 16, memoryClockRate = 36, busWidth = 37;
} // namespace

/// float32 lanes of a multiprocessor, as NVIDIA's programming guide tables them.
static int lanesOf(const runtime::cuda::Gpu &gpu) { return gpu.capability() == 80 ? 64 : 128; }

static Result<Roofline> readGpu(const runtime::DeviceOptions &device) {
  GPTC_ASSIGN(const runtime::cuda::Driver *driver, runtime::cuda::openDriver());
  std::optional<int> ordinal;
  if (device.device.starts_with("cuda:"))
    ordinal = std::atoi(device.device.c_str() + 5);
  GPTC_ASSIGN(runtime::cuda::Gpu gpu, runtime::cuda::chooseGpu(*driver, ordinal));
  auto attribute = [&, driver = driver](int number) {
    int value = 0;
    return driver->deviceGetAttribute(&value, number, gpu.device) == 0 ? double(value) : 0.0;
  };
  Roofline roof;
  roof.machine = gpu.name;
  // Clocks are in kHz; memory moves data twice a cycle, an FMA is two operations.
  roof.flopsPerSecond = 2 * 1e3 * attribute(clockRate) * attribute(multiprocessors) * lanesOf(gpu);
  roof.bytesPerSecond = 2 * 1e3 * attribute(memoryClockRate) * attribute(busWidth) / 8;
  roof.origin = roof.known() ? "from the device's clocks, multiprocessors and memory bus; float32 "
                               "without tensor cores, which products may exceed"
                             : "the device does not tell its clocks";
  return roof;
}

Result<Roofline> gptc::measureRoofline(const runtime::DeviceOptions &device, bool cuda) {
  return cuda ? readGpu(device) : measureCpu(device);
}
