// The host's compiler behind the NVRTC stand-in, and the cache of what it has compiled.
#ifndef GPTC_TEST_EMULATOR_NVRTC_HOST_COMPILER_H
#define GPTC_TEST_EMULATOR_NVRTC_HOST_COMPILER_H

#include <string>
#include <utility>
#include <vector>

namespace gptc::emulator {

struct HostSource {
  /// The name that diagnostics give.
  std::string name;
  std::string text;
  /// Headers by the names under which they are included.
  std::vector<std::pair<std::string, std::string>> headers;
};

struct HostObject {
  bool ok = false;
  /// A shared object.
  std::string image;
  /// Diagnostics in NVRTC's form: `name(line): error: …`.
  std::string log;
};

/// Whether kernels are to tell of their accesses: GPTC_EMULATOR_RACES.
bool watchesRaces();

/// Compiles, or takes the result of an earlier process from the cache. Safe for concurrent threads
/// and processes.
HostObject compileForHost(const HostSource &source);

} // namespace gptc::emulator

#endif // GPTC_TEST_EMULATOR_NVRTC_HOST_COMPILER_H
