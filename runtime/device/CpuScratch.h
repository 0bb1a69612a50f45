// The memory that generated products compute with on a CPU, known before anything is loaded.
//
// So much for each thread, and the threads that a run will have: no segment of the plan, since it
// depends on the processor's caches and on how many of its cores are used.
#ifndef GPTC_RUNTIME_DEVICE_CPUSCRATCH_H
#define GPTC_RUNTIME_DEVICE_CPUSCRATCH_H

#include "runtime/plan/Plan.h"

#include <cstdint>
#include <span>

namespace gptc::runtime {

namespace fb {
enum class DataType : int8_t;
} // namespace fb

/// Elements that the plan's functions compute at a time: `rows` by 1 to `vectors` times `lanes`.
struct ProductTile {
  int64_t rows = 0, lanes = 0, vectors = 0;
};

/// A product's sizes and how its operands are stored.
struct ProductShape {
  struct Matrix {
    fb::DataType type, factor; ///< what elements are rounded to, if that is narrower
    int64_t stride;            ///< from row to row as it is stored, in elements
    bool transposed;
  };
  int64_t m, n, k;
  Matrix lhs, rhs, result;
};

/// Bytes for each thread.
int64_t scratchOf(const ProductShape &product, const ProductTile &tile);

/// The most that a product of these entries (indices) takes for each thread; 0 if none is
/// generated, and for GPUs.
int64_t productScratch(const Plan &plan, std::span<const size_t> entries);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_DEVICE_CPUSCRATCH_H
