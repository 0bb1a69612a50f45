// cuBLASLt: the entry points that are used, found at run time.
//
// The types and values are restated as NVIDIA's cublasLt.h has them.
#ifndef GPTC_RUNTIME_DEVICE_CUDA_CUBLASLT_H
#define GPTC_RUNTIME_DEVICE_CUDA_CUBLASLT_H

#include "runtime/device/cuda/Driver.h"

#include <cstdint>
#include <string>

namespace gptc::runtime::cuda {

using cublasStatus_t = int;
using cublasLtHandle_t = struct cublasLtContext *;
using cublasLtMatmulDesc_t = struct cublasLtMatmulDescOpaque *;
using cublasLtMatrixLayout_t = struct cublasLtMatrixLayoutOpaque *;
using cublasLtMatmulPreference_t = struct cublasLtMatmulPreferenceOpaque *;

struct cublasLtMatmulAlgo_t {
  uint64_t data[8];
};

struct cublasLtMatmulHeuristicResult_t {
  cublasLtMatmulAlgo_t algo;
  size_t workspaceSize;
  cublasStatus_t state;
  float wavesCount;
  int reserved[4];
};

inline constexpr cublasStatus_t cublasNotSupported = 15;
inline constexpr int cublasCompute32F = 68;     ///< CUBLAS_COMPUTE_32F
inline constexpr int cublasCompute32FTf32 = 77; ///< CUBLAS_COMPUTE_32F_FAST_TF32
inline constexpr int cublasReal32F = 0;         ///< CUDA_R_32F
inline constexpr int cublasReal16F = 2;         ///< CUDA_R_16F
inline constexpr int cublasReal16BF = 14;       ///< CUDA_R_16BF
inline constexpr int32_t cublasOpN = 0, cublasOpT = 1;
inline constexpr int cublasDescTransA = 3, cublasDescTransB = 4;
inline constexpr int cublasLayoutBatchCount = 5, cublasLayoutBatchOffset = 6;
inline constexpr int cublasPreferenceWorkspace = 1;
inline constexpr int cublasPreferenceAlignmentA = 5; ///< B, C and D follow

struct CublasLt {
  cublasStatus_t (*create)(cublasLtHandle_t *handle);
  cublasStatus_t (*destroy)(cublasLtHandle_t handle);
  size_t (*getVersion)();
  const char *(*getStatusString)(cublasStatus_t status);
  cublasStatus_t (*descCreate)(cublasLtMatmulDesc_t *desc, int computeType, int scaleType);
  cublasStatus_t (*descDestroy)(cublasLtMatmulDesc_t desc);
  cublasStatus_t (*descSetAttribute)(cublasLtMatmulDesc_t desc, int attribute, const void *value,
                                     size_t bytes);
  cublasStatus_t (*layoutCreate)(cublasLtMatrixLayout_t *layout, int type, uint64_t rows,
                                 uint64_t columns, int64_t leadingDimension);
  cublasStatus_t (*layoutDestroy)(cublasLtMatrixLayout_t layout);
  cublasStatus_t (*layoutSetAttribute)(cublasLtMatrixLayout_t layout, int attribute,
                                       const void *value, size_t bytes);
  cublasStatus_t (*preferenceCreate)(cublasLtMatmulPreference_t *preference);
  cublasStatus_t (*preferenceDestroy)(cublasLtMatmulPreference_t preference);
  cublasStatus_t (*preferenceSetAttribute)(cublasLtMatmulPreference_t preference, int attribute,
                                           const void *value, size_t bytes);
  cublasStatus_t (*getHeuristic)(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc,
                                 cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                 cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                 cublasLtMatmulPreference_t preference, int requested,
                                 cublasLtMatmulHeuristicResult_t *results, int *returned);
  cublasStatus_t (*matmul)(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, const void *alpha,
                           const void *a, cublasLtMatrixLayout_t aLayout, const void *b,
                           cublasLtMatrixLayout_t bLayout, const void *beta, const void *c,
                           cublasLtMatrixLayout_t cLayout, void *d, cublasLtMatrixLayout_t dLayout,
                           const cublasLtMatmulAlgo_t *algo, void *workspace, size_t workspaceBytes,
                           CUstream stream);

  /// "13.1.0".
  std::string versionText() const;
  /// Success, or a failure (outOfMemory, internal) that names the call.
  Status check(cublasStatus_t status, std::string_view call) const;
};

/// The table, opened once: of the version that suits the driver, where that is open. Error
/// unavailable: says what to install.
Result<const CublasLt *> openCublasLt();

} // namespace gptc::runtime::cuda

#endif // GPTC_RUNTIME_DEVICE_CUDA_CUBLASLT_H
