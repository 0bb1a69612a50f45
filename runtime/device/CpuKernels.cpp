// Loading the plan's shared object.
#include "runtime/device/CpuKernels.h"

#include "runtime/base/File.h"
#include "runtime/plan/Plan_generated.h"

#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

namespace gptc::runtime {

namespace {

/// The dynamic linker takes a path; /proc gives a file that exists in memory only one.
Result<void *> openFromMemory(std::span<const std::byte> object) {
  int descriptor = memfd_create("gptc-kernels", MFD_CLOEXEC);
  if (descriptor < 0)
    return Status(Code::unavailable,
                  fmt::format("cannot create a file in memory for the plan's kernels: {}",
                              std::strerror(errno)));
  FileWriter writer(descriptor, "the plan's kernels");
  Status status = writer.write(object);
  if (status.ok())
    status = writer.flush();
  if (!status.ok()) {
    close(descriptor);
    return status;
  }
  void *library =
      dlopen(fmt::format("/proc/self/fd/{}", descriptor).c_str(), RTLD_NOW | RTLD_LOCAL);
  const char *problem = library ? nullptr : dlerror();
  close(descriptor);
  if (!library)
    return Status(Code::dataError, fmt::format("the plan's kernels do not load: {}",
                                               problem ? problem : "no reason given"));
  return library;
}

} // namespace

CpuKernels::CpuKernels(CpuKernels &&other) noexcept
    : library_(std::exchange(other.library_, nullptr)), functions_(std::move(other.functions_)) {}

CpuKernels &CpuKernels::operator=(CpuKernels &&other) noexcept {
  std::swap(library_, other.library_);
  std::swap(functions_, other.functions_);
  return *this;
}

CpuKernels::~CpuKernels() {
  if (library_)
    dlclose(library_);
}

Result<CpuKernels> CpuKernels::load(const Plan &plan) {
  CpuKernels kernels;
  const auto *tables = plan.table().kernels();
  if (!tables || tables->size() == 0)
    return kernels;
  GPTC_ASSIGN(kernels.library_, openFromMemory(plan.object()));
  for (const fb::Kernel *table : *tables) {
    void *symbol = dlsym(kernels.library_, table->symbol()->c_str());
    if (!symbol)
      return Status(Code::dataError, fmt::format("the plan's kernels lack the function {}",
                                                 table->symbol()->c_str()));
    kernels.functions_.push_back(reinterpret_cast<KernelFunction>(symbol));
  }
  return kernels;
}

} // namespace gptc::runtime
