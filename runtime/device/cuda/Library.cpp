// Opening shared libraries.
#include "runtime/device/cuda/Library.h"

#include <cstdlib>
#include <dlfcn.h>

namespace gptc::runtime::cuda {

std::string libraryFolder() {
  const char *folder = std::getenv("GPTC_CUDA_LIBRARIES");
  return folder ? folder : "";
}

Result<Library> Library::open(std::span<const char *const> names, const char *plainName) {
  std::string folder = libraryFolder(), problem;
  std::string inFolder = folder + "/" + plainName;
  const char *only = inFolder.c_str();
  if (!folder.empty())
    names = {&only, 1};
  for (const char *name : names) {
    Library library;
    library.handle_ = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (library.handle_)
      return library;
    if (const char *message = dlerror(); problem.empty() && message)
      problem = message;
  }
  return Status(Code::unavailable, problem);
}

void *Library::address(const char *symbol) {
  void *found = dlsym(handle_, symbol);
  if (!found && missing_.empty())
    missing_ = symbol;
  return found;
}

} // namespace gptc::runtime::cuda
