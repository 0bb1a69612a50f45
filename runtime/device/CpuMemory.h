// The host's memory: segments, and how much there is.
#ifndef GPTC_RUNTIME_DEVICE_CPUMEMORY_H
#define GPTC_RUNTIME_DEVICE_CPUMEMORY_H

#include "runtime/device/Device.h"

namespace gptc::runtime {

/// Zeroed memory straight from the system. Pages are taken when they are first touched; huge pages
/// are asked for.
class CpuMemory {
public:
  CpuMemory() = default;
  CpuMemory(CpuMemory &&other) noexcept;
  CpuMemory &operator=(CpuMemory &&other) noexcept;
  ~CpuMemory();

  /// Aligned to 64 bytes at least. Error outOfMemory.
  static Result<CpuMemory> allocate(uint64_t bytes);

  std::byte *data() const { return data_; }
  uint64_t size() const { return size_; }

private:
  std::byte *data_ = nullptr;
  uint64_t size_ = 0;
  uint64_t mapped_ = 0; ///< size_ in whole pages
};

/// The least of: MemAvailable of /proc/meminfo, what the limits of the process (RLIMIT_AS,
/// RLIMIT_DATA) and of its control group leave.
MemoryLimit availableHostMemory();

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_DEVICE_CPUMEMORY_H
