// A plan at work on a device: its memory, its tensors by name, and runs of its entries.
#ifndef GPTC_RUNTIME_EXECUTE_SESSION_H
#define GPTC_RUNTIME_EXECUTE_SESSION_H

#include "runtime/device/Device.h"
#include "runtime/execute/Memory.h"

#include <functional>

namespace gptc::runtime {

struct SessionOptions {
  DeviceOptions device = {};
  /// Called when memory does not suffice, with the bytes that are there: a sentence that tells the
  /// user what would fit, or nothing.
  std::function<std::string(uint64_t availableBytes)> whatWouldFit = {};
};

/// A float32 tensor with one element, asked for and perhaps still on its way.
class PendingScalar {
public:
  /// `plan`: its name, for messages.
  PendingScalar(std::unique_ptr<PendingRead> read, std::string plan)
      : read_(std::move(read)), plan_(std::move(plan)) {}

  /// Whether take() would return at once.
  bool ready() const { return read_->ready(); }
  /// Waits. Called once.
  Result<float> take();

private:
  std::unique_ptr<PendingRead> read_;
  std::string plan_;
};

class Session {
public:
  /// Opens a device, allocates (zeroed) what the named entries need and prepares them. Errors:
  /// failedPrecondition (the plan lacks an entry, or is for another machine), unavailable,
  /// dataError; outOfMemory says how much is needed and how much there is.
  static Result<Session> create(Plan plan, std::span<const std::string> entries,
                                const SessionOptions &options = {});

  const Plan &plan() const { return plan_; }
  const Device &device() const { return *device_; }
  /// What was allocated, in bytes, exactly.
  const MemoryUse &memory() const { return memory_; }

  /// Whether the tensor's segment is allocated.
  bool holds(const TensorInfo &tensor) const;
  /// The tensor, which this session holds. Error notFound / failedPrecondition.
  Result<const TensorInfo *> tensor(std::string_view name) const;

  /// Gives parameters, states and moments their initial values: parameters and states drawn by seed
  /// and name; padding is 0.
  Status initialize(uint64_t seed);

  /// All elements of a tensor of that type, dense and row-major. Error invalidArgument for a wrong
  /// type or number of elements.
  Status write(const TensorInfo &tensor, std::span<const float> values);
  Status write(const TensorInfo &tensor, std::span<const int32_t> values);
  Status read(const TensorInfo &tensor, std::span<float> values) const;
  Status read(const TensorInfo &tensor, std::span<int32_t> values) const;
  /// One row (along the last axis) of a float32 tensor, by its number in row-major order.
  Status readRow(const TensorInfo &tensor, int64_t row, std::span<float> values) const;
  /// Hands the rows of a tensor to `sink`, in order, as bytes of four-byte elements.
  Status readRows(const TensorInfo &tensor,
                  FunctionRef<Status(std::span<const std::byte>)> sink) const;

  /// Writes an input and whatever is derived from it. Values of an integer input must lie in
  /// [lowestInput, limit): else dataError, with the place.
  Status setInput(const TensorInfo &input, std::span<const float> values);
  Status setInput(const TensorInfo &input, std::span<const int32_t> values);
  /// The least value of an integer input: 0 where a limit says that it is an index, except for
  /// "targets", of which negative ones are left out of the loss.
  static int32_t lowestInput(const TensorInfo &input);

  /// A float32 tensor with one element.
  Result<float> readScalar(std::string_view name) const;
  Status writeScalar(std::string_view name, float value);
  /// The value after the runs so far, without waiting for them. It must end before the session.
  Result<PendingScalar> startScalar(std::string_view name) const;

  /// Runs an entry that create() was given. Who reads afterwards waits for it (see Device::run).
  Status run(std::string_view entry);
  /// From now on commands are timed; null ends it.
  void setProfile(Profile *profile) { profile_ = profile; }

private:
  explicit Session(Plan plan) : plan_(std::move(plan)) {}

  Status allocate(std::span<const size_t> entries, const SessionOptions &options);
  /// The device's, with the plan's name if the device is lost.
  Status access(Place place, uint64_t bytes, Access access,
                FunctionRef<Status(std::span<std::byte>)> use) const;
  Status checkAccess(const TensorInfo &tensor, DataType type, size_t count) const;
  Status writeBytes(const TensorInfo &tensor, std::span<const std::byte> values);
  Status initializeTensor(const TensorInfo &tensor, uint64_t seed);

  Plan plan_;
  std::unique_ptr<Device> device_;
  MemoryUse memory_;
  Profile *profile_ = nullptr;
};

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_EXECUTE_SESSION_H
