// What ptxas says of each kernel, read from the compiler's verbose log.
#ifndef GPTC_RUNTIME_DEVICE_CUDA_COMPILELOG_H
#define GPTC_RUNTIME_DEVICE_CUDA_COMPILELOG_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gptc::runtime::cuda {

/// What a kernel takes of a multiprocessor.
struct KernelResources {
  std::string kernel;          ///< its symbol
  int64_t registers = 0;       ///< of a thread
  int64_t sharedBytes = 0;     ///< of a block, static
  int64_t stackBytes = 0;      ///< of a thread, in local memory
  int64_t spillStoreBytes = 0; ///< of a thread
  int64_t spillLoadBytes = 0;
};

/// The kernels in the order of the log, which --ptxas-options=-v makes.
std::vector<KernelResources> kernelResources(std::string_view log);

} // namespace gptc::runtime::cuda

#endif // GPTC_RUNTIME_DEVICE_CUDA_COMPILELOG_H
