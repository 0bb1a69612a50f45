// What the environment says about the emulated device.
#ifndef GPTC_TEST_EMULATOR_CUDA_SETTINGS_H
#define GPTC_TEST_EMULATOR_CUDA_SETTINGS_H

#include <cstdint>

namespace gptc::emulator {

/// Read once, when the library is first used. README.md lists the variables.
struct Settings {
  uint64_t seed = 1;
  /// Bytes of device memory.
  uint64_t memory = uint64_t(16) << 30;
  /// As cuDriverGetVersion has it: 1000 · major + 10 · minor.
  int driverVersion = 13000;
  /// Compute capability, 10 · major + minor.
  int architecture = 90;
  bool noDevice = false;
  /// Whether kernels tell of their accesses, and data races are faults.
  bool races = false;
  /// The kernel launch at which the device is lost, counted from 1; 0 is never.
  uint64_t loseDevice = 0;
  /// Threads of the host that run blocks.
  unsigned threads = 1;

  static const Settings &get();
};

} // namespace gptc::emulator

#endif // GPTC_TEST_EMULATOR_CUDA_SETTINGS_H
