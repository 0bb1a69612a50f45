// Sessions.
#include "runtime/execute/Session.h"

#include "runtime/base/Half.h"
#include "runtime/base/Initialize.h"
#include "runtime/data/Order.h"
#include "runtime/device/DeviceChoice.h"
#include "runtime/execute/TensorCopy.h"

#include <algorithm>
#include <fmt/format.h>

namespace gptc::runtime {

namespace {

/// The indices of the named entries.
Result<std::vector<size_t>> findEntries(const Plan &plan, std::span<const std::string> names) {
  std::vector<size_t> entries;
  for (const std::string &name : names) {
    int index = plan.findEntry(name);
    if (index < 0) {
      std::string there;
      for (const EntryInfo &entry : plan.entries())
        there += (there.empty() ? "" : ", ") + entry.name;
      return Status(
          Code::failedPrecondition,
          fmt::format("{}: the plan has no entry \"{}\"; it has {}", plan.name(), name, there));
    }
    entries.push_back(static_cast<size_t>(index));
  }
  return entries;
}

Initializer initializerOf(const TensorInfo &tensor) {
  switch (tensor.init) {
  case InitKind::none:
    return Initializer::zeros();
  case InitKind::constant:
    return Initializer::constant(tensor.initA);
  case InitKind::normal:
    return Initializer::normal(tensor.initA);
  case InitKind::uniform:
    return Initializer::uniform(tensor.initA, tensor.initB);
  }
  return Initializer::zeros();
}

/// How numbers are rounded to a type of 16 bits.
uint16_t (*halfOf(DataType type))(float) {
  return type == DataType::bfloat16 ? toBfloat16 : toFloat16;
}

/// Calls `read` with memory for dense elements of that type, and makes them `values`.
void withDense(DataType type, std::span<float> values,
               FunctionRef<void(std::span<std::byte>)> read) {
  if (type == DataType::float32)
    return read(std::as_writable_bytes(values));
  std::vector<uint16_t> halves(values.size());
  read(std::as_writable_bytes(std::span(halves)));
  std::transform(halves.begin(), halves.end(), values.begin(),
                 type == DataType::bfloat16 ? fromBfloat16 : fromFloat16);
}

} // namespace

Result<Session> Session::create(Plan plan, std::span<const std::string> entries,
                                const SessionOptions &options) {
  GPTC_ASSIGN(std::vector<size_t> indices, findEntries(plan, entries));
  Session session(std::move(plan));
  Result<std::unique_ptr<Device>> device = openDevice(options.device, session.plan_.target());
  if (!device.ok())
    return device.status().within(session.plan_.name());
  session.device_ = std::move(*device);
  GPTC_RETURN_IF_ERROR(session.allocate(indices, options));
  return session;
}

Status Session::allocate(std::span<const size_t> entries, const SessionOptions &options) {
  memory_ = memoryUse(plan_, entries);
  std::vector<uint64_t> bytes;
  for (const SegmentInfo &segment : memory_.segments)
    bytes.push_back(segment.bytes);

  auto notEnough = [&](const MemoryLimit &limit) -> Status {
    std::string message =
        fmt::format("{}: the plan needs {} bytes of memory: {}; there are {} ({})", plan_.name(),
                    memory_.total(), memory_.text(), byteText(limit.bytes), limit.source);
    std::string hint = options.whatWouldFit ? options.whatWouldFit(limit.bytes) : std::string();
    return {Code::outOfMemory, hint.empty() ? message : message + "; " + hint};
  };
  MemoryLimit limit = device_->availableMemory();
  if (memory_.total() > limit.bytes)
    return notEnough(limit);
  Status status = device_->prepare(plan_, entries, bytes);
  if (status.code() == Code::outOfMemory) {
    limit.source += "; " + status.message();
    return notEnough(limit);
  }
  return status.within(plan_.name());
}

Status Session::access(Place place, uint64_t bytes, Access access,
                       FunctionRef<Status(std::span<std::byte>)> use) const {
  Status status = device_->access(place, bytes, access, use);
  return status.code() == Code::deviceLost ? status.within(plan_.name()) : status;
}

bool Session::holds(const TensorInfo &tensor) const {
  uint64_t bytes = memory_.segments[tensor.place.segment].bytes;
  return tensor.place.offset <= bytes && tensor.bytes <= bytes - tensor.place.offset;
}

Result<const TensorInfo *> Session::tensor(std::string_view name) const {
  const TensorInfo *found = plan_.findTensor(name);
  if (!found)
    return Status(Code::failedPrecondition,
                  fmt::format("{}: the plan has no tensor \"{}\"", plan_.name(), name));
  if (!holds(*found))
    return Status(Code::internal,
                  fmt::format("tensor \"{}\" belongs to no entry that is in use", name));
  return found;
}

Status Session::initialize(uint64_t seed) {
  for (const TensorInfo &tensor : plan_.tensors()) {
    bool starts = tensor.kind == TensorKind::parameter || tensor.kind == TensorKind::state ||
                  tensor.kind == TensorKind::moment;
    if (starts && holds(tensor))
      GPTC_RETURN_IF_ERROR(initializeTensor(tensor, seed));
  }
  return {};
}

Status Session::initializeTensor(const TensorInfo &tensor, uint64_t seed) {
  int64_t rows = rowCount(tensor), columns = tensor.count() / rows;
  Initializer initializer = initializerOf(tensor);
  return access(tensor.place, tensor.bytes, Access::replace,
                [&](std::span<std::byte> physical) -> Status {
                  std::fill(physical.begin(), physical.end(), std::byte{0});
                  if (std::optional<int64_t> stride = matrixRowStride(tensor))
                    return gptc::runtime::initialize(
                        {reinterpret_cast<float *>(physical.data()), rows, columns, *stride},
                        initializer, seed, tensor.name);
                  std::vector<float> dense(static_cast<size_t>(rows * columns));
                  GPTC_RETURN_IF_ERROR(gptc::runtime::initialize(
                      {dense.data(), rows, columns, columns}, initializer, seed, tensor.name));
                  copyToPhysical(tensor, std::as_bytes(std::span(dense)), physical);
                  return {};
                });
}

Status Session::checkAccess(const TensorInfo &tensor, DataType type, size_t count) const {
  if (!holds(tensor))
    return {Code::internal,
            fmt::format("tensor \"{}\" belongs to no entry that is in use", tensor.name)};
  if ((tensor.type == DataType::int32) != (type == DataType::int32))
    return {Code::invalidArgument, fmt::format("tensor \"{}\" holds {}, not {}", tensor.name,
                                               nameOf(tensor.type), nameOf(type))};
  if (static_cast<int64_t>(count) != tensor.count())
    return {Code::invalidArgument, fmt::format("tensor \"{}\" has {} elements, not {}", tensor.name,
                                               tensor.count(), count)};
  return {};
}

Status Session::writeBytes(const TensorInfo &tensor, std::span<const std::byte> values) {
  return access(tensor.place, tensor.bytes, Access::replace,
                [&](std::span<std::byte> physical) -> Status {
                  if (physical.size() != values.size()) // there is padding, which is 0
                    std::fill(physical.begin(), physical.end(), std::byte{0});
                  copyToPhysical(tensor, values, physical);
                  return {};
                });
}

Status Session::write(const TensorInfo &tensor, std::span<const float> values) {
  GPTC_RETURN_IF_ERROR(checkAccess(tensor, DataType::float32, values.size()));
  if (tensor.type == DataType::float32)
    return writeBytes(tensor, std::as_bytes(values));
  std::vector<uint16_t> rounded(values.size());
  std::transform(values.begin(), values.end(), rounded.begin(), halfOf(tensor.type));
  return writeBytes(tensor, std::as_bytes(std::span<const uint16_t>(rounded)));
}

Status Session::write(const TensorInfo &tensor, std::span<const int32_t> values) {
  GPTC_RETURN_IF_ERROR(checkAccess(tensor, DataType::int32, values.size()));
  return writeBytes(tensor, std::as_bytes(values));
}

Status Session::read(const TensorInfo &tensor, std::span<float> values) const {
  GPTC_RETURN_IF_ERROR(checkAccess(tensor, DataType::float32, values.size()));
  return access(
      tensor.place, tensor.bytes, Access::read, [&](std::span<std::byte> physical) -> Status {
        withDense(tensor.type, values,
                  [&](std::span<std::byte> dense) { copyToDense(tensor, physical, dense); });
        return {};
      });
}

Status Session::read(const TensorInfo &tensor, std::span<int32_t> values) const {
  GPTC_RETURN_IF_ERROR(checkAccess(tensor, DataType::int32, values.size()));
  return access(tensor.place, tensor.bytes, Access::read,
                [&](std::span<std::byte> physical) -> Status {
                  copyToDense(tensor, physical, std::as_writable_bytes(values));
                  return {};
                });
}

Status Session::readRow(const TensorInfo &tensor, int64_t row, std::span<float> values) const {
  GPTC_RETURN_IF_ERROR(checkAccess(tensor, DataType::float32, static_cast<size_t>(tensor.count())));
  TensorRow place =
      row >= 0 && row < rowCount(tensor) ? tensorRow(tensor, row) : TensorRow{0, 0, -1};
  if (static_cast<int64_t>(values.size()) != place.count)
    return {Code::invalidArgument, fmt::format("tensor \"{}\" has no row {} of {} elements",
                                               tensor.name, row, values.size())};
  // The row alone: on a GPU the whole tensor would be a long way to go.
  Place begin = tensor.place;
  begin.offset += static_cast<uint64_t>(place.first * place.size);
  uint64_t elements = static_cast<uint64_t>((place.count - 1) * place.stride + 1);
  place.first = 0;
  return access(begin, elements * elementBytes(tensor.type), Access::read,
                [&](std::span<std::byte> physical) -> Status {
                  withDense(tensor.type, values, [&](std::span<std::byte> dense) {
                    copyRowToDense(place, physical, dense);
                  });
                  return {};
                });
}

Status Session::readRows(const TensorInfo &tensor,
                         FunctionRef<Status(std::span<const std::byte>)> sink) const {
  GPTC_RETURN_IF_ERROR(checkAccess(tensor, tensor.type, static_cast<size_t>(tensor.count())));
  return access(tensor.place, tensor.bytes, Access::read,
                [&](std::span<std::byte> physical) -> Status {
                  std::vector<std::byte> dense;
                  for (int64_t i = 0, rows = rowCount(tensor); i < rows; ++i) {
                    TensorRow row = tensorRow(tensor, i);
                    dense.resize(static_cast<size_t>(row.count * row.size));
                    copyRowToDense(row, physical, dense);
                    GPTC_RETURN_IF_ERROR(sink(dense));
                  }
                  return {};
                });
}

int32_t Session::lowestInput(const TensorInfo &input) {
  return input.limit > 0 && input.name != "targets" ? 0 : INT32_MIN;
}

Status Session::setInput(const TensorInfo &input, std::span<const float> values) {
  return write(input, values);
}

Status Session::setInput(const TensorInfo &input, std::span<const int32_t> values) {
  int32_t lowest = lowestInput(input);
  int64_t limit = input.limit > 0 ? input.limit : int64_t{INT32_MAX} + 1;
  for (size_t i = 0; i < values.size(); ++i)
    if (values[i] < lowest || values[i] >= limit)
      return {Code::dataError,
              fmt::format("input \"{}\": element {} is {}; required is a number from {} to {}",
                          input.name, i, values[i], lowest, limit - 1)};
  GPTC_RETURN_IF_ERROR(write(input, values));
  for (const TensorInfo &derived : plan_.tensors()) {
    if (derived.derived.empty() || derived.owner != input.name || !holds(derived))
      continue;
    // "order" is the only derivation that a loaded plan has.
    std::vector<int32_t> order(values.size());
    embeddingOrder(values, order);
    GPTC_RETURN_IF_ERROR(write(derived, order));
  }
  return {};
}

Result<float> Session::readScalar(std::string_view name) const {
  GPTC_ASSIGN(const TensorInfo *found, tensor(name));
  float value = 0;
  GPTC_RETURN_IF_ERROR(read(*found, std::span(&value, 1)));
  return value;
}

Result<float> PendingScalar::take() {
  float value = 0;
  GPTC_RETURN_IF_ERROR(read_->take(std::as_writable_bytes(std::span(&value, 1))).within(plan_));
  return value;
}

Result<PendingScalar> Session::startScalar(std::string_view name) const {
  GPTC_ASSIGN(const TensorInfo *found, tensor(name));
  GPTC_RETURN_IF_ERROR(checkAccess(*found, DataType::float32, 1));
  if (found->type != DataType::float32)
    return Status(Code::invalidArgument, fmt::format("tensor \"{}\" holds {}, not float32",
                                                     found->name, nameOf(found->type)));
  Result<std::unique_ptr<PendingRead>> read = device_->startRead(found->place, sizeof(float));
  if (!read.ok())
    return read.status().within(plan_.name());
  return PendingScalar(std::move(*read), plan_.name());
}

Status Session::writeScalar(std::string_view name, float value) {
  GPTC_ASSIGN(const TensorInfo *found, tensor(name));
  return write(*found, std::span<const float>(&value, 1));
}

Status Session::run(std::string_view entry) {
  int index = plan_.findEntry(entry);
  if (index < 0)
    return {Code::internal, fmt::format("the plan has no entry \"{}\"", entry)};
  return device_->run(static_cast<size_t>(index), profile_).within(plan_.name());
}

} // namespace gptc::runtime
