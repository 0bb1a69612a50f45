// A GPU as a device.
#ifndef GPTC_RUNTIME_DEVICE_CUDA_CUDADEVICE_H
#define GPTC_RUNTIME_DEVICE_CUDA_CUDADEVICE_H

#include "runtime/device/Device.h"
#include "runtime/device/cuda/Gpus.h"

namespace gptc::runtime::cuda {

Result<std::unique_ptr<Device>> makeCudaDevice(const Driver &driver, const Gpu &gpu,
                                               const DeviceOptions &options);

} // namespace gptc::runtime::cuda

#endif // GPTC_RUNTIME_DEVICE_CUDA_CUDADEVICE_H
