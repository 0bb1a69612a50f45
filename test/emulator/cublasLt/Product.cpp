// The products behind the cuBLASLt stand-in: rows are spread over threads, and a row is summed as
// outer products, so that the inner loop runs along contiguous memory.
#include "test/emulator/cublasLt/Product.h"

#include "runtime/base/Half.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <thread>
#include <vector>

namespace gptc::emulator {

/// Products of fewer multiplications than this are not worth a thread.
static constexpr uint64_t workOfThread = 1 << 21;

// Compiled for processors with AVX2 as well, where the compiler can.
#ifdef __x86_64__
__attribute__((target_clones("arch=haswell", "default")))
#endif
static void
addScaled(double *sums, const float *row, double factor, uint64_t count) {
  for (uint64_t i = 0; i < count; ++i)
    sums[i] += factor * row[i];
}

/// To 10 bits of fraction, ties away from zero, as cvt.rna.tf32.f32.
static float toTf32(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  if (!std::isfinite(value))
    return value;
  return std::bit_cast<float>((bits + 0x1000) & 0xffffe000);
}

static float load(const Matrix &matrix, int64_t index, bool tf32 = false) {
  if (matrix.element == Element::float32) {
    float value = static_cast<const float *>(matrix.data)[index];
    return tf32 ? toTf32(value) : value;
  }
  uint16_t bits = static_cast<const uint16_t *>(matrix.data)[index];
  return matrix.element == Element::bfloat16 ? runtime::fromBfloat16(bits)
                                             : runtime::fromFloat16(bits);
}

static void store(const Matrix &matrix, int64_t index, float value) {
  if (matrix.element == Element::float32)
    static_cast<float *>(matrix.data)[index] = value;
  else
    static_cast<uint16_t *>(matrix.data)[index] = matrix.element == Element::bfloat16
                                                      ? runtime::toBfloat16(value)
                                                      : runtime::toFloat16(value);
}

static void multiplyRow(const Product &product, const float *b, int64_t batch, uint64_t row,
                        std::vector<double> &sums) {
  uint64_t columns = product.d.columns;
  std::fill(sums.begin(), sums.end(), 0.0);
  const Matrix &a = product.a, &c = product.c, &d = product.d;
  for (uint64_t k = 0; k < a.columns; ++k)
    addScaled(sums.data(), b + k * columns,
              load(a, batch * a.batchStride + row * a.rowStride + k * a.columnStride, product.tf32),
              columns);
  for (uint64_t i = 0; i < columns; ++i) {
    double value = (double)product.alpha * sums[i];
    if (product.beta != 0)
      value += (double)product.beta *
               load(c, batch * c.batchStride + row * c.rowStride + i * c.columnStride);
    store(d, batch * d.batchStride + row * d.rowStride + i * d.columnStride, (float)value);
  }
}

void multiply(const Product &product) {
  uint64_t rows = product.d.rows, columns = product.d.columns, inner = product.a.columns;
  // The right-hand sides with contiguous rows.
  std::vector<float> packed(product.batches * inner * columns);
  for (int64_t batch = 0; batch < product.batches; ++batch)
    for (uint64_t k = 0; k < inner; ++k)
      for (uint64_t i = 0; i < columns; ++i)
        packed[(batch * inner + k) * columns + i] = load(
            product.b,
            batch * product.b.batchStride + k * product.b.rowStride + i * product.b.columnStride,
            product.tf32);

  std::atomic<uint64_t> next{0};
  auto work = [&] {
    std::vector<double> sums(columns);
    for (uint64_t i; (i = next.fetch_add(1)) < product.batches * rows;)
      multiplyRow(product, packed.data() + i / rows * inner * columns, i / rows, i % rows, sums);
  };
  uint64_t wanted = product.batches * rows * columns * inner / workOfThread;
  const char *limit = std::getenv("GPTC_EMULATOR_THREADS");
  uint64_t most =
      limit && *limit ? std::strtoull(limit, nullptr, 0) : std::thread::hardware_concurrency();
  std::vector<std::thread> threads;
  for (uint64_t i = 1; i < std::min(wanted, most); ++i)
    threads.emplace_back(work);
  work();
  for (std::thread &thread : threads)
    thread.join();
}

} // namespace gptc::emulator
