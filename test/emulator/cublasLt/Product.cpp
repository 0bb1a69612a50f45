// The products behind the cuBLASLt stand-in: rows are spread over threads, and a row is summed as
// outer products, so that the inner loop runs along contiguous memory.
#include "test/emulator/cublasLt/Product.h"

#include <algorithm>
#include <atomic>
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

static void multiplyRow(const Product &product, const float *b, int64_t batch, uint64_t row,
                        std::vector<double> &sums) {
  uint64_t columns = product.d.columns;
  std::fill(sums.begin(), sums.end(), 0.0);
  const float *a = product.a.data + batch * product.a.batchStride + row * product.a.rowStride;
  for (uint64_t k = 0; k < product.a.columns; ++k)
    addScaled(sums.data(), b + k * columns, a[k * product.a.columnStride], columns);
  float *d = product.d.data + batch * product.d.batchStride + row * product.d.rowStride;
  for (uint64_t i = 0; i < columns; ++i) {
    double value = (double)product.alpha * sums[i];
    if (product.beta != 0)
      value += (double)product.beta *
               product.c.data[batch * product.c.batchStride + row * product.c.rowStride +
                              i * product.c.columnStride];
    d[i * product.d.columnStride] = (float)value;
  }
}

void multiply(const Product &product) {
  uint64_t rows = product.d.rows, columns = product.d.columns, inner = product.a.columns;
  // The right-hand sides with contiguous rows.
  std::vector<float> packed(product.batches * inner * columns);
  for (int64_t batch = 0; batch < product.batches; ++batch)
    for (uint64_t k = 0; k < inner; ++k)
      for (uint64_t i = 0; i < columns; ++i)
        packed[(batch * inner + k) * columns + i] =
            product.b.data[batch * product.b.batchStride + k * product.b.rowStride +
                           i * product.b.columnStride];

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
