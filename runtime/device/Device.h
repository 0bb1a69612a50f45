// A device: memory for a plan's segments, and something that runs the plan's entries on it.
//
// An entry is handed over as a whole, so that a device can prepare it once (resolve addresses,
// capture a graph) and start it with one call. Runs, reads and writes happen in the order in which
// they are asked for; the host need not wait for them until it reads.
#ifndef GPTC_RUNTIME_DEVICE_DEVICE_H
#define GPTC_RUNTIME_DEVICE_DEVICE_H

#include "runtime/base/FunctionRef.h"
#include "runtime/base/Status.h"
#include "runtime/device/Profile.h"
#include "runtime/plan/Plan.h"

#include <cstddef>
#include <cstdint>
#include <functional>
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

enum class Access {
  read,
  write,   ///< of some bytes: the others keep their content
  replace, ///< of all bytes: what the view holds before is not specified
};

/// Who computes matrix products on a GPU.
enum class MatmulChoice {
  automatic, ///< cuBLASLt where it is installed, else the plan's own kernels
  library,   ///< cuBLASLt
  generated, ///< the plan's own kernels
};

/// What a user can ask of a device.
struct DeviceOptions {
  std::string device = "auto"; ///< "auto", "cpu", "cuda", "cuda:N"
  int threads = 0;             ///< of the CPU; as in setThreadCount, 0 is the default
  bool graphs = true;          ///< a GPU runs entries as CUDA graphs
  MatmulChoice matmul = MatmulChoice::automatic;
  /// Takes what a user should know, in whole lines; may be empty.
  std::function<void(std::string_view)> note = {};

  void say(std::string_view text) const {
    if (note)
      note(text);
  }
};

/// Bytes of a device that were asked for and may still be on their way. It must end before the
/// device does.
class PendingRead {
public:
  virtual ~PendingRead() = default;
  /// Whether take() would return at once.
  virtual bool ready() const = 0;
  /// Waits and copies them; `bytes` is as long as was asked for. Called once.
  virtual Status take(std::span<std::byte> bytes) = 0;
};

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

  /// Runs one of the prepared entries: after whatever was asked for before, and perhaps still when
  /// this returns. `profile` may be null. Error deviceLost, here or from a later call.
  virtual Status run(size_t entry, Profile *profile) = 0;

  /// Calls `use` with a view of `bytes` bytes at `place` in host memory, as the runs so far leave
  /// them; after Access::write and replace, runs to come find what `use` left there. Error internal
  /// if the range was not allocated.
  virtual Status access(Place place, uint64_t bytes, Access access,
                        FunctionRef<Status(std::span<std::byte>)> use) = 0;

  /// Asks for a few bytes, as the runs so far leave them, and does not wait. Here: reads at once.
  virtual Result<std::unique_ptr<PendingRead>> startRead(Place place, uint64_t bytes);
};

/// The host's processors. `threads` as in setThreadCount: 0 is the default.
std::unique_ptr<Device> makeCpuDevice(int threads);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_DEVICE_DEVICE_H
