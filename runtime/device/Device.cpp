// What devices have in common.
#include "runtime/device/Device.h"

#include <algorithm>
#include <vector>

namespace gptc::runtime {

namespace {

/// Bytes that are there already.
class FinishedRead : public PendingRead {
public:
  explicit FinishedRead(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}

  bool ready() const override { return true; }
  Status take(std::span<std::byte> bytes) override {
    std::copy(bytes_.begin(), bytes_.end(), bytes.begin());
    return {};
  }

private:
  std::vector<std::byte> bytes_;
};

} // namespace

Result<std::unique_ptr<PendingRead>> Device::startRead(Place place, uint64_t bytes) {
  std::vector<std::byte> copy;
  GPTC_RETURN_IF_ERROR(access(place, bytes, Access::read, [&](std::span<std::byte> view) -> Status {
    copy.assign(view.begin(), view.end());
    return {};
  }));
  return std::unique_ptr<PendingRead>(std::make_unique<FinishedRead>(std::move(copy)));
}

} // namespace gptc::runtime
