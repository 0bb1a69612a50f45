// Memory needs.
#include "runtime/execute/Memory.h"

#include "runtime/base/Parallel.h"
#include "runtime/device/CpuScratch.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace gptc::runtime {

uint64_t MemoryUse::total() const {
  uint64_t sum = scratch();
  for (const SegmentInfo &segment : segments)
    sum += segment.bytes;
  return sum;
}

std::string MemoryUse::text() const {
  std::string parts;
  for (const SegmentInfo &segment : segments)
    if (segment.bytes > 0)
      parts +=
          fmt::format("{}{} {}", parts.empty() ? "" : ", ", segment.name, byteText(segment.bytes));
  if (scratch() > 0)
    parts += fmt::format("{}scratch of {} thread{} {}", parts.empty() ? "" : ", ", threads,
                         threads == 1 ? "" : "s", byteText(scratch()));
  return parts.empty() ? byteText(0) : fmt::format("{} ({})", byteText(total()), parts);
}

MemoryUse memoryUse(const Plan &plan, std::span<const size_t> entries) {
  MemoryUse use;
  use.segments = plan.segments();
  for (SegmentInfo &segment : use.segments)
    segment.bytes = 0;
  for (size_t index : entries) {
    const EntryInfo &entry = plan.entries()[index];
    for (uint32_t segment : entry.segments) {
      bool transient = static_cast<int>(segment) == plan.transientIndex();
      uint64_t bytes = transient ? entry.transientBytes : plan.segments()[segment].bytes;
      use.segments[segment].bytes = std::max(use.segments[segment].bytes, bytes);
    }
  }
  use.scratchPerThread = static_cast<uint64_t>(productScratch(plan, entries));
  if (use.scratchPerThread > 0)
    use.threads = threadCount();
  return use;
}

std::string byteText(uint64_t bytes) {
  constexpr std::array<const char *, 5> units = {"KiB", "MiB", "GiB", "TiB", "PiB"};
  if (bytes < 1024)
    return fmt::format("{} bytes", bytes);
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < units.size(); ++unit)
    value /= 1024;
  int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return fmt::format("{:.{}f} {}", value, decimals, units[unit]);
}

} // namespace gptc::runtime
