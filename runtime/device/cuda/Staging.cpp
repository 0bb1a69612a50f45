// Copies through pinned buffers.
#include "runtime/device/cuda/Staging.h"

#include <algorithm>
#include <cstring>

namespace gptc::runtime::cuda {

Result<Staging> Staging::create(const Driver &driver, CUstream stream, size_t bufferBytes) {
  Staging staging(driver, stream);
  for (std::array<Buffer, 2> *pair : {&staging.up_, &staging.down_})
    for (Buffer &buffer : *pair) {
      GPTC_ASSIGN(buffer.memory, PinnedMemory::allocate(driver, bufferBytes));
      GPTC_ASSIGN(buffer.drained, makeEvent(driver, /*timed=*/false));
    }
  return staging;
}

Status Staging::waitFor(Buffer &buffer) {
  if (!buffer.busy)
    return {};
  buffer.busy = false;
  return driver_->check(driver_->eventSynchronize(buffer.drained.get()), "cuEventSynchronize");
}

Status Staging::record(Buffer &buffer) {
  buffer.busy = true;
  return driver_->check(driver_->eventRecord(buffer.drained.get(), stream_), "cuEventRecord");
}

Status Staging::upload(CUdeviceptr to, std::span<const std::byte> from) {
  while (!from.empty()) {
    if (up_[filling_].used == up_[filling_].memory.bytes().size()) {
      filling_ ^= 1;
      GPTC_RETURN_IF_ERROR(waitFor(up_[filling_]));
      up_[filling_].used = 0;
    }
    Buffer &buffer = up_[filling_];
    std::span<std::byte> room = buffer.memory.bytes().subspan(buffer.used);
    size_t bytes = std::min(room.size(), from.size());
    std::memcpy(room.data(), from.data(), bytes);
    GPTC_RETURN_IF_ERROR(driver_->check(driver_->memcpyHtoDAsync(to, room.data(), bytes, stream_),
                                        "cuMemcpyHtoDAsync"));
    GPTC_RETURN_IF_ERROR(record(buffer));
    buffer.used += bytes;
    to += bytes;
    from = from.subspan(bytes);
  }
  return {};
}

Status Staging::download(std::span<std::byte> to, CUdeviceptr from) {
  // While the host empties one buffer, the GPU fills the other.
  std::array<std::span<std::byte>, 2> targets;
  size_t turn = 0;
  auto empty = [&](size_t i) -> Status {
    GPTC_RETURN_IF_ERROR(waitFor(down_[i]));
    if (!targets[i].empty())
      std::memcpy(targets[i].data(), down_[i].memory.bytes().data(), targets[i].size());
    targets[i] = {};
    return {};
  };
  for (; !to.empty(); turn ^= 1) {
    GPTC_RETURN_IF_ERROR(empty(turn));
    Buffer &buffer = down_[turn];
    size_t bytes = std::min(buffer.memory.bytes().size(), to.size());
    GPTC_RETURN_IF_ERROR(
        driver_->check(driver_->memcpyDtoHAsync(buffer.memory.bytes().data(), from, bytes, stream_),
                       "cuMemcpyDtoHAsync"));
    GPTC_RETURN_IF_ERROR(record(buffer));
    targets[turn] = to.first(bytes);
    to = to.subspan(bytes);
    from += bytes;
  }
  GPTC_RETURN_IF_ERROR(empty(turn));
  return empty(turn ^ 1);
}

} // namespace gptc::runtime::cuda
