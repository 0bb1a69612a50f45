// Matrix products by the plan's own kernels: where cuBLASLt is not there, and to compare with it.
#ifndef GPTC_RUNTIME_DEVICE_CUDA_GENERATEDMATMUL_H
#define GPTC_RUNTIME_DEVICE_CUDA_GENERATEDMATMUL_H

#include "runtime/device/cuda/CudaKernels.h"
#include "runtime/device/cuda/CudaMatmul.h"

namespace gptc::runtime::cuda {

class GeneratedMatmul {
public:
  /// Errors: failedPrecondition (the plan has no kernel for these transposes, or a size is beyond
  /// what the kernel counts with).
  static Result<GeneratedMatmul> prepare(const CudaMatmul &matmul, const CudaKernels &kernels);

  /// The product and its epilogue, on these operands, as one kernel, which `kernel` is. Errors:
  /// failedPrecondition (a size is beyond what the kernel counts with).
  static Result<GeneratedMatmul> prepareWithEpilogue(const CudaMatmul &matmul,
                                                     const MatmulKernel &kernel,
                                                     std::vector<CUdeviceptr> operands);

  Status run(const Driver &driver, CUstream stream) const;

private:
  static constexpr size_t batchAxes = 4;
  /// The kernel's last argument, by value: its layout is the kernel's gptc_batch.
  struct Batch {
    int32_t count = 0;
    int32_t size[batchAxes] = {1, 1, 1, 1};
    int64_t lhs[batchAxes] = {}, rhs[batchAxes] = {}, result[batchAxes] = {};
  };
  static_assert(sizeof(Batch) == 120);

  static Result<GeneratedMatmul> sized(const CudaMatmul &matmul, const MatmulKernel &kernel);
  /// Moves axes that one launch can take from `axes` into the kernel's batch.
  void takeAxes(std::vector<BatchAxis> &axes);

  CUfunction function_ = nullptr;
  unsigned threads_ = 0, gridX_ = 0, gridY_ = 0, gridZ_ = 1;
  int32_t m_ = 0, n_ = 0, k_ = 0, accumulate_ = 0;
  int64_t lhsStride_ = 0, rhsStride_ = 0, resultStride_ = 0;
  Batch batch_;
  std::vector<MatmulItem> items_;             ///< one launch each
  std::vector<CUdeviceptr> epilogueOperands_; ///< empty: there is no epilogue
};

} // namespace gptc::runtime::cuda

#endif // GPTC_RUNTIME_DEVICE_CUDA_GENERATEDMATMUL_H
