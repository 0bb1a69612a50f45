// A device: memory for a plan's segments, and something that runs the plan's entries on it.
//
// An entry is handed over as a whole, so that a device can prepare it once (resolve addresses,
// capture a graph) and start it with one call.
#ifndef GPTC_RUNTIME_DEVICE_DEVICE_H
#define GPTC_RUNTIME_DEVICE_DEVICE_H

#include "runtime/base/FunctionRef.h"
#include "runtime/base/Status.h"
#include "runtime/device/Profile.h"
#include "runtime/plan/Plan.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace gptc::runtime {

/// How much memory could still be allocated, and what sets that limit ("MemAvailable",
/// "ulimit -v", …).
struct MemoryLimit {
  uint64_t bytes = UINT64_MAX;
  std::string source;
};

enum class Access { read, write };

class Device {
public:
  virtual ~Device() = default;

  /// For the user: "cpu, 2 threads".
  virtual std::string description() const = 0;
  virtual MemoryLimit availableMemory() const = 0;

  /// Takes on a plan: checks that this machine can run it, allocates segmentBytes[i] bytes (64-byte
  /// aligned, zero) for each segment i, and loads what the entries (indices into plan.entries())
  /// need. Called once. Errors: failedPrecondition (the plan is for another kind of machine: names
  /// what is missing), unavailable (a library that is not installed), outOfMemory, dataError (the
  /// plan's object does not load).
  virtual Status prepare(const Plan &plan, std::span<const size_t> entries,
                         std::span<const uint64_t> segmentBytes) = 0;

  /// Runs one of the prepared entries and waits for it. `profile` may be null.
  virtual Status run(size_t entry, Profile *profile) = 0;

  /// Calls `use` with a view of `bytes` bytes at `place` in host memory; after Access::write the
  /// bytes have the content that `use` left there. Error internal if the range was not allocated.
  virtual Status access(Place place, uint64_t bytes, Access access,
                        FunctionRef<Status(std::span<std::byte>)> use) = 0;
};

/// The host's processors. `threads` as in setThreadCount: 0 is the default.
std::unique_ptr<Device> makeCpuDevice(int threads);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_DEVICE_DEVICE_H
