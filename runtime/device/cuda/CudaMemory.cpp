// Memory, streams and events.
#include "runtime/device/cuda/CudaMemory.h"

#include <fmt/format.h>

namespace gptc::runtime::cuda {

Result<Stream> makeStream(const Driver &driver) {
  CUstream stream = nullptr;
  GPTC_RETURN_IF_ERROR(
      driver.check(driver.streamCreate(&stream, cudaStreamNonBlocking), "cuStreamCreate"));
  return Stream(stream, driver.streamDestroy);
}

Result<Event> makeEvent(const Driver &driver, bool timed) {
  CUevent event = nullptr;
  GPTC_RETURN_IF_ERROR(
      driver.check(driver.eventCreate(&event, timed ? cudaEventDefault : cudaEventDisableTiming),
                   "cuEventCreate"));
  return Event(event, driver.eventDestroy);
}

Result<DeviceMemory> allocateDevice(const Driver &driver, uint64_t bytes, CUstream stream) {
  if (bytes == 0)
    return DeviceMemory();
  CUdeviceptr pointer = 0;
  GPTC_RETURN_IF_ERROR(
      driver.check(driver.memAlloc(&pointer, bytes), fmt::format("cuMemAlloc of {} bytes", bytes)));
  DeviceMemory memory(pointer, driver.memFree);
  GPTC_RETURN_IF_ERROR(
      driver.check(driver.memsetD8Async(pointer, 0, bytes, stream), "cuMemsetD8Async"));
  return memory;
}

Result<PinnedMemory> PinnedMemory::allocate(const Driver &driver, size_t bytes) {
  void *pointer = nullptr;
  GPTC_RETURN_IF_ERROR(driver.check(driver.memHostAlloc(&pointer, bytes, 0),
                                    fmt::format("cuMemHostAlloc of {} bytes", bytes)));
  PinnedMemory memory;
  memory.memory_ = Owned<void *>(pointer, driver.memFreeHost);
  memory.size_ = bytes;
  return memory;
}

} // namespace gptc::runtime::cuda
