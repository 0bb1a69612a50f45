// Opening shared libraries.
#include "runtime/device/cuda/Library.h"

#include <cstdlib>
#include <dlfcn.h>

namespace gptc::runtime::cuda {

std::string libraryFolder() {
  const char *folder = std::getenv("GPTC_CUDA_LIBRARIES");
  return folder ? folder : "";
}

std::vector<std::string> toolkitNames(const std::string &name, int driverVersion) {
  // What a compiler of a newer major version makes, a driver does not load.
  std::vector<std::string> names = {name + ".13", name + ".12", name,
                                    "/usr/local/cuda/lib64/" + name};
  if (driverVersion / 1000 == 12)
    std::swap(names[0], names[1]);
  return names;
}

Result<Library> Library::open(std::span<const std::string> names, const std::string &plainName) {
  std::string folder = libraryFolder(), problem, only = folder + "/" + plainName;
  if (!folder.empty())
    names = {&only, 1};
  for (const std::string &name : names) {
    Library library;
    library.handle_ = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
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
