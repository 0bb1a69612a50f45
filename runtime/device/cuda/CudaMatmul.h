// A matrix product of a plan on a GPU: what is multiplied, and how batch axes are dealt out.
#ifndef GPTC_RUNTIME_DEVICE_CUDA_CUDAMATMUL_H
#define GPTC_RUNTIME_DEVICE_CUDA_CUDAMATMUL_H

#include "runtime/device/cuda/Driver.h"
#include "runtime/plan/Plan.h"

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

namespace gptc::runtime::fb {
struct Matmul;
} // namespace gptc::runtime::fb

namespace gptc::runtime::cuda {

struct BatchAxis {
  int64_t size, lhs, rhs, result; ///< strides in elements
};

/// Of which numbers a product is, and how exactly it is computed.
struct MatmulTypes {
  DataType lhs = DataType::float32, rhs = DataType::float32, result = DataType::float32;
  bool tf32 = false; ///< float32 operands may be rounded to TF32
  auto operator<=>(const MatmulTypes &) const = default;
};

/// result[m, n] (+)= Σ_k lhs[m, k] rhs[k, n] for each index of the batch axes (outermost first), as
/// the plan's schema says it.
struct CudaMatmul {
  CUdeviceptr lhs = 0, rhs = 0, result = 0;
  int64_t m = 0, n = 0, k = 0;
  bool transposeLhs = false, transposeRhs = false, accumulate = false;
  MatmulTypes types;
  int64_t lhsStride = 0, rhsStride = 0, resultStride = 0; ///< leading: at least a row's elements
  std::vector<BatchAxis>
      batch; ///< without axes of one element; neighbours merged where they can be

  /// The plan's, with its addresses resolved.
  static CudaMatmul of(const fb::Matmul &matmul, CUdeviceptr lhs, CUdeviceptr rhs,
                       CUdeviceptr result);
  /// "12 x 64 x 64 x 768 bfloat16": batch, m, n, k, and the operands' type if not float32.
  std::string text() const;
};

/// One launch or call: where its operands begin.
struct MatmulItem {
  CUdeviceptr lhs, rhs, result;
};

/// The items of all indices of `axes`, in order. Sums over an axis (a result stride of 0) come out
/// as items that follow each other.
std::vector<MatmulItem> itemsOf(const CudaMatmul &matmul, const std::vector<BatchAxis> &axes);

} // namespace gptc::runtime::cuda

#endif // GPTC_RUNTIME_DEVICE_CUDA_CUDAMATMUL_H
