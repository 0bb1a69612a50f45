// What the driver hands out, each given back when its owner ends: memory, streams, events.
//
// All of them need the context to be current, also when they end.
#ifndef GPTC_RUNTIME_DEVICE_CUDA_CUDAMEMORY_H
#define GPTC_RUNTIME_DEVICE_CUDA_CUDAMEMORY_H

#include "runtime/device/cuda/Driver.h"

#include <cstdint>
#include <span>
#include <utility>

namespace gptc::runtime::cuda {

/// A handle of the driver's with the function that ends it.
template <typename Handle> class Owned {
public:
  Owned() = default;
  Owned(Handle handle, CUresult (*end)(Handle)) : handle_(handle), end_(end) {}
  Owned(Owned &&other) noexcept
      : handle_(std::exchange(other.handle_, Handle{})), end_(other.end_) {}
  Owned &operator=(Owned &&other) noexcept {
    std::swap(handle_, other.handle_);
    std::swap(end_, other.end_);
    return *this;
  }
  ~Owned() {
    if (handle_)
      end_(handle_);
  }

  Handle get() const { return handle_; }
  explicit operator bool() const { return handle_ != Handle{}; }

private:
  Handle handle_ = {};
  CUresult (*end_)(Handle) = nullptr;
};

using Stream = Owned<CUstream>;
using Event = Owned<CUevent>;
using DeviceMemory = Owned<CUdeviceptr>;
using Module = Owned<CUmodule>;
using GraphExec = Owned<CUgraphExec>;

Result<Stream> makeStream(const Driver &driver);
/// An event that knows when it was reached if `timed`.
Result<Event> makeEvent(const Driver &driver, bool timed);

/// At least 256-byte aligned; zero once the stream gets there. No bytes: nothing. Error
/// outOfMemory.
Result<DeviceMemory> allocateDevice(const Driver &driver, uint64_t bytes, CUstream stream);

/// Host memory that the GPU copies from and to without a detour.
class PinnedMemory {
public:
  static Result<PinnedMemory> allocate(const Driver &driver, size_t bytes);

  std::span<std::byte> bytes() const { return {static_cast<std::byte *>(memory_.get()), size_}; }

private:
  Owned<void *> memory_;
  size_t size_ = 0;
};

} // namespace gptc::runtime::cuda

#endif // GPTC_RUNTIME_DEVICE_CUDA_CUDAMEMORY_H
