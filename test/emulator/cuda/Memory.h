// Device memory and pinned memory of the host. What is allocated holds NaN; beside it lie guard
// zones and pages that nobody may touch, and freed memory is never used again, so that a stray
// access is found.
#ifndef GPTC_TEST_EMULATOR_CUDA_MEMORY_H
#define GPTC_TEST_EMULATOR_CUDA_MEMORY_H

#include "test/emulator/cuda/Driver.h"

#include <cstddef>
#include <cstdint>

namespace gptc::emulator {

/// CUDA_ERROR_OUT_OF_MEMORY beyond the settings' limit.
CUresult allocateDevice(uint64_t bytes, CUdeviceptr &address);
/// A fault if something was written beside the allocation.
CUresult freeDevice(CUdeviceptr address);
/// Whether the range lies within one allocation.
bool isDevice(CUdeviceptr address, uint64_t bytes);
uint64_t deviceBytesFree();

CUresult allocatePinned(uint64_t bytes, void **address);
CUresult freePinned(void *address);
bool isPinned(const void *address, uint64_t bytes);

/// A fault if something was written beside an allocation.
void checkGuards();

/// For messages: ", which is in freed device memory" or the like, or nothing.
const char *describe(const void *address);

} // namespace gptc::emulator

#endif // GPTC_TEST_EMULATOR_CUDA_MEMORY_H
