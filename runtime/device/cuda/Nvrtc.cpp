// Opening NVRTC, and compiling with it.
#include "runtime/device/cuda/Nvrtc.h"

#include "runtime/device/cuda/Driver.h"
#include "runtime/device/cuda/Library.h"

#include <fmt/format.h>
#include <vector>

namespace gptc::runtime::cuda {

namespace {

constexpr nvrtcResult outOfMemory = 1;
constexpr nvrtcResult invalidOption = 5;
constexpr nvrtcResult compilationError = 6;

Status openTable(Nvrtc &table) {
  std::vector<std::string> names = toolkitNames("libnvrtc.so", openDriverVersion());
  names.push_back("/usr/lib/x86_64-linux-gnu/libnvrtc.so");
  Result<Library> library = Library::open(names, "libnvrtc.so");
  if (!library.ok())
    return {Code::unavailable,
            fmt::format("NVRTC, which compiles kernels, cannot be opened: {} (install NVIDIA's "
                        "package cuda-nvrtc, or put the folder of libnvrtc.so into "
                        "LD_LIBRARY_PATH)",
                        library.status().message())};
  library->find("nvrtcVersion", table.getVersion);
  library->find("nvrtcCreateProgram", table.createProgram);
  library->find("nvrtcDestroyProgram", table.destroyProgram);
  library->find("nvrtcCompileProgram", table.compileProgram);
  library->find("nvrtcGetProgramLogSize", table.getProgramLogSize);
  library->find("nvrtcGetProgramLog", table.getProgramLog);
  library->find("nvrtcGetCUBINSize", table.getCubinSize);
  library->find("nvrtcGetCUBIN", table.getCubin);
  library->find("nvrtcGetPTXSize", table.getPtxSize);
  library->find("nvrtcGetPTX", table.getPtx);
  library->find("nvrtcGetErrorString", table.getErrorString);
  if (!library->missing().empty())
    return {Code::unavailable, fmt::format("NVRTC is too old: it has no {}", library->missing())};
  int major = 0, minor = 0;
  if (table.getVersion(&major, &minor) != 0)
    return {Code::unavailable, "NVRTC does not tell its version"};
  table.version = 1000 * major + 10 * minor;
  return {};
}

/// Destroys the program at the end of the scope.
struct Program {
  const Nvrtc &nvrtc;
  nvrtcProgram handle = nullptr;

  ~Program() {
    if (handle)
      nvrtc.destroyProgram(&handle);
  }
};

Status check(const Nvrtc &nvrtc, nvrtcResult result, std::string_view call) {
  if (result == 0)
    return {};
  return {result == outOfMemory ? Code::outOfMemory : Code::internal,
          fmt::format("{}: {}", call, nvrtc.getErrorString(result))};
}

/// A text or binary whose size and content come from two calls.
Status fetch(const Nvrtc &nvrtc, nvrtcProgram program, nvrtcResult (*size)(nvrtcProgram, size_t *),
             nvrtcResult (*content)(nvrtcProgram, char *), std::string_view call,
             std::string &result) {
  size_t bytes = 0;
  GPTC_RETURN_IF_ERROR(check(nvrtc, size(program, &bytes), call));
  result.resize(bytes);
  return bytes == 0 ? Status() : check(nvrtc, content(program, result.data()), call);
}

/// NVRTC counts the zero behind a text.
void dropTrailingZero(std::string &text) {
  while (!text.empty() && text.back() == '\0')
    text.pop_back();
}

} // namespace

Result<Nvrtc::Compiled> Nvrtc::compile(const std::string &source, const std::string &name,
                                       const std::string &header,
                                       std::span<const std::string> options, Output output) const {
  Program program{*this};
  const char *headerText = header.c_str();
  GPTC_RETURN_IF_ERROR(check(*this,
                             createProgram(&program.handle, source.c_str(), name.c_str(), 1,
                                           &headerText, &deviceHeaderName),
                             "nvrtcCreateProgram"));
  std::vector<const char *> arguments;
  for (const std::string &option : options)
    arguments.push_back(option.c_str());
  nvrtcResult result =
      compileProgram(program.handle, static_cast<int>(arguments.size()), arguments.data());
  Compiled compiled;
  Status logStatus = fetch(*this, program.handle, getProgramLogSize, getProgramLog,
                           "nvrtcGetProgramLog", compiled.log);
  dropTrailingZero(compiled.log);
  if (result == compilationError && logStatus.ok())
    return compiled;
  if (result == invalidOption)
    return Status(Code::failedPrecondition,
                  fmt::format("NVRTC {} refuses an option of {}: {}", version / 1000,
                              fmt::join(options, " "), compiled.log));
  if (Status status = check(*this, result, "nvrtcCompileProgram"); !status.ok())
    return compiled.log.empty() ? status
                                : Status(status.code(), status.message() + "\n" + compiled.log);
  GPTC_RETURN_IF_ERROR(logStatus);
  bool cubin = output == Output::cubin;
  GPTC_RETURN_IF_ERROR(fetch(*this, program.handle, cubin ? getCubinSize : getPtxSize,
                             cubin ? getCubin : getPtx, cubin ? "nvrtcGetCUBIN" : "nvrtcGetPTX",
                             compiled.code));
  if (!cubin)
    dropTrailingZero(compiled.code);
  compiled.ok = true;
  return compiled;
}

Result<const Nvrtc *> openNvrtc() { return openOnce(openTable); }

} // namespace gptc::runtime::cuda
