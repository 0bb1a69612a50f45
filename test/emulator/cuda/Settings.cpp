// What the environment says about the emulated device.
#include "test/emulator/cuda/Settings.h"

#include <algorithm>
#include <cstdlib>
#include <thread>

namespace gptc::emulator {

static uint64_t number(const char *name, uint64_t otherwise) {
  const char *value = std::getenv(name);
  return value && *value ? std::strtoull(value, nullptr, 0) : otherwise;
}

static Settings read() {
  Settings result;
  result.seed = number("GPTC_EMULATOR_SEED", result.seed);
  result.memory = number("GPTC_EMULATOR_MEMORY", result.memory);
  result.driverVersion = (int)number("GPTC_EMULATOR_DRIVER_VERSION", result.driverVersion);
  result.architecture = (int)number("GPTC_EMULATOR_ARCHITECTURE", result.architecture);
  result.noDevice = number("GPTC_EMULATOR_NO_DEVICE", 0) != 0;
  result.loseDevice = number("GPTC_EMULATOR_LOSE_DEVICE", 0);
  result.races = number("GPTC_EMULATOR_RACES", 0) != 0;
  // What races remember is not for several threads of the host.
  unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  result.threads = (unsigned)std::clamp<uint64_t>(number("GPTC_EMULATOR_THREADS", cores), 1, 64);
  if (result.races)
    result.threads = 1;
  return result;
}

const Settings &Settings::get() {
  static const Settings settings = read();
  return settings;
}

} // namespace gptc::emulator
