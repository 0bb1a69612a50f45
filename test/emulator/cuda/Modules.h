// Modules: shared objects that the NVRTC stand-in made, loaded from memory.
#ifndef GPTC_TEST_EMULATOR_CUDA_MODULES_H
#define GPTC_TEST_EMULATOR_CUDA_MODULES_H

#include "test/emulator/cuda/Driver.h"
#include "test/emulator/cuda/Hooks.h"

#include <map>
#include <string>

namespace gptc::emulator {

struct Function {
  std::string name;
  const gptc_emulator_kernel *kernel;
};

struct Module {
  void *library = nullptr;
  std::map<std::string, Function> functions;
};

/// Makes this library visible to those loaded later, even if it was opened for its opener only:
/// kernels find the hooks in it, and the cuBLASLt stand-in its streams.
void showHooks();

/// CUDA_ERROR_INVALID_IMAGE if `image` is none of ours, CUDA_ERROR_NO_BINARY_FOR_GPU if it was
/// compiled for another architecture.
CUresult loadModule(const void *image, Module **module);
void unloadModule(Module *module);
/// Null if the module has no such kernel.
Function *findFunction(Module &module, const char *name);

} // namespace gptc::emulator

#endif // GPTC_TEST_EMULATOR_CUDA_MODULES_H
