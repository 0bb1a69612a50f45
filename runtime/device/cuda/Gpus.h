// Which GPUs there are, and a context on one of them.
#ifndef GPTC_RUNTIME_DEVICE_CUDA_GPUS_H
#define GPTC_RUNTIME_DEVICE_CUDA_GPUS_H

#include "runtime/device/cuda/Driver.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gptc::runtime::cuda {

/// The oldest compute capability that generated code is for: 8.0, Ampere.
inline constexpr int oldestCapability = 80;

struct Gpu {
  int ordinal = 0; ///< as in "cuda:0"
  CUdevice device = 0;
  std::string name; ///< "NVIDIA H200"
  int major = 0;    ///< the compute capability
  int minor = 0;
  uint64_t bytes = 0; ///< its memory, all of it

  int capability() const { return 10 * major + minor; }
  /// What code for it is compiled for: "sm_80"; from 9.0 on with the features of that very
  /// architecture, "sm_90a".
  std::string architecture() const;
  bool usable() const { return capability() >= oldestCapability; }
};

/// How well machine code for `image` suits a GPU of `architecture` (both as Gpu::architecture has
/// them): 0, not at all; of two others the larger number is the better one. It runs where it is for
/// the very architecture, and without a suffix also on later minor versions of the same major one.
int imageFit(std::string_view image, std::string_view architecture);

Result<std::vector<Gpu>> findGpus(const Driver &driver);

/// The GPU with that number, or the first usable one. Errors: unavailable (names what there is),
/// failedPrecondition (it is too old).
Result<Gpu> chooseGpu(const Driver &driver, std::optional<int> ordinal);

/// A GPU's primary context, for as long as the object lives.
class Context {
public:
  static Result<std::unique_ptr<Context>> create(const Driver &driver, const Gpu &gpu);
  Context(const Context &) = delete;
  Context &operator=(const Context &) = delete;
  ~Context();

  const Driver &driver() const { return driver_; }
  const Gpu &gpu() const { return gpu_; }
  /// Makes it that of the calling thread, which every call of the driver needs.
  Status makeCurrent() const;

private:
  Context(const Driver &driver, const Gpu &gpu, CUcontext context)
      : driver_(driver), gpu_(gpu), context_(context) {}

  const Driver &driver_;
  Gpu gpu_;
  CUcontext context_;
};

} // namespace gptc::runtime::cuda

#endif // GPTC_RUNTIME_DEVICE_CUDA_GPUS_H
