// Which device runs a plan, and what a plan should be compiled for: the meaning of --device.
#ifndef GPTC_RUNTIME_DEVICE_DEVICECHOICE_H
#define GPTC_RUNTIME_DEVICE_DEVICECHOICE_H

#include "runtime/device/Device.h"

namespace gptc::runtime {

/// invalidArgument unless it is "auto", "cpu", "cuda" or "cuda:N".
Status checkDeviceName(std::string_view device);

/// What to compile for: "cpu", or "cuda:" and the architecture of the GPU, as "cuda:sm_90a". For
/// "auto" the first usable GPU decides; where there is none, `note` (may be empty) is told why, and
/// it is "cpu". Errors: invalidArgument; unavailable or failedPrecondition if a GPU was asked for.
Result<std::string> chooseTarget(std::string_view device,
                                 const std::function<void(std::string_view)> &note);

/// The device that `options` ask for, for a plan of that target; "auto" is what the plan was
/// compiled for. Errors: invalidArgument, failedPrecondition (the plan is for something else),
/// unavailable.
Result<std::unique_ptr<Device>> openDevice(const DeviceOptions &options, std::string_view target);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_DEVICE_DEVICECHOICE_H
