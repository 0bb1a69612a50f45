// The driver's interface: memory and copies.
#include "test/emulator/cuda/Api.h"
#include "test/emulator/cuda/Memory.h"
#include "test/emulator/cuda/Settings.h"

#include <cstring>

using namespace gptc::emulator;

static CUresult forbidden() { return Streams::get().forbiddenInCapture(); }

GPTC_EXPORT CUresult cuMemGetInfo_v2(size_t *free, size_t *total) {
  return call([&] {
    *free = deviceBytesFree();
    *total = Settings::get().memory;
    return CUDA_SUCCESS;
  });
}

GPTC_EXPORT CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t bytes) {
  return call([&] {
    CUresult error = forbidden();
    return error ? error : allocateDevice(bytes, *address);
  });
}

/// Freeing waits for the device, as the real one does.
GPTC_EXPORT CUresult cuMemFree_v2(CUdeviceptr address) {
  return call([&] {
    CUresult error = forbidden();
    if (!error)
      error = Streams::get().synchronizeAll();
    return error ? error : freeDevice(address);
  });
}

GPTC_EXPORT CUresult cuMemHostAlloc(void **address, size_t bytes, unsigned) {
  return call([&] {
    CUresult error = forbidden();
    return error ? error : allocatePinned(bytes, address);
  });
}

GPTC_EXPORT CUresult cuMemFreeHost(void *address) {
  return call([&] {
    CUresult error = forbidden();
    if (!error)
      error = Streams::get().synchronizeAll();
    return error ? error : freePinned(address);
  });
}

static CUresult copy(void *to, const void *from, size_t bytes) {
  std::memcpy(to, from, bytes);
  return CUDA_SUCCESS;
}

/// Pinned memory is read as late as can be. Pageable memory is staged before the call returns, but
/// for a graph's.
GPTC_EXPORT CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t bytes,
                                          CUstream handle) {
  return call([&] {
    Stream *stream = Streams::get().find(handle);
    if (!stream)
      return CUDA_ERROR_INVALID_HANDLE;
    if (!isDevice(to, bytes) || !from)
      return CUDA_ERROR_INVALID_VALUE;
    if (stream->capture || isPinned(from, bytes))
      return Streams::get().enqueue(*stream, [=] { return copy((void *)to, from, bytes); });
    auto *data = static_cast<const char *>(from);
    return Streams::get().enqueue(*stream, [to, staged = std::vector<char>(data, data + bytes)] {
      return copy((void *)to, staged.data(), staged.size());
    });
  });
}

/// Returns before the copy is done if it goes to pinned memory.
GPTC_EXPORT CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t bytes,
                                          CUstream handle) {
  return call([&] {
    Stream *stream = Streams::get().find(handle);
    if (!stream)
      return CUDA_ERROR_INVALID_HANDLE;
    if (!isDevice(from, bytes) || !to)
      return CUDA_ERROR_INVALID_VALUE;
    CUresult error =
        Streams::get().enqueue(*stream, [=] { return copy(to, (const void *)from, bytes); });
    if (error || stream->capture || isPinned(to, bytes))
      return error;
    return Streams::get().synchronize(*stream);
  });
}

GPTC_EXPORT CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t bytes,
                                     CUstream handle) {
  return call([&] {
    Stream *stream = Streams::get().find(handle);
    if (!stream)
      return CUDA_ERROR_INVALID_HANDLE;
    if (!isDevice(to, bytes))
      return CUDA_ERROR_INVALID_VALUE;
    return Streams::get().enqueue(*stream, [=] {
      std::memset((void *)to, value, bytes);
      return CUDA_SUCCESS;
    });
  });
}
