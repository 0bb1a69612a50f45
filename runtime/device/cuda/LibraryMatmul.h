// Matrix products by cuBLASLt.
//
// It thinks in columns: a row-major result is to it the transpose, result^T = rhs^T lhs^T, so the
// two factors change places and no transpose changes.
#ifndef GPTC_RUNTIME_DEVICE_CUDA_LIBRARYMATMUL_H
#define GPTC_RUNTIME_DEVICE_CUDA_LIBRARYMATMUL_H

#include "runtime/device/cuda/CublasLt.h"
#include "runtime/device/cuda/CudaMatmul.h"
#include "runtime/device/cuda/CudaMemory.h"

#include <map>
#include <memory>

namespace gptc::runtime::cuda {

/// cuBLASLt with a workspace, and the algorithms that it chose, by shape.
class LibraryMatmuls {
public:
  /// What NVIDIA recommends for the newest architectures.
  static constexpr size_t workspaceBytes = size_t{32} << 20;

  struct Shape; ///< descriptors and an algorithm
  struct Prepared {
    const Shape *shape;
    std::vector<MatmulItem> items; ///< one call each
    bool accumulate;
  };

  /// Errors: unavailable (cuBLASLt does not start), outOfMemory.
  static Result<std::unique_ptr<LibraryMatmuls>> create(const Driver &driver,
                                                        const CublasLt &library, CUstream stream);
  ~LibraryMatmuls();

  /// Chooses an algorithm. Error unavailable: cuBLASLt has none.
  Result<Prepared> prepare(const CudaMatmul &matmul);
  Status run(const Prepared &prepared, CUstream stream) const;

private:
  explicit LibraryMatmuls(const CublasLt &library);
  Result<const Shape *> shapeOf(const CudaMatmul &matmul, const BatchAxis &inner,
                                uint64_t alignment);

  const CublasLt &library_;
  cublasLtHandle_t handle_ = nullptr;
  DeviceMemory workspace_;
  std::map<std::string, std::unique_ptr<Shape>> shapes_;
};

} // namespace gptc::runtime::cuda

#endif // GPTC_RUNTIME_DEVICE_CUDA_LIBRARYMATMUL_H
