// Finding GPUs.
#include "runtime/device/cuda/Gpus.h"

#include <array>
#include <charconv>
#include <climits>
#include <fmt/format.h>

namespace gptc::runtime::cuda {

namespace {

Result<Gpu> readGpu(const Driver &driver, int ordinal) {
  Gpu gpu;
  gpu.ordinal = ordinal;
  GPTC_RETURN_IF_ERROR(driver.check(driver.deviceGet(&gpu.device, ordinal), "cuDeviceGet"));
  std::array<char, 256> name = {};
  GPTC_RETURN_IF_ERROR(
      driver.check(driver.deviceGetName(name.data(), static_cast<int>(name.size()) - 1, gpu.device),
                   "cuDeviceGetName"));
  gpu.name = name.data();
  GPTC_RETURN_IF_ERROR(
      driver.check(driver.deviceGetAttribute(&gpu.major, cudaComputeCapabilityMajor, gpu.device),
                   "cuDeviceGetAttribute"));
  GPTC_RETURN_IF_ERROR(
      driver.check(driver.deviceGetAttribute(&gpu.minor, cudaComputeCapabilityMinor, gpu.device),
                   "cuDeviceGetAttribute"));
  size_t bytes = 0;
  GPTC_RETURN_IF_ERROR(driver.check(driver.deviceTotalMem(&bytes, gpu.device), "cuDeviceTotalMem"));
  gpu.bytes = bytes;
  return gpu;
}

/// "sm_90a" in parts: 90 and "a".
struct ArchitectureName {
  int capability = 0; ///< 0: none that is known
  std::string_view suffix;
};

ArchitectureName parseArchitecture(std::string_view name) {
  ArchitectureName parsed;
  if (!name.starts_with("sm_"))
    return parsed;
  name.remove_prefix(3);
  const char *end = name.data() + name.size();
  auto [stop, error] = std::from_chars(name.data(), end, parsed.capability);
  if (error != std::errc() || parsed.capability < 10)
    return {};
  parsed.suffix = {stop, end};
  return parsed;
}

Status tooOld(const Gpu &gpu) {
  return {Code::failedPrecondition,
          fmt::format("cuda:{}, {}, has compute capability {}.{}; needed is {}.{} or newer",
                      gpu.ordinal, gpu.name, gpu.major, gpu.minor, oldestCapability / 10,
                      oldestCapability % 10)};
}

} // namespace

std::string Gpu::architecture() const {
  return fmt::format("sm_{}{}{}", major, minor, major >= 9 ? "a" : "");
}

int imageFit(std::string_view image, std::string_view architecture) {
  if (image == architecture)
    return INT_MAX;
  ArchitectureName made = parseArchitecture(image), wanted = parseArchitecture(architecture);
  bool fits = made.capability > 0 && made.suffix.empty() &&
              made.capability / 10 == wanted.capability / 10 &&
              made.capability <= wanted.capability;
  return fits ? made.capability : 0;
}

Result<std::vector<Gpu>> findGpus(const Driver &driver) {
  int count = 0;
  GPTC_RETURN_IF_ERROR(driver.check(driver.deviceGetCount(&count), "cuDeviceGetCount"));
  std::vector<Gpu> gpus;
  for (int ordinal = 0; ordinal < count; ++ordinal) {
    GPTC_ASSIGN(Gpu gpu, readGpu(driver, ordinal));
    gpus.push_back(std::move(gpu));
  }
  return gpus;
}

Result<Gpu> chooseGpu(const Driver &driver, std::optional<int> ordinal) {
  GPTC_ASSIGN(std::vector<Gpu> gpus, findGpus(driver));
  if (gpus.empty())
    return driver.check(cudaNoDevice, "cuDeviceGetCount");
  if (ordinal) {
    if (*ordinal < 0 || static_cast<size_t>(*ordinal) >= gpus.size())
      return Status(
          Code::unavailable,
          fmt::format("there is no cuda:{}; there {} cuda:0{}", *ordinal,
                      gpus.size() == 1 ? "is" : "are",
                      gpus.size() == 1 ? "" : fmt::format(" to cuda:{}", gpus.size() - 1)));
    const Gpu &gpu = gpus[static_cast<size_t>(*ordinal)];
    return gpu.usable() ? Result<Gpu>(gpu) : tooOld(gpu);
  }
  for (const Gpu &gpu : gpus)
    if (gpu.usable())
      return gpu;
  return tooOld(gpus.front());
}

Result<std::unique_ptr<Context>> Context::create(const Driver &driver, const Gpu &gpu) {
  CUcontext handle = nullptr;
  GPTC_RETURN_IF_ERROR(driver.check(driver.primaryCtxRetain(&handle, gpu.device),
                                    fmt::format("cuda:{}: cuDevicePrimaryCtxRetain", gpu.ordinal)));
  std::unique_ptr<Context> context(new Context(driver, gpu, handle));
  GPTC_RETURN_IF_ERROR(context->makeCurrent());
  return context;
}

Context::~Context() { driver_.primaryCtxRelease(gpu_.device); }

Status Context::makeCurrent() const {
  return driver_.check(driver_.ctxSetCurrent(context_), "cuCtxSetCurrent");
}

} // namespace gptc::runtime::cuda
