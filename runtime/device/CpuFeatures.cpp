// Instruction sets, from /proc/cpuinfo.
#include "runtime/device/CpuFeatures.h"

#include "runtime/base/File.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <set>
#include <utility>

namespace gptc::runtime {

namespace {

/// Where LLVM and Linux differ by more than punctuation: LLVM's name and Linux's, both plain.
constexpr std::array<std::pair<std::string_view, std::string_view>, 11> aliases = {{
    {"sse3", "pni"},
    {"lzcnt", "abm"},
    {"bmi", "bmi1"},
    {"pclmul", "pclmulqdq"},
    {"rdrnd", "rdrand"},
    {"sha", "shani"},
    {"prfchw", "3dnowprefetch"},
    {"sahf", "lahflm"},
    {"64bit", "lm"},
    {"x87", "fpu"},
    {"crc32", "sse42"},
}};

/// LLVM lists these among a machine's features, but selects their instructions only for their own
/// intrinsics, which kernels do not use; and Linux does not list all of them.
constexpr std::array<std::string_view, 34> neverSelected = {
    "cldemote",  "clflushopt", "clwb",     "clzero",   "enqcmd",  "fsgsbase",  "fxsr",
    "hreset",    "invpcid",    "kl",       "lwp",      "mwaitx",  "pconfig",   "pku",
    "prefetchi", "ptwrite",    "rdpid",    "rdpru",    "rdseed",  "rtm",       "serialize",
    "sgx",       "shstk",      "tsxldtrk", "uintr",    "usermsr", "waitpkg",   "wbnoinvd",
    "widekl",    "xsave",      "xsavec",   "xsaveopt", "xsaves",  "movdir64b",
};

/// "sse4.2" and "sse4_2" as "sse42".
std::string plain(std::string_view name) {
  std::string result;
  for (char c : name)
    if (c != '_' && c != '.' && c != '-')
      result += c;
  return result;
}

/// The words of the first line "flags : …" (x86) or "Features : …" (ARM).
std::set<std::string> offeredFeatures(std::string_view cpuInfo) {
  std::set<std::string> offered;
  while (!cpuInfo.empty()) {
    std::string_view line = cpuInfo.substr(0, cpuInfo.find('\n'));
    cpuInfo.remove_prefix(std::min(cpuInfo.size(), line.size() + 1));
    if (!line.starts_with("flags") && !line.starts_with("Features"))
      continue;
    line.remove_prefix(std::min(line.size(), line.find(':') + 1));
    while (!line.empty()) {
      std::string_view word = line.substr(0, line.find_first_of(" \t"));
      line.remove_prefix(std::min(line.size(), word.size() + 1));
      if (!word.empty())
        offered.insert(plain(word));
    }
    break;
  }
  return offered;
}

} // namespace

std::vector<std::string> missingCpuFeatures(std::span<const std::string> required,
                                            std::string_view cpuInfo) {
  std::set<std::string> offered = offeredFeatures(cpuInfo);
  std::vector<std::string> missing;
  for (const std::string &feature : required) {
    std::string name = plain(feature);
    if (std::find(neverSelected.begin(), neverSelected.end(), name) != neverSelected.end())
      continue;
    for (const auto &[llvm, linux_] : aliases)
      if (name == llvm) {
        name = linux_;
        break;
      }
    if (!offered.contains(name))
      missing.push_back(feature);
  }
  return missing;
}

Status checkCpuFeatures(std::span<const std::string> required) {
  if (required.empty())
    return {};
  GPTC_ASSIGN(std::string cpuInfo, readWholeFile("/proc/cpuinfo"));
  std::vector<std::string> missing = missingCpuFeatures(required, cpuInfo);
  if (missing.empty())
    return {};
  return {Code::failedPrecondition, fmt::format("the plan's code needs CPU features that this "
                                                "machine lacks: {}; compile it here, or for this "
                                                "machine's processor",
                                                fmt::join(missing, ", "))};
}

} // namespace gptc::runtime
