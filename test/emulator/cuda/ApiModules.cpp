// The driver's interface: modules, kernels, launches.
#include "test/emulator/cuda/Api.h"
#include "test/emulator/cuda/Launch.h"
#include "test/emulator/cuda/Modules.h"
#include "test/emulator/cuda/Settings.h"

#include <cstring>
#include <memory>

using namespace gptc::emulator;

/// The most bytes of parameters that every driver takes.
static constexpr size_t maxParameterBytes = 4096;

GPTC_EXPORT CUresult cuModuleLoadData(CUmodule *module, const void *image) {
  return call([&] {
    CUresult error = Streams::get().forbiddenInCapture();
    if (error)
      return error;
    return image ? loadModule(image, module) : CUDA_ERROR_INVALID_VALUE;
  });
}

GPTC_EXPORT CUresult cuModuleUnload(CUmodule module) {
  return call([&] {
    CUresult error = Streams::get().synchronizeAll();
    if (module)
      unloadModule(module);
    return error;
  });
}

GPTC_EXPORT CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name) {
  return call([&] {
    if (!module || !name)
      return CUDA_ERROR_INVALID_VALUE;
    *function = findFunction(*module, name);
    return *function ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
  });
}

/// Registers and memory are made up: the host's compiler says nothing of a GPU's.
GPTC_EXPORT CUresult cuFuncGetAttribute(int *value, int attribute, CUfunction function) {
  return call([&] {
    if (!function)
      return CUDA_ERROR_INVALID_HANDLE;
    switch (attribute) {
    case 0: // MAX_THREADS_PER_BLOCK
      *value = function->kernel->threads;
      break;
    case 4: // NUM_REGS
      *value = 32;
      break;
    case 5: // PTX_VERSION
    case 6: // BINARY_VERSION
      *value = Settings::get().architecture;
      break;
    default: // Bytes of shared, constant and local memory, and preferences.
      *value = 0;
    }
    return CUDA_SUCCESS;
  });
}

static CUresult execute(const Launch &launch) {
  static uint64_t launches = 0;
  uint64_t last = Settings::get().loseDevice;
  if (last && ++launches >= last)
    return CUDA_ERROR_ILLEGAL_ADDRESS;
  run(launch);
  return CUDA_SUCCESS;
}

GPTC_EXPORT CUresult cuLaunchKernel(CUfunction function, unsigned gridX, unsigned gridY,
                                    unsigned gridZ, unsigned blockX, unsigned blockY,
                                    unsigned blockZ, unsigned sharedBytes, CUstream handle,
                                    void **parameters, void **extra) {
  return call([&] {
    Stream *stream = Streams::get().find(handle);
    if (!function || !stream)
      return CUDA_ERROR_INVALID_HANDLE;
    const gptc_emulator_kernel &kernel = *function->kernel;
    if (!gridX || !gridY || !gridZ || gridX > 0x7fffffff || gridY > 65535 || gridZ > 65535)
      return CUDA_ERROR_INVALID_VALUE;
    if (!blockX || !blockY || !blockZ ||
        uint64_t(blockX) * blockY * blockZ > (unsigned)kernel.threads)
      return CUDA_ERROR_INVALID_VALUE;
    if (blockY != 1 || blockZ != 1 || sharedBytes || extra)
      return CUDA_ERROR_NOT_SUPPORTED;
    if (kernel.parameter_count && !parameters)
      return CUDA_ERROR_INVALID_VALUE;

    auto launch = std::make_shared<Launch>();
    launch->name = function->name;
    launch->kernel = &kernel;
    launch->grid = {gridX, gridY, gridZ};
    launch->threads = blockX;
    for (int i = 0; i < kernel.parameter_count; ++i) {
      size_t offset = (launch->bytes.size() + 15) / 16 * 16;
      launch->offsets.push_back(offset);
      launch->bytes.resize(offset + kernel.parameter_bytes[i]);
      std::memcpy(launch->bytes.data() + offset, parameters[i], kernel.parameter_bytes[i]);
    }
    size_t total = 0;
    for (int i = 0; i < kernel.parameter_count; ++i)
      total += (kernel.parameter_bytes[i] + 7) / 8 * 8;
    if (total > maxParameterBytes)
      return CUDA_ERROR_INVALID_VALUE;
    return Streams::get().enqueue(*stream, [launch] { return execute(*launch); });
  });
}
