// A matrix product made of the plan's functions: tiles of sums that stay in registers, and moves
// between matrices and the panels that tiles read.
//
// D[p, q] (+)= Σ_k L[p, k] R[k, q], where D is the result or its transpose, whichever is faster. A
// tile reads single elements of L, where they lie if they are float32, and vectors of R, which is
// packed into panels of a tile's width. Of L and R one stays in the cache, block by block, while
// the other streams past and is fetched ahead (GotoBLAS, K. Goto and R. van de Geijn, 2008, has
// the first of the two orders).
//
// Every element is computed alike whatever the order, the blocks and the threads: sums over blocks
// of k, whose sizes follow from K alone, added up one after the other.
#ifndef GPTC_RUNTIME_DEVICE_CPUPRODUCT_H
#define GPTC_RUNTIME_DEVICE_CPUPRODUCT_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace gptc::runtime {

namespace fb {
enum class DataType : int8_t;
} // namespace fb

/// What lib/CodeGen/MatmulFunctions.cpp writes. Strides are in elements, and sizes too.
struct ProductFunctions {
  /// result[i, j] (+)= Σ left[i · rowStride + k · kStride] right[k · rightStride + j] over k in
  /// [0, count). Meanwhile fetches, for every 16 k, what lies at `prefetch` and `prefetchOther`
  /// bytes behind, then goes on by `prefetchStep` bytes.
  using Tile = void (*)(const float *left, int64_t rowStride, int64_t kStride, const float *right,
                        int64_t rightStride, int64_t count, float *result, int64_t resultStride,
                        int64_t add, const std::byte *prefetch, int64_t prefetchStep,
                        int64_t prefetchOther);
  /// to[row, column] (+)= from[row, column], or from[column, row] of a transposing one, whose
  /// `rows` and `columns` are those of `from`.
  using Move = void (*)(const void *from, int64_t fromStride, void *to, int64_t toStride,
                        int64_t rows, int64_t columns, int64_t add);
  /// To float32 and back.
  struct Element {
    int64_t bytes = 4;
    bool isFloat = false; ///< tiles can read it where it lies
    Move read = nullptr, readTransposed = nullptr, write = nullptr, writeTransposed = nullptr;
  };

  int64_t rows = 0, lanes = 0; ///< of a tile; lanes of a vector
  std::vector<Tile> tiles;     ///< of 1, 2, … vectors
  /// By fb::DataType, and behind them float32 that is rounded when it is read: see element().
  std::array<Element, 6> elements = {{{4, true}, {4}, {2}, {2}, {4}, {4}}};

  /// Elements of type `type` that are rounded to `factor` before they are multiplied, where that is
  /// narrower.
  const Element &element(fb::DataType type, fb::DataType factor) const;
};

/// Element (row, column) lies at data + row · rowStride + column · columnStride, one of which is 1.
struct ProductMatrix {
  std::byte *data;
  const ProductFunctions::Element *element;
  int64_t rowStride, columnStride;

  std::byte *at(int64_t row, int64_t column) const {
    return data + (row * rowStride + column * columnStride) * element->bytes;
  }
  bool isFloat() const { return element->isFloat; }
  ProductMatrix transposed() const { return {data, element, columnStride, rowStride}; }
};

/// One product.
class CpuProduct {
public:
  /// result[m, n] (+)= left[m, k] right[k, n].
  struct Operands {
    const ProductFunctions *functions;
    int64_t m, n, k;
    ProductMatrix left, right, result;
    bool accumulate;
  };
  /// How it is computed.
  struct Strategy {
    bool transposed;  ///< D is the result's transpose
    bool streamsLeft; ///< R stays in the cache, else L
    int rowParts, columnParts;
    double cycles; ///< that a thread will take, roughly
  };

  explicit CpuProduct(const Operands &operands) : operands_(operands) {}

  /// The fastest for a number of threads, by a model of what moving the operands about costs.
  Strategy choose(int threads) const;
  /// Computes it on `threads` threads of the pool; `scratch` holds scratchBytes() for each, at a
  /// multiple of 64. Inside of a parallel loop pass 1.
  void run(int threads, std::byte *scratch) const;
  void run(const Strategy &strategy, std::byte *scratch) const;
  /// For one thread: a multiple of 64.
  int64_t scratchBytes() const;

private:
  Operands operands_;
};

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_DEVICE_CPUPRODUCT_H
