// Ranges that NVIDIA's profilers (Nsight Systems) show, by NVTX where its library is installed.
#ifndef GPTC_RUNTIME_DEVICE_CUDA_NVTX_H
#define GPTC_RUNTIME_DEVICE_CUDA_NVTX_H

#include <string>

namespace gptc::runtime::cuda {

/// A range from construction to destruction, on this thread; nothing without NVTX.
class NvtxRange {
public:
  explicit NvtxRange(const std::string &name);
  NvtxRange(const NvtxRange &) = delete;
  NvtxRange &operator=(const NvtxRange &) = delete;
  ~NvtxRange();
};

} // namespace gptc::runtime::cuda

#endif // GPTC_RUNTIME_DEVICE_CUDA_NVTX_H
