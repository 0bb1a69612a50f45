// The plan's kernels, loaded: a shared object that lives in memory only.
#ifndef GPTC_RUNTIME_DEVICE_CPUKERNELS_H
#define GPTC_RUNTIME_DEVICE_CPUKERNELS_H

#include "runtime/device/CpuProduct.h"
#include "runtime/plan/Plan.h"

#include <vector>

namespace gptc::runtime {

namespace fb {
struct MatmulTile;
} // namespace fb

/// Computes rows [begin, end).
using KernelFunction = void (*)(void *const *operands, int64_t begin, int64_t end);

class CpuKernels {
public:
  CpuKernels() = default;
  CpuKernels(CpuKernels &&other) noexcept;
  CpuKernels &operator=(CpuKernels &&other) noexcept;
  ~CpuKernels();

  /// Loads the object and looks up every function that the plan needs. Errors: dataError (it does
  /// not load, a symbol is missing), unavailable (the system refuses a file in memory).
  static Result<CpuKernels> load(const Plan &plan);

  /// By the plan's numbers.
  const std::vector<KernelFunction> &functions() const { return functions_; }
  /// Of generated products; without tiles if the plan has none.
  const ProductFunctions &products() const { return products_; }

private:
  Status loadTiles(const fb::MatmulTile &tile);
  Status loadMoves(const Plan &plan);
  Status loadReads(fb::DataType type, fb::DataType factor);
  Status loadWrites(fb::DataType type);

  void *library_ = nullptr;
  int descriptor_ = -1; ///< of the object's file
  std::vector<KernelFunction> functions_;
  ProductFunctions products_;
};

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_DEVICE_CPUKERNELS_H
