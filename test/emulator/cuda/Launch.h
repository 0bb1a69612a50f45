// One launch of a kernel: what to run, and running its blocks on the threads of the host.
#ifndef GPTC_TEST_EMULATOR_CUDA_LAUNCH_H
#define GPTC_TEST_EMULATOR_CUDA_LAUNCH_H

#include "test/emulator/cuda/Hooks.h"

#include <cstdint>
#include <string>
#include <vector>

namespace gptc::emulator {

struct Dimensions {
  uint32_t x = 1, y = 1, z = 1;
  uint64_t count() const { return uint64_t(x) * y * z; }
};

struct Launch {
  std::string name;
  const gptc_emulator_kernel *kernel = nullptr;
  Dimensions grid;
  uint32_t threads = 1;
  /// The parameters' bytes, and where each begins.
  std::vector<unsigned char> bytes;
  std::vector<size_t> offsets;
};

/// Runs all blocks in a shuffled order, the threads of each in a shuffled order, and returns when
/// they are done.
void run(const Launch &launch);

} // namespace gptc::emulator

#endif // GPTC_TEST_EMULATOR_CUDA_LAUNCH_H
