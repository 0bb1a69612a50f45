// Choosing a device.
#include "runtime/device/DeviceChoice.h"

#include "runtime/device/cuda/CudaDevice.h"

#include <charconv>
#include <fmt/format.h>

namespace gptc::runtime {

namespace {

bool isCuda(std::string_view name) { return name == "cuda" || name.starts_with("cuda:"); }

/// The N of "cuda:N"; none for "cuda" and "auto".
std::optional<int> ordinalOf(std::string_view device) {
  int ordinal = 0;
  size_t colon = device.find(':');
  if (colon == std::string_view::npos)
    return std::nullopt;
  std::from_chars(device.data() + colon + 1, device.data() + device.size(), ordinal);
  return ordinal;
}

struct ChosenGpu {
  const cuda::Driver *driver;
  cuda::Gpu gpu;
};

Result<ChosenGpu> findGpu(std::string_view device) {
  GPTC_ASSIGN(const cuda::Driver *driver, cuda::openDriver());
  GPTC_ASSIGN(cuda::Gpu gpu, cuda::chooseGpu(*driver, ordinalOf(device)));
  return ChosenGpu{driver, std::move(gpu)};
}

} // namespace

Status checkDeviceName(std::string_view device) {
  if (device == "auto" || device == "cpu" || device == "cuda")
    return {};
  int ordinal = 0;
  if (device.starts_with("cuda:")) {
    const char *end = device.data() + device.size();
    auto [stop, error] = std::from_chars(device.data() + 5, end, ordinal);
    if (error == std::errc() && stop == end && ordinal >= 0)
      return {};
  }
  return {Code::invalidArgument,
          fmt::format("--device {}: must be auto, cpu, cuda or cuda:N", device)};
}

Result<std::string> chooseTarget(std::string_view device,
                                 const std::function<void(std::string_view)> &note) {
  GPTC_RETURN_IF_ERROR(checkDeviceName(device));
  if (device == "cpu")
    return std::string("cpu");
  Result<ChosenGpu> chosen = findGpu(device);
  if (chosen.ok())
    return "cuda:" + chosen->gpu.architecture();
  if (isCuda(device))
    return chosen.status().within(fmt::format("--device {}", device));
  if (note)
    note((cuda::isDriverAbsent() ? "no CUDA driver found" : chosen.status().message()) +
         "; using the CPU");
  return std::string("cpu");
}

Result<std::unique_ptr<Device>> openDevice(const DeviceOptions &options, std::string_view target) {
  GPTC_RETURN_IF_ERROR(checkDeviceName(options.device));
  bool forGpu = isCuda(target), onGpu = isCuda(options.device);
  if (options.device != "auto" && forGpu != onGpu)
    return Status(Code::failedPrecondition,
                  fmt::format("--device {}: the plan was compiled for {}", options.device, target));
  if (!forGpu)
    return makeCpuDevice(options.threads);
  Result<ChosenGpu> chosen = findGpu(options.device);
  if (!chosen.ok())
    return chosen.status().within(fmt::format("the plan was compiled for {}", target));
  return cuda::makeCudaDevice(*chosen->driver, chosen->gpu, options);
}

} // namespace gptc::runtime
