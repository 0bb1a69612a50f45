// Opening the CUDA driver.
#include "runtime/device/cuda/Driver.h"

#include "runtime/device/cuda/Library.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <fmt/format.h>

namespace gptc::runtime::cuda {

namespace {

/// Errors after which the context is of no use any more (cuda.h: "This leaves the process in an
/// inconsistent state").
constexpr std::array<CUresult, 16> lostDevice = {
    214, // ECC_UNCORRECTABLE
    220, // NVLINK_UNCORRECTABLE
    226, // CONTAINED
    700, // ILLEGAL_ADDRESS
    702, // LAUNCH_TIMEOUT
    709, // CONTEXT_IS_DESTROYED
    710, // ASSERT
    714, // HARDWARE_STACK_ERROR
    715, // ILLEGAL_INSTRUCTION
    716, // MISALIGNED_ADDRESS
    717, // INVALID_ADDRESS_SPACE
    718, // INVALID_PC
    719, // LAUNCH_FAILED
    721, // TENSOR_MEMORY_LEAK
    810, // MPS_CLIENT_TERMINATED
    911, // EXTERNAL_DEVICE
};

struct Opened {
  Driver table = {};
  Status status;
  bool absent = false;
};

void findAll(Library &library, Driver &table) {
  library.find("cuInit", table.init);
  library.find("cuDeviceGetCount", table.deviceGetCount);
  library.find("cuDeviceGet", table.deviceGet);
  library.find("cuDeviceGetName", table.deviceGetName);
  library.find("cuDeviceGetAttribute", table.deviceGetAttribute);
  library.find("cuDeviceTotalMem_v2", table.deviceTotalMem);
  library.find("cuDevicePrimaryCtxRetain", table.primaryCtxRetain);
  library.find("cuDevicePrimaryCtxRelease_v2", table.primaryCtxRelease);
  library.find("cuCtxSetCurrent", table.ctxSetCurrent);
  library.find("cuCtxSynchronize", table.ctxSynchronize);
  library.find("cuMemGetInfo_v2", table.memGetInfo);
  library.find("cuMemAlloc_v2", table.memAlloc);
  library.find("cuMemFree_v2", table.memFree);
  library.find("cuMemHostAlloc", table.memHostAlloc);
  library.find("cuMemFreeHost", table.memFreeHost);
  library.find("cuMemcpyHtoDAsync_v2", table.memcpyHtoDAsync);
  library.find("cuMemcpyDtoHAsync_v2", table.memcpyDtoHAsync);
  library.find("cuMemsetD8Async", table.memsetD8Async);
  library.find("cuStreamCreate", table.streamCreate);
  library.find("cuStreamDestroy_v2", table.streamDestroy);
  library.find("cuStreamSynchronize", table.streamSynchronize);
  library.find("cuStreamBeginCapture_v2", table.streamBeginCapture);
  library.find("cuStreamEndCapture", table.streamEndCapture);
  library.find("cuGraphInstantiateWithFlags", table.graphInstantiate);
  library.find("cuGraphExecDestroy", table.graphExecDestroy);
  library.find("cuGraphDestroy", table.graphDestroy);
  library.find("cuGraphLaunch", table.graphLaunch);
  library.find("cuEventCreate", table.eventCreate);
  library.find("cuEventDestroy_v2", table.eventDestroy);
  library.find("cuEventRecord", table.eventRecord);
  library.find("cuEventQuery", table.eventQuery);
  library.find("cuEventSynchronize", table.eventSynchronize);
  library.find("cuEventElapsedTime", table.eventElapsedTime);
  library.find("cuModuleLoadData", table.moduleLoadData);
  library.find("cuModuleUnload", table.moduleUnload);
  library.find("cuModuleGetFunction", table.moduleGetFunction);
  library.find("cuLaunchKernel", table.launchKernel);
  library.find("cuGetErrorName", table.getErrorName);
  library.find("cuGetErrorString", table.getErrorString);
}

Status openTable(Opened &opened) {
  const std::array<std::string, 2> names = {"libcuda.so.1", "libcuda.so"};
  Result<Library> library = Library::open(names, "libcuda.so");
  if (!library.ok()) {
    opened.absent = true;
    return {Code::unavailable,
            fmt::format("no CUDA driver found ({})", library.status().message())};
  }
  Driver &table = opened.table;
  // Before anything else: an old driver lacks some of the rest.
  library->find("cuDriverGetVersion", table.driverGetVersion);
  if (!table.driverGetVersion || table.driverGetVersion(&table.version) != 0)
    return {Code::unavailable, "the CUDA driver does not tell its version: it is no libcuda, or "
                               "the stub that comes with the toolkit"};
  if (table.version < oldestDriverVersion)
    return {Code::failedPrecondition,
            fmt::format("the CUDA driver is too old: it serves CUDA {}, needed is {} or newer "
                        "(update NVIDIA's driver)",
                        versionText(table.version), versionText(oldestDriverVersion))};
  findAll(*library, table);
  if (!library->missing().empty())
    return {Code::failedPrecondition, fmt::format("the CUDA driver (CUDA {}) has no {}",
                                                  versionText(table.version), library->missing())};
  if (Status status = table.check(table.init(0), "cuInit"); !status.ok())
    return {Code::unavailable, status.message()};
  int count = 0;
  GPTC_RETURN_IF_ERROR(table.check(table.deviceGetCount(&count), "cuDeviceGetCount"));
  return count > 0 ? Status() : table.check(cudaNoDevice, "cuDeviceGetCount");
}

/// Of the open driver; 0 until then.
std::atomic<int> openVersion = 0;

const Opened &openedDriver() {
  static const Opened opened = [] {
    Opened result;
    result.status = openTable(result);
    if (result.status.ok())
      openVersion = result.table.version;
    return result;
  }();
  return opened;
}

} // namespace

Status Driver::check(CUresult result, std::string_view call) const {
  if (result == 0)
    return {};
  if (result == cudaNoDevice)
    return {Code::unavailable, "the CUDA driver finds no GPU (see nvidia-smi; is "
                               "CUDA_VISIBLE_DEVICES set?)"};
  const char *name = nullptr, *text = nullptr;
  if (getErrorName(result, &name) != 0 || !name)
    name = "an error that the driver does not know";
  if (getErrorString(result, &text) != 0 || !text)
    text = "no description";
  std::string message = fmt::format("{}: {} ({}: {})", call, name, result, text);
  if (result == cudaDeviceUnavailable)
    return {Code::unavailable, message + "; another process has this GPU for itself"};
  if (result == cudaOutOfMemory)
    return {Code::outOfMemory, std::move(message)};
  if (std::find(lostDevice.begin(), lostDevice.end(), result) != lostDevice.end())
    return {Code::deviceLost, message + "; the GPU's memory is lost and the run has ended: what "
                                        "was saved before is as it was"};
  return {Code::internal, std::move(message)};
}

Result<const Driver *> openDriver() {
  const Opened &opened = openedDriver();
  if (!opened.status.ok())
    return opened.status;
  return &opened.table;
}

int openDriverVersion() { return openVersion; }

bool isDriverAbsent() { return openedDriver().absent; }

std::string versionText(int version) {
  return fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

} // namespace gptc::runtime::cuda
