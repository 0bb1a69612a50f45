// Copies between the host's memory and a GPU's, through pinned buffers.
#ifndef GPTC_RUNTIME_DEVICE_CUDA_STAGING_H
#define GPTC_RUNTIME_DEVICE_CUDA_STAGING_H

#include "runtime/device/cuda/CudaMemory.h"

#include <array>

namespace gptc::runtime::cuda {

/// Everything happens in the order of one stream. Uploads return as soon as the bytes are in a
/// pinned buffer: there are two, and one is filled while the other drains. Downloads wait.
class Staging {
public:
  /// `bufferBytes` of each buffer, of which there are two each way.
  static Result<Staging> create(const Driver &driver, CUstream stream, size_t bufferBytes);

  Status upload(CUdeviceptr to, std::span<const std::byte> from);
  Status download(std::span<std::byte> to, CUdeviceptr from);

private:
  struct Buffer {
    PinnedMemory memory;
    Event drained;     ///< when the copies from or to it are done
    size_t used = 0;   ///< bytes of it that copies may still be at
    bool busy = false; ///< whether `drained` was recorded since it was last waited for
  };

  Staging(const Driver &driver, CUstream stream) : driver_(&driver), stream_(stream) {}
  Status waitFor(Buffer &buffer);
  Status record(Buffer &buffer);

  const Driver *driver_;
  CUstream stream_;
  std::array<Buffer, 2> up_, down_;
  size_t filling_ = 0; ///< which of up_
};

} // namespace gptc::runtime::cuda

#endif // GPTC_RUNTIME_DEVICE_CUDA_STAGING_H
