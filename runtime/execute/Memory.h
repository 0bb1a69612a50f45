// How much memory a plan needs, known before anything is allocated.
#ifndef GPTC_RUNTIME_EXECUTE_MEMORY_H
#define GPTC_RUNTIME_EXECUTE_MEMORY_H

#include "runtime/plan/Plan.h"

namespace gptc::runtime {

/// Bytes of each segment, in the plan's order; 0 for those that are not needed. Beside them, what
/// products on a CPU compute with.
struct MemoryUse {
  std::vector<SegmentInfo> segments;
  uint64_t scratchPerThread = 0;
  int threads = 1;

  uint64_t scratch() const { return scratchPerThread * static_cast<uint64_t>(threads); }
  uint64_t total() const;
  /// "1.95 GiB (parameters 475 MiB, optimizer 950 MiB, …, scratch of 2 threads 5 MiB)".
  std::string text() const;
};

/// What a session that runs these entries (indices) allocates: every segment that one of them
/// names, of the transient one as much as the entry with the largest need, and on a CPU scratch
/// memory for the threads that the calling thread's loops have (setThreadCount).
MemoryUse memoryUse(const Plan &plan, std::span<const size_t> entries);

/// "1.95 GiB", "475 MiB", "12 bytes": three digits or so, for people.
std::string byteText(uint64_t bytes);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_EXECUTE_MEMORY_H
