// Progress of compilation.
#include "runtime/device/cuda/CompileProgress.h"

#include <cstdio>
#include <fmt/format.h>
#include <string>
#include <unistd.h>

namespace gptc::runtime::cuda {

namespace {

constexpr size_t barCells = 20;

void put(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

} // namespace

CompileProgress::CompileProgress(size_t modules, std::function<void(std::string_view)> note)
    : modules_(modules), terminal_(note && ::isatty(STDERR_FILENO) == 1) {
  if (terminal_)
    draw();
  else if (note)
    note(fmt::format("compiling {} module{} of kernels", modules, modules == 1 ? "" : "s"));
}

CompileProgress::~CompileProgress() {
  if (terminal_)
    put("\r\x1b[K");
}

void CompileProgress::advance() {
  std::lock_guard lock(mutex_);
  ++done_;
  if (terminal_)
    draw();
}

void CompileProgress::draw() const {
  size_t full = modules_ == 0 ? barCells : done_ * barCells / modules_;
  put(fmt::format("\r\x1b[K[{}{}] compiling kernels {}/{}", std::string(full, '#'),
                  std::string(barCells - full, '.'), done_, modules_));
}

} // namespace gptc::runtime::cuda
