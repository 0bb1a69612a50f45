// A matrix product by a primitive of oneDNN's whose operands lie as oneDNN likes them best:
// blocked, and packed ahead. It shows what the library can do where nobody else needs the operands.
#ifndef GPTC_RUNTIME_DEVICE_DNNLPRODUCT_H
#define GPTC_RUNTIME_DEVICE_DNNLPRODUCT_H

#include "runtime/device/DnnlPrimitives.h"

#include <array>
#include <compare>

namespace gptc::runtime {

/// result[m, n] (+)= lhs[m, k] rhs[k, n], so many times; all float32.
struct ProductSizes {
  int64_t batch = 1, m = 0, n = 0, k = 0;
  bool accumulate = false;

  auto operator<=>(const ProductSizes &) const = default;
  /// A multiplication and an addition count as two.
  double flops() const {
    return 2.0 * static_cast<double>(batch) * static_cast<double>(m) * static_cast<double>(n) *
           static_cast<double>(k);
  }
};

/// What the product is to oneDNN: a matmul, or the part that a linear layer has in training. With
/// `transposed` it is that of the transposed operands, which gives the result's transpose.
struct ProductForm {
  enum Kind { matmul, forward, backwardData, backwardWeights } kind;
  bool transposed;

  /// "matmul", "inner product backward data, transposed", …
  std::string name() const;
};

/// All forms.
std::array<ProductForm, 8> productForms();

/// oneDNN's engine and stream for the CPU.
struct DnnlEngine {
  const DnnlPrimitives *table;
  DnnlHandle engine, stream;

  /// Errors of openDnnlPrimitives().
  static Result<DnnlEngine> create();
};

/// Made for the number of threads that the pool has at that time. It must end before the engine.
class DnnlProduct {
public:
  /// Memory of one product: lhs, rhs, result.
  using Operands = std::array<DnnlHandle, 3>;

  /// Error unavailable: oneDNN has no fast implementation of that form; the callers have others.
  static Result<DnnlProduct> create(const DnnlEngine &engine, const ProductSizes &sizes,
                                    ProductForm form);

  /// What lhs, rhs and result take in the layouts that oneDNN chose.
  const std::array<uint64_t, 3> &bytes() const { return bytes_; }
  /// oneDNN's name of the code that computes it, as "brg:avx512_core".
  const std::string &implementation() const { return implementation_; }

  /// Operands at these addresses. The pads of their layouts are cleared. Error internal.
  Result<Operands> bind(const std::array<std::byte *, 3> &addresses) const;
  /// Error internal.
  Status run(const Operands &operands) const;

private:
  DnnlProduct(const DnnlEngine &engine, DnnlHandle choice, DnnlHandle primitive,
              std::array<int, 3> arguments);

  const DnnlEngine *engine_;
  DnnlHandle choice_, primitive_;
  std::array<int, 3> arguments_; ///< oneDNN's numbers for lhs, rhs and result
  std::array<uint64_t, 3> bytes_ = {};
  std::string implementation_;
};

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_DEVICE_DNNLPRODUCT_H
