// Reads that the host does not wait for.
#include "runtime/device/cuda/SmallReads.h"

#include <cstring>

namespace gptc::runtime::cuda {

class SmallReads::Read : public PendingRead {
public:
  Read(SmallReads &owner, Slot slot) : owner_(owner), slot_(std::move(slot)) {}
  ~Read() override {
    // A place goes back when no copy is on its way to it.
    (void)owner_.driver_.eventSynchronize(slot_.arrived.get());
    owner_.free_.push_back(std::move(slot_));
  }

  bool ready() const override {
    return owner_.driver_.eventQuery(slot_.arrived.get()) != cudaNotReady; // also if it failed
  }

  Status take(std::span<std::byte> bytes) override {
    Status status = owner_.driver_.check(owner_.driver_.eventSynchronize(slot_.arrived.get()),
                                         "cuEventSynchronize");
    if (!status.ok())
      return owner_.failed_(std::move(status));
    std::memcpy(bytes.data(), slot_.memory.bytes().data(), bytes.size());
    return {};
  }

private:
  SmallReads &owner_;
  Slot slot_;
};

Result<SmallReads::Slot> SmallReads::freeSlot() {
  Slot slot;
  if (!free_.empty()) {
    slot = std::move(free_.back());
    free_.pop_back();
    return slot;
  }
  GPTC_ASSIGN(slot.memory, PinnedMemory::allocate(driver_, largest));
  GPTC_ASSIGN(slot.arrived, makeEvent(driver_, /*timed=*/false));
  return slot;
}

Result<std::unique_ptr<PendingRead>> SmallReads::start(CUdeviceptr from, uint64_t bytes,
                                                       CUstream stream) {
  GPTC_ASSIGN(Slot slot, freeSlot());
  GPTC_RETURN_IF_ERROR(
      driver_.check(driver_.memcpyDtoHAsync(slot.memory.bytes().data(), from, bytes, stream),
                    "cuMemcpyDtoHAsync"));
  GPTC_RETURN_IF_ERROR(
      driver_.check(driver_.eventRecord(slot.arrived.get(), stream), "cuEventRecord"));
  return std::unique_ptr<PendingRead>(std::make_unique<Read>(*this, std::move(slot)));
}

} // namespace gptc::runtime::cuda
