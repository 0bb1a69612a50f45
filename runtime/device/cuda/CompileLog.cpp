// Reading the compiler's verbose log, which is like
//
//   ptxas info    : Compiling entry function 'k' for 'sm_90a'
//   ptxas info    : Function properties for k
//   ptxas         .     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
//   ptxas info    : Used 10 registers, used 1 barriers, 512 bytes smem
#include "runtime/device/cuda/CompileLog.h"

#include <charconv>

namespace gptc::runtime::cuda {

namespace {

/// The number right before `unit` in the line; unchanged if there is none.
void readNumberBefore(std::string_view line, std::string_view unit, int64_t &value) {
  size_t end = line.find(unit);
  if (end == std::string_view::npos)
    return;
  size_t begin = end;
  while (begin > 0 && line[begin - 1] >= '0' && line[begin - 1] <= '9')
    --begin;
  std::from_chars(line.data() + begin, line.data() + end, value);
}

} // namespace

std::vector<KernelResources> kernelResources(std::string_view log) {
  constexpr std::string_view start = "Compiling entry function '";
  constexpr std::string_view properties = "Function properties for ";
  std::vector<KernelResources> kernels;
  bool own = false; // whether the lines are about the kernel and not a function that it calls
  while (!log.empty()) {
    std::string_view line = log.substr(0, log.find('\n'));
    log.remove_prefix(std::min(log.size(), line.size() + 1));
    if (size_t at = line.find(start); at != std::string_view::npos) {
      std::string_view name = line.substr(at + start.size());
      kernels.push_back({std::string(name.substr(0, name.find('\'')))});
      own = true;
    } else if (size_t found = line.find(properties); found != std::string_view::npos) {
      own = !kernels.empty() && line.substr(found + properties.size()) == kernels.back().kernel;
    } else if (!kernels.empty()) {
      KernelResources &kernel = kernels.back();
      if (own) {
        readNumberBefore(line, " bytes stack frame", kernel.stackBytes);
        readNumberBefore(line, " bytes spill stores", kernel.spillStoreBytes);
        readNumberBefore(line, " bytes spill loads", kernel.spillLoadBytes);
      }
      readNumberBefore(line, " registers", kernel.registers);
      readNumberBefore(line, " bytes smem", kernel.sharedBytes);
    }
  }
  return kernels;
}

} // namespace gptc::runtime::cuda
