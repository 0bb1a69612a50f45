// A plan's kernels, loaded into a GPU's context.
#ifndef GPTC_RUNTIME_DEVICE_CUDA_CUDAKERNELS_H
#define GPTC_RUNTIME_DEVICE_CUDA_CUDAKERNELS_H

#include "runtime/device/cuda/CudaMatmul.h"
#include "runtime/device/cuda/CudaMemory.h"
#include "runtime/device/cuda/Gpus.h"
#include "runtime/device/cuda/ModuleCompiler.h"

#include <map>
#include <tuple>

namespace gptc::runtime::cuda {

/// The generated matrix product for one choice of transposes and types.
struct MatmulKernel {
  CUfunction function = nullptr; ///< null: not loaded
  unsigned threads = 0, tileM = 0, tileN = 0;
};

class CudaKernels {
public:
  struct Needs {
    std::vector<bool> kernels; ///< by number in the plan
    bool matmuls = false;      ///< the generated ones
    bool argsort = false;
  };
  /// What the entries (indices) launch; `generatedMatmuls`: whether their products are launches.
  static Needs needs(const Plan &plan, std::span<const size_t> entries, bool generatedMatmuls);

  /// Compiles and loads the modules that hold what is needed. Errors as of compileModules, and of
  /// the driver; dataError if a module lacks a kernel.
  static Result<CudaKernels> load(const Plan &plan, const Needs &needs, const Context &context,
                                  const CompileSettings &settings, CompileCounts &counts);

  /// Null if the plan has no such entry point.
  CUfunction single(uint32_t kernel) const { return single_[kernel]; }
  CUfunction instances(uint32_t kernel) const { return instances_[kernel]; }
  const MatmulKernel *matmul(const CudaMatmul &product) const {
    return find(matmuls_, variantOf(product));
  }
  /// The product with that kernel as its epilogue; null if the plan has none, or it is not loaded.
  const MatmulKernel *epilogue(uint32_t kernel, const CudaMatmul &product) const {
    CudaMatmul behind = product;
    behind.types.result = DataType::float32; // the kernel says which it is
    return find(epilogues_, {kernel, variantOf(behind)});
  }
  CUfunction argsort() const { return argsort_; }

private:
  /// The transposes of lhs and rhs, and the types.
  using Variant = std::tuple<bool, bool, MatmulTypes>;
  static Variant variantOf(const CudaMatmul &product) {
    return {product.transposeLhs, product.transposeRhs, product.types};
  }
  template <typename Key>
  static const MatmulKernel *find(const std::map<Key, MatmulKernel> &kernels, const Key &key) {
    auto found = kernels.find(key);
    return found == kernels.end() ? nullptr : &found->second;
  }
  Status findFunctions(const Plan &plan, const Needs &needs, const Driver &driver,
                       std::span<const CUmodule> byNumber);

  std::vector<Module> modules_;
  std::vector<CUfunction> single_, instances_;
  std::map<Variant, MatmulKernel> matmuls_;
  /// By variants with a float32 result, whatever the kernel takes.
  std::map<std::pair<uint32_t, Variant>, MatmulKernel> epilogues_;
  CUfunction argsort_ = nullptr;
};

} // namespace gptc::runtime::cuda

#endif // GPTC_RUNTIME_DEVICE_CUDA_CUDAKERNELS_H
