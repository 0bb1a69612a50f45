// What a plan carries for a GPU: CUDA C++, and how its kernels are launched.
#ifndef GPTC_PLAN_CUDACODE_H
#define GPTC_PLAN_CUDACODE_H

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gptc {

/// How a kernel is launched: ceil(rows · itemsPerRow / itemsPerBlock) blocks of `threads` threads.
struct CudaGeometry {
  unsigned threads = 0;
  int64_t itemsPerRow = 1, itemsPerBlock = 1;
  bool roomy = false; ///< needs its registers more than one block more
};

struct CudaKernelSource {
  std::string symbol;
  std::string source; ///< its functions, without what they need of the device header
  CudaGeometry geometry;
  bool single = false, instances = false; ///< the entry points: `symbol`, `symbol_instances`
  unsigned module = 0;
};

/// What elements are; the plan's schema has the same.
enum class CudaElement : int8_t { float32 = 0, bfloat16 = 2, float16 = 3 };

/// Which products are computed by one kernel.
struct CudaVariant {
  bool transposeLhs = false, transposeRhs = false;
  CudaElement operands = CudaElement::float32, result = CudaElement::float32;
  bool tf32 = false;
  auto operator<=>(const CudaVariant &) const = default;
};

/// The product for one choice of transposes and types.
struct CudaMatmulSource {
  std::string symbol;
  CudaVariant variant;
  unsigned threads = 0, tileM = 0, tileN = 0;
  unsigned module = 0;
};

/// The product and its epilogue as one kernel.
struct CudaEpilogueSource : CudaMatmulSource {
  unsigned kernel = 0; ///< the epilogue, by number in the plan
  std::string source;  ///< its functions, without what they need of the device header
};

struct CudaArgsortSource {
  std::string symbol;
  unsigned threads = 0;
  unsigned module = 0;
};

/// Everything that a plan carries for a GPU.
struct CudaSource {
  std::string header;                    ///< "gptc_device.h"
  std::vector<std::string> modules;      ///< translation units that include the header
  std::vector<CudaKernelSource> kernels; ///< in the plan's order
  std::vector<CudaMatmulSource> matmuls;
  std::vector<CudaEpilogueSource> epilogues;
  std::optional<CudaArgsortSource> argsort;
};

} // namespace gptc

#endif // GPTC_PLAN_CUDACODE_H
