// Reads of a few bytes that the host does not wait for, as a step's loss.
#ifndef GPTC_RUNTIME_DEVICE_CUDA_SMALLREADS_H
#define GPTC_RUNTIME_DEVICE_CUDA_SMALLREADS_H

#include "runtime/device/Device.h"
#include "runtime/device/cuda/CudaMemory.h"

#include <functional>
#include <vector>

namespace gptc::runtime::cuda {

/// Pinned places, each with an event, that are used again and again.
class SmallReads {
public:
  static constexpr uint64_t largest = 64; ///< bytes of a read

  /// `failed` is given what goes wrong while a read is waited for, and says what to tell of it.
  SmallReads(const Driver &driver, std::function<Status(Status)> failed)
      : driver_(driver), failed_(std::move(failed)) {}

  /// Puts the copy into the stream. The result must end before this object does.
  Result<std::unique_ptr<PendingRead>> start(CUdeviceptr from, uint64_t bytes, CUstream stream);

private:
  struct Slot {
    PinnedMemory memory;
    Event arrived;
  };
  class Read;

  Result<Slot> freeSlot();

  const Driver &driver_;
  std::function<Status(Status)> failed_;
  std::vector<Slot> free_;
};

} // namespace gptc::runtime::cuda

#endif // GPTC_RUNTIME_DEVICE_CUDA_SMALLREADS_H
