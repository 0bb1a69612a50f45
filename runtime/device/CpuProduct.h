// A matrix product made of the plan's functions: tiles of sums that stay in registers, and moves
// between matrices and the panels that tiles read.
//
// result[i, j] (+)= Σ_k left[i, k] right[k, j]. A tile reads single elements of the left matrix,
// where they lie if they are float32, and vectors of the right one, which is packed into panels of
// a tile's width. A block of the left one stays in the cache while panels stream past and are
// fetched ahead (K. Goto and R. van de Geijn, "Anatomy of high-performance matrix multiplication",
// 2008).
//
// Threads take panels one after another as they get done with them: processors are not equally
// fast, least of all where others work on them too, and no thread waits for another's share.
// Every element is computed alike whatever the blocks and the threads: sums over blocks of k, whose
// sizes follow from K alone, added up one after the other.
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
  /// result[i, j] (+)= Σ left[i, k] right[k · rightStride + j] over k in [0, count). left[i, k] is
  /// left[k · rows + i] of a packed tile, else left[i · rowStride + k], and `rowStrides` holds 1,
  /// 3, 5 and 7 times rowStride in bytes: their multiples are what an address can have. Meanwhile
  /// fetches, for every 16 k, what lies at `prefetch` and `prefetchOther` bytes behind, then goes
  /// on by `prefetchStep` bytes.
  using Tile = void (*)(const float *left, const int64_t *rowStrides, const float *right,
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
    Move read = nullptr, readTransposed = nullptr, write = nullptr;
  };

  int64_t rows = 0, lanes = 0; ///< of a tile; lanes of a vector
  std::vector<Tile> tiles;     ///< of 1, 2, … vectors
  std::vector<Tile> packedTiles;
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
  /// How it is shared out.
  struct Shares {
    int threads;
    int64_t rows;      ///< of a block of the left matrix: a multiple of a tile's
    int64_t panels;    ///< that a thread takes at a time
    int64_t wholeRows; ///< blocks, from the first, each of which is one thread's
  };

  explicit CpuProduct(const Operands &operands) : operands_(operands) {}

  /// Fewer threads and larger blocks for small products, since meeting costs time too.
  Shares share(int threads) const;
  /// Computes it on at most `threads` threads of the pool; `scratch` holds scratchBytes() for each,
  /// at a multiple of 64. Inside of a parallel loop pass 1.
  void run(int threads, std::byte *scratch) const { run(share(threads), scratch); }
  void run(const Shares &shares, std::byte *scratch) const;
  /// For one thread: a multiple of 64.
  int64_t scratchBytes() const;

private:
  Operands operands_;
};

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_DEVICE_CPUPRODUCT_H
