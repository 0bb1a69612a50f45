// Finding the kernels in a CUDA source text, to append to it what makes them known to the emulator.
#ifndef GPTC_TEST_EMULATOR_NVRTC_KERNEL_SCAN_H
#define GPTC_TEST_EMULATOR_NVRTC_KERNEL_SCAN_H

#include <string>
#include <string_view>
#include <vector>

namespace gptc::emulator {

struct FoundKernel {
  std::string name;
  /// The text in GPTC_KERNEL's parentheses.
  std::string threads;
};

/// The kernels written as `GPTC_KERNEL(threads) name(`, outside of comments, literals and
/// directives.
std::vector<FoundKernel> findKernels(std::string_view source);

} // namespace gptc::emulator

#endif // GPTC_TEST_EMULATOR_NVRTC_KERNEL_SCAN_H
