// The NVRTC stand-in: "cubins" are shared objects for the host, made by its compiler.
#include "test/emulator/nvrtc/HostCompiler.h"
#include "test/emulator/nvrtc/KernelScan.h"
#include "test/emulator/nvrtc/RaceHooks.h"

#include <cstring>
#include <regex>
#include <string>
#include <vector>

using namespace gptc::emulator;

enum nvrtcResult : int {
  NVRTC_SUCCESS = 0,
  NVRTC_ERROR_INVALID_INPUT = 3,
  NVRTC_ERROR_INVALID_PROGRAM = 4,
  NVRTC_ERROR_INVALID_OPTION = 5,
  NVRTC_ERROR_COMPILATION = 6,
};

struct Program {
  HostSource source;
  std::string cubin, ptx, log;
};
using nvrtcProgram = Program *;

#define GPTC_EXPORT extern "C" __attribute__((visibility("default")))

/// Versions that NVIDIA has not made: what programs cache by them must be mixed up neither with a
/// real compiler's nor with what was compiled to watch races.
GPTC_EXPORT nvrtcResult nvrtcVersion(int *major, int *minor) {
  *major = 13;
  *minor = watchesRaces() ? 91 : 90;
  return NVRTC_SUCCESS;
}

GPTC_EXPORT const char *nvrtcGetErrorString(nvrtcResult result) {
  switch (result) {
  case NVRTC_SUCCESS:
    return "NVRTC_SUCCESS";
  case NVRTC_ERROR_INVALID_INPUT:
    return "NVRTC_ERROR_INVALID_INPUT";
  case NVRTC_ERROR_INVALID_PROGRAM:
    return "NVRTC_ERROR_INVALID_PROGRAM";
  case NVRTC_ERROR_INVALID_OPTION:
    return "NVRTC_ERROR_INVALID_OPTION";
  case NVRTC_ERROR_COMPILATION:
    return "NVRTC_ERROR_COMPILATION";
  }
  return "NVRTC_ERROR unknown";
}

GPTC_EXPORT nvrtcResult nvrtcCreateProgram(nvrtcProgram *program, const char *source,
                                           const char *name, int headerCount,
                                           const char *const *headers,
                                           const char *const *includeNames) {
  if (!program || !source || headerCount < 0 || (headerCount && (!headers || !includeNames)))
    return NVRTC_ERROR_INVALID_INPUT;
  *program = new Program();
  (*program)->source.name = name && *name ? name : "default_program";
  (*program)->source.text = source;
  for (int i = 0; i < headerCount; ++i)
    (*program)->source.headers.emplace_back(includeNames[i], headers[i]);
  return NVRTC_SUCCESS;
}

GPTC_EXPORT nvrtcResult nvrtcDestroyProgram(nvrtcProgram *program) {
  if (!program || !*program)
    return NVRTC_ERROR_INVALID_PROGRAM;
  delete *program;
  *program = nullptr;
  return NVRTC_SUCCESS;
}

namespace {

struct Options {
  std::string architecture = "sm_75";
  bool verbose = false;
};

} // namespace

/// Takes what NVRTC takes of the options that gptc uses; the host's compiler gets none of them.
static bool parse(int count, const char *const *options, Options &result, std::string &log) {
  static const std::regex architecture(
      "(?:--gpu-architecture|-arch)=((?:sm|compute)_[0-9]{2,3}[af]?)");
  static const std::regex verbose("(?:--ptxas-options|-Xptxas)=(?:-v|--verbose)");
  static const std::regex ignored(
      "(?:-std|--std)=c\\+\\+(?:14|17|20)|-lineinfo|--generate-line-info|-G|--device-debug|"
      "(?:--fmad|-fmad|--ftz|-ftz|--maxrregcount|-maxrregcount|--split-compile|-split-compile|"
      "--ptxas-options|-Xptxas|--prec-div|--prec-sqrt|--extra-device-vectorization)=.*|-w|--"
      "disable-warnings|"
      "--restrict|-restrict|--device-int128|--no-source-include|-no-source-include");
  for (int i = 0; i < count; ++i) {
    std::cmatch match;
    if (std::regex_match(options[i], match, architecture)) {
      result.architecture = match[1];
    } else if (std::regex_match(options[i], verbose)) {
      result.verbose = true;
    } else if (!std::regex_match(options[i], ignored)) {
      log = std::string("nvrtc: error: unrecognized option ") + options[i] + " found\n";
      return false;
    }
  }
  return true;
}

/// What `--ptxas-options=-v` prints of each kernel, with made up numbers.
static std::string verboseLog(const std::vector<FoundKernel> &kernels,
                              const std::string &architecture) {
  std::string log = "ptxas info    : 0 bytes gmem\n";
  for (const FoundKernel &kernel : kernels)
    log += "ptxas info    : Compiling entry function '" + kernel.name + "' for '" + architecture +
           "'\nptxas info    : Function properties for " + kernel.name +
           "\nptxas         .     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"
           "ptxas info    : Used 32 registers, used 1 barriers, 0 bytes smem\n";
  return log;
}

GPTC_EXPORT nvrtcResult nvrtcCompileProgram(nvrtcProgram program, int optionCount,
                                            const char *const *options) {
  if (!program)
    return NVRTC_ERROR_INVALID_PROGRAM;
  Options parsed;
  program->log.clear();
  if (!parse(optionCount, options, parsed, program->log))
    return NVRTC_ERROR_INVALID_OPTION;

  std::vector<FoundKernel> kernels = findKernels(program->source.text);
  HostSource source = program->source;
  source.text += "\n#line 1 \"emulator\"\n";
  for (const FoundKernel &kernel : kernels)
    source.text += "GPTC_TRAMPOLINE(" + kernel.name + ", (" + kernel.threads + "))\n";
  source.text += "extern \"C\" __attribute__((visibility(\"default\"))) const char "
                 "gptc_emulator_architecture[] = \"" +
                 parsed.architecture + "\";\n";

  if (watchesRaces())
    source.text += raceHooks;
  HostObject object = compileForHost(source);
  program->log = object.log;
  if (!object.ok)
    return NVRTC_ERROR_COMPILATION;
  if (parsed.verbose)
    program->log += verboseLog(kernels, parsed.architecture);
  // As NVRTC does: a virtual architecture has PTX alone.
  program->cubin = parsed.architecture.starts_with("sm_") ? object.image : "";
  program->ptx = "// PTX is NVIDIA's compiler's to write; the emulator compiles for the host.\n"
                 ".version 9.0\n.target " +
                 parsed.architecture + "\n.address_size 64\n";
  for (const FoundKernel &kernel : kernels)
    program->ptx += ".entry " + kernel.name + "\n";
  return NVRTC_SUCCESS;
}

/// Sizes of texts count the NUL that ends them.
static nvrtcResult sizeOf(nvrtcProgram program, std::string Program::*data, size_t *size,
                          size_t extra) {
  if (!program || !size)
    return program ? NVRTC_ERROR_INVALID_INPUT : NVRTC_ERROR_INVALID_PROGRAM;
  *size = (program->*data).size() + extra;
  return NVRTC_SUCCESS;
}

static nvrtcResult copyOf(nvrtcProgram program, std::string Program::*data, char *to,
                          size_t extra) {
  if (!program || !to)
    return program ? NVRTC_ERROR_INVALID_INPUT : NVRTC_ERROR_INVALID_PROGRAM;
  std::memcpy(to, (program->*data).c_str(), (program->*data).size() + extra);
  return NVRTC_SUCCESS;
}

GPTC_EXPORT nvrtcResult nvrtcGetProgramLogSize(nvrtcProgram program, size_t *size) {
  return sizeOf(program, &Program::log, size, 1);
}
GPTC_EXPORT nvrtcResult nvrtcGetProgramLog(nvrtcProgram program, char *log) {
  return copyOf(program, &Program::log, log, 1);
}
GPTC_EXPORT nvrtcResult nvrtcGetCUBINSize(nvrtcProgram program, size_t *size) {
  return sizeOf(program, &Program::cubin, size, 0);
}
GPTC_EXPORT nvrtcResult nvrtcGetCUBIN(nvrtcProgram program, char *cubin) {
  return copyOf(program, &Program::cubin, cubin, 0);
}
GPTC_EXPORT nvrtcResult nvrtcGetPTXSize(nvrtcProgram program, size_t *size) {
  return sizeOf(program, &Program::ptx, size, 1);
}
GPTC_EXPORT nvrtcResult nvrtcGetPTX(nvrtcProgram program, char *ptx) {
  return copyOf(program, &Program::ptx, ptx, 1);
}
