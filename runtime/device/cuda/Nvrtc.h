// NVRTC, NVIDIA's run-time compiler: the entry points that are used, found at run time, and one
// compilation as a function.
#ifndef GPTC_RUNTIME_DEVICE_CUDA_NVRTC_H
#define GPTC_RUNTIME_DEVICE_CUDA_NVRTC_H

#include "runtime/base/Status.h"

#include <cstddef>
#include <span>
#include <string>

namespace gptc::runtime::cuda {

using nvrtcResult = int;
using nvrtcProgram = struct nvrtcProgram_st *;

struct Nvrtc {
  nvrtcResult (*getVersion)(int *major, int *minor);
  nvrtcResult (*createProgram)(nvrtcProgram *program, const char *source, const char *name,
                               int headerCount, const char *const *headers,
                               const char *const *includeNames);
  nvrtcResult (*destroyProgram)(nvrtcProgram *program);
  nvrtcResult (*compileProgram)(nvrtcProgram program, int optionCount, const char *const *options);
  nvrtcResult (*getProgramLogSize)(nvrtcProgram program, size_t *size);
  nvrtcResult (*getProgramLog)(nvrtcProgram program, char *log);
  nvrtcResult (*getCubinSize)(nvrtcProgram program, size_t *size);
  nvrtcResult (*getCubin)(nvrtcProgram program, char *cubin);
  nvrtcResult (*getPtxSize)(nvrtcProgram program, size_t *size);
  nvrtcResult (*getPtx)(nvrtcProgram program, char *ptx);
  const char *(*getErrorString)(nvrtcResult result);

  int version; ///< 1000 · major + 10 · minor

  enum class Output { cubin, ptx };
  /// What came of a compilation. Without `ok`, the log says what is wrong with the source.
  struct Compiled {
    bool ok = false;
    std::string code; ///< a cubin, or PTX as text
    std::string log;
  };
  /// Compiles one source; `header` is what its #include "gptc_device.h" stands for. Errors:
  /// internal, outOfMemory (NVRTC itself fails; its log is in the message). May be called on
  /// several threads at once.
  Result<Compiled> compile(const std::string &source, const std::string &name,
                           const std::string &header, std::span<const std::string> options,
                           Output output) const;
};

/// The name that sources include.
inline constexpr const char *deviceHeaderName = "gptc_device.h";

/// The table, opened once: of the version that suits the driver, where that is open. Error
/// unavailable: says what to install.
Result<const Nvrtc *> openNvrtc();

} // namespace gptc::runtime::cuda

#endif // GPTC_RUNTIME_DEVICE_CUDA_NVRTC_H
