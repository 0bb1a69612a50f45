// The driver's interface: initialization, the one device and its context, names of errors.
#include "test/emulator/cuda/Api.h"
#include "test/emulator/cuda/Modules.h"
#include "test/emulator/cuda/Settings.h"

#include <cstring>

using namespace gptc::emulator;

namespace gptc::emulator {

std::recursive_mutex &apiMutex() {
  static auto *mutex = new std::recursive_mutex();
  return *mutex;
}

bool &initialized() {
  static bool value = false;
  return value;
}

} // namespace gptc::emulator

GPTC_EXPORT CUresult cuInit(unsigned flags) {
  std::lock_guard lock(apiMutex());
  if (flags)
    return CUDA_ERROR_INVALID_VALUE;
  if (Settings::get().noDevice)
    return CUDA_ERROR_NO_DEVICE;
  showHooks();
  initialized() = true;
  return CUDA_SUCCESS;
}

GPTC_EXPORT CUresult cuDriverGetVersion(int *version) {
  *version = Settings::get().driverVersion;
  return CUDA_SUCCESS;
}

GPTC_EXPORT CUresult cuDeviceGetCount(int *count) {
  *count = 1;
  return call([] { return CUDA_SUCCESS; });
}

GPTC_EXPORT CUresult cuDeviceGet(CUdevice *device, int ordinal) {
  return call([&] {
    *device = 0;
    return ordinal == 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
  });
}

GPTC_EXPORT CUresult cuDeviceGetName(char *name, int length, CUdevice device) {
  return call([&] {
    if (device != 0 || length <= 0)
      return device ? CUDA_ERROR_INVALID_DEVICE : CUDA_ERROR_INVALID_VALUE;
    std::strncpy(name, "gptc emulator", length);
    name[length - 1] = 0;
    return CUDA_SUCCESS;
  });
}

GPTC_EXPORT CUresult cuDeviceGetAttribute(int *value, int attribute, CUdevice device) {
  return call([&] {
    if (device != 0)
      return CUDA_ERROR_INVALID_DEVICE;
    switch (attribute) {
    case 1: // MAX_THREADS_PER_BLOCK
    case 2: // MAX_BLOCK_DIM_X
    case 3: // MAX_BLOCK_DIM_Y
      *value = 1024;
      break;
    case 4: // MAX_BLOCK_DIM_Z
      *value = 64;
      break;
    case 5: // MAX_GRID_DIM_X
      *value = 2147483647;
      break;
    case 6: // MAX_GRID_DIM_Y
    case 7: // MAX_GRID_DIM_Z
      *value = 65535;
      break;
    case 8:  // MAX_SHARED_MEMORY_PER_BLOCK
    case 97: // MAX_SHARED_MEMORY_PER_BLOCK_OPTIN
      *value = 48 * 1024;
      break;
    case 81: // MAX_SHARED_MEMORY_PER_MULTIPROCESSOR
      *value = 100 * 1024;
      break;
    case 9: // TOTAL_CONSTANT_MEMORY
      *value = 64 * 1024;
      break;
    case 10: // WARP_SIZE
      *value = 32;
      break;
    case 12: // MAX_REGISTERS_PER_BLOCK
    case 82: // MAX_REGISTERS_PER_MULTIPROCESSOR
      *value = 65536;
      break;
    case 13: // CLOCK_RATE, kHz
    case 36: // MEMORY_CLOCK_RATE, kHz
      *value = 1000000;
      break;
    case 16: // MULTIPROCESSOR_COUNT
      *value = 4;
      break;
    case 37: // GLOBAL_MEMORY_BUS_WIDTH, bits
      *value = 256;
      break;
    case 38: // L2_CACHE_SIZE
      *value = 1 << 20;
      break;
    case 39: // MAX_THREADS_PER_MULTIPROCESSOR
      *value = 2048;
      break;
    case 31: // CONCURRENT_KERNELS
    case 40: // ASYNC_ENGINE_COUNT
    case 41: // UNIFIED_ADDRESSING
      *value = 1;
      break;
    case 75: // COMPUTE_CAPABILITY_MAJOR
      *value = Settings::get().architecture / 10;
      break;
    case 76: // COMPUTE_CAPABILITY_MINOR
      *value = Settings::get().architecture % 10;
      break;
    default:
      *value = 0;
    }
    return CUDA_SUCCESS;
  });
}

GPTC_EXPORT CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device) {
  return call([&] {
    *bytes = Settings::get().memory;
    return device == 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
  });
}

/// The context is only a name: there is one device.
GPTC_EXPORT CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
  return call([&] {
    *context = reinterpret_cast<CUcontext>(0x10);
    return device == 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
  });
}

GPTC_EXPORT CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) {
  return call([&] { return device == 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE; });
}

GPTC_EXPORT CUresult cuCtxSetCurrent(CUcontext context) {
  return call([&] {
    bool known = !context || context == reinterpret_cast<CUcontext>(0x10);
    return known ? CUDA_SUCCESS : CUDA_ERROR_INVALID_CONTEXT;
  });
}

GPTC_EXPORT CUresult cuCtxSynchronize() {
  return call([&] {
    CUresult forbidden = Streams::get().forbiddenInCapture();
    return forbidden ? forbidden : Streams::get().synchronizeAll();
  });
}

static const struct {
  CUresult code;
  const char *name, *text;
} errors[] = {
    {CUDA_SUCCESS, "CUDA_SUCCESS", "no error"},
    {CUDA_ERROR_INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {CUDA_ERROR_OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {CUDA_ERROR_NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {CUDA_ERROR_NO_DEVICE, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {CUDA_ERROR_INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {CUDA_ERROR_INVALID_IMAGE, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
    {CUDA_ERROR_INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {CUDA_ERROR_NO_BINARY_FOR_GPU, "CUDA_ERROR_NO_BINARY_FOR_GPU",
     "no kernel image is available for execution on the device"},
    {CUDA_ERROR_INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {CUDA_ERROR_ILLEGAL_STATE, "CUDA_ERROR_ILLEGAL_STATE",
     "the operation cannot be performed in the present state"},
    {CUDA_ERROR_NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {CUDA_ERROR_NOT_READY, "CUDA_ERROR_NOT_READY", "device not ready"},
    {CUDA_ERROR_ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS",
     "an illegal memory access was encountered"},
    {CUDA_ERROR_NOT_SUPPORTED, "CUDA_ERROR_NOT_SUPPORTED", "operation not supported"},
    {CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED",
     "operation not permitted when stream is capturing"},
    {CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED",
     "operation failed due to a previous error during capture"},
    {CUDA_ERROR_STREAM_CAPTURE_MERGE, "CUDA_ERROR_STREAM_CAPTURE_MERGE",
     "operation would result in a merge of separate capture sequences"},
    {CUDA_ERROR_STREAM_CAPTURE_UNMATCHED, "CUDA_ERROR_STREAM_CAPTURE_UNMATCHED",
     "capture was not ended in the same stream as it began"},
    {CUDA_ERROR_STREAM_CAPTURE_UNJOINED, "CUDA_ERROR_STREAM_CAPTURE_UNJOINED",
     "capturing stream has unjoined work"},
    {CUDA_ERROR_STREAM_CAPTURE_ISOLATION, "CUDA_ERROR_STREAM_CAPTURE_ISOLATION",
     "dependency created on uncaptured work in another stream"},
    {CUDA_ERROR_CAPTURED_EVENT, "CUDA_ERROR_CAPTURED_EVENT",
     "operation not permitted on an event last recorded in a capturing stream"},
    {CUDA_ERROR_UNKNOWN, "CUDA_ERROR_UNKNOWN", "unknown error"},
};

GPTC_EXPORT CUresult cuGetErrorName(CUresult code, const char **name) {
  for (const auto &error : errors)
    if (error.code == code)
      return *name = error.name, CUDA_SUCCESS;
  return *name = nullptr, CUDA_ERROR_INVALID_VALUE;
}

GPTC_EXPORT CUresult cuGetErrorString(CUresult code, const char **text) {
  for (const auto &error : errors)
    if (error.code == code)
      return *text = error.text, CUDA_SUCCESS;
  return *text = nullptr, CUDA_ERROR_INVALID_VALUE;
}
