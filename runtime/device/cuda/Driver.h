// The CUDA driver: the entry points of libcuda that are used, found at run time.
//
// The few types and values are restated here as NVIDIA's cuda.h has them: no toolkit is needed to
// build this.
#ifndef GPTC_RUNTIME_DEVICE_CUDA_DRIVER_H
#define GPTC_RUNTIME_DEVICE_CUDA_DRIVER_H

#include "runtime/base/Status.h"

#include <cstddef>
#include <string_view>

namespace gptc::runtime::cuda {

using CUresult = int;
using CUdevice = int;
using CUdeviceptr = unsigned long long;
using CUcontext = struct CUctx_st *;
using CUstream = struct CUstream_st *;
using CUevent = struct CUevent_st *;
using CUmodule = struct CUmod_st *;
using CUfunction = struct CUfunc_st *;
using CUgraph = struct CUgraph_st *;
using CUgraphExec = struct CUgraphExec_st *;

inline constexpr CUresult cudaOutOfMemory = 2;
inline constexpr CUresult cudaDeviceUnavailable = 46;
inline constexpr CUresult cudaNoDevice = 100;
inline constexpr CUresult cudaNotReady = 600;
inline constexpr int cudaComputeCapabilityMajor = 75; ///< CU_DEVICE_ATTRIBUTE_…
inline constexpr int cudaComputeCapabilityMinor = 76;
inline constexpr unsigned cudaStreamNonBlocking = 1;
inline constexpr unsigned cudaEventDefault = 0;
inline constexpr unsigned cudaEventDisableTiming = 2;
inline constexpr int cudaCaptureRelaxed = 2;

/// The oldest driver that has all entry points below, as cuDriverGetVersion counts: CUDA 12.0.
inline constexpr int oldestDriverVersion = 12000;

struct Driver {
  CUresult (*init)(unsigned flags);
  CUresult (*driverGetVersion)(int *version);
  CUresult (*deviceGetCount)(int *count);
  CUresult (*deviceGet)(CUdevice *device, int ordinal);
  CUresult (*deviceGetName)(char *name, int length, CUdevice device);
  CUresult (*deviceGetAttribute)(int *value, int attribute, CUdevice device);
  CUresult (*deviceTotalMem)(size_t *bytes, CUdevice device);
  CUresult (*primaryCtxRetain)(CUcontext *context, CUdevice device);
  CUresult (*primaryCtxRelease)(CUdevice device);
  CUresult (*ctxSetCurrent)(CUcontext context);
  CUresult (*ctxSynchronize)();
  CUresult (*memGetInfo)(size_t *free, size_t *total);
  CUresult (*memAlloc)(CUdeviceptr *pointer, size_t bytes);
  CUresult (*memFree)(CUdeviceptr pointer);
  CUresult (*memHostAlloc)(void **pointer, size_t bytes, unsigned flags);
  CUresult (*memFreeHost)(void *pointer);
  CUresult (*memcpyHtoDAsync)(CUdeviceptr to, const void *from, size_t bytes, CUstream stream);
  CUresult (*memcpyDtoHAsync)(void *to, CUdeviceptr from, size_t bytes, CUstream stream);
  CUresult (*memsetD8Async)(CUdeviceptr to, unsigned char value, size_t bytes, CUstream stream);
  CUresult (*streamCreate)(CUstream *stream, unsigned flags);
  CUresult (*streamDestroy)(CUstream stream);
  CUresult (*streamSynchronize)(CUstream stream);
  CUresult (*streamBeginCapture)(CUstream stream, int mode);
  CUresult (*streamEndCapture)(CUstream stream, CUgraph *graph);
  CUresult (*graphInstantiate)(CUgraphExec *exec, CUgraph graph, unsigned long long flags);
  CUresult (*graphExecDestroy)(CUgraphExec exec);
  CUresult (*graphDestroy)(CUgraph graph);
  CUresult (*graphLaunch)(CUgraphExec exec, CUstream stream);
  CUresult (*eventCreate)(CUevent *event, unsigned flags);
  CUresult (*eventDestroy)(CUevent event);
  CUresult (*eventRecord)(CUevent event, CUstream stream);
  CUresult (*eventQuery)(CUevent event);
  CUresult (*eventSynchronize)(CUevent event);
  CUresult (*eventElapsedTime)(float *milliseconds, CUevent start, CUevent end);
  CUresult (*moduleLoadData)(CUmodule *module, const void *image);
  CUresult (*moduleUnload)(CUmodule module);
  CUresult (*moduleGetFunction)(CUfunction *function, CUmodule module, const char *name);
  CUresult (*launchKernel)(CUfunction function, unsigned gridX, unsigned gridY, unsigned gridZ,
                           unsigned blockX, unsigned blockY, unsigned blockZ, unsigned sharedBytes,
                           CUstream stream, void **parameters, void **extra);
  CUresult (*getErrorName)(CUresult result, const char **name);
  CUresult (*getErrorString)(CUresult result, const char **text);

  int version; ///< 1000 · major + 10 · minor of the newest CUDA that it serves

  /// Success, or a failure that names the call and CUDA's error. Codes: outOfMemory; deviceLost
  /// (after such an error every call fails, and the device's memory is lost); unavailable (no
  /// device, or another process has it); internal.
  Status check(CUresult result, std::string_view call) const;
};

/// The driver, opened and initialised once. Errors: unavailable (none is installed, or no GPU is
/// there), failedPrecondition (it is too old: says what was found and what is needed).
Result<const Driver *> openDriver();

/// The version of the driver if openDriver() has opened it, else 0. Opens nothing.
int openDriverVersion();

/// Whether libcuda itself could not be opened, as on machines without a GPU.
bool isDriverAbsent();

/// A kernel's argument as cuLaunchKernel takes it: the driver copies what is there, and that the
/// pointer is not to const is C.
template <typename T> void *argumentOf(const T &argument) {
  return const_cast<void *>(static_cast<const void *>(&argument));
}

/// "12.4" for 12040.
std::string versionText(int version);

} // namespace gptc::runtime::cuda

#endif // GPTC_RUNTIME_DEVICE_CUDA_DRIVER_H
