// The end of a process whose kernel did what it must not do.
#ifndef GPTC_TEST_EMULATOR_CUDA_FAULT_H
#define GPTC_TEST_EMULATOR_CUDA_FAULT_H

namespace gptc::emulator {

/// Prints "emulator: ", the running kernel, its block and thread if there are any, and the message;
/// aborts.
[[noreturn]] void fault(const char *format, ...) __attribute__((format(printf, 1, 2), cold));

/// Makes a wild access by a kernel a fault with its address. Called by each thread that runs
/// kernels.
void catchWildAccesses();

} // namespace gptc::emulator

#endif // GPTC_TEST_EMULATOR_CUDA_FAULT_H
