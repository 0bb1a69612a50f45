// What every function of the driver's interface begins with.
#ifndef GPTC_TEST_EMULATOR_CUDA_API_H
#define GPTC_TEST_EMULATOR_CUDA_API_H

#include "test/emulator/cuda/Streams.h"

#include <mutex>

namespace gptc::emulator {

/// One call at a time.
std::recursive_mutex &apiMutex();
bool &initialized();

/// Does `body` if the driver is initialized and the device not lost.
template <typename Body> CUresult call(Body body) {
  std::lock_guard lock(apiMutex());
  if (!initialized())
    return CUDA_ERROR_NOT_INITIALIZED;
  if (CUresult error = Streams::get().error)
    return error;
  return body();
}

} // namespace gptc::emulator

#endif // GPTC_TEST_EMULATOR_CUDA_API_H
