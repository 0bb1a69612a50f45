// The functions through which kernels call the emulator, as the device header declares them.
#ifndef GPTC_TEST_EMULATOR_CUDA_HOOKS_H
#define GPTC_TEST_EMULATOR_CUDA_HOOKS_H

#pragma GCC visibility push(default)
#include "lib/CodeGen/Cuda/HostTwin.cuh"
#pragma GCC visibility pop

#endif // GPTC_TEST_EMULATOR_CUDA_HOOKS_H
