// Modules: shared objects that the NVRTC stand-in made, loaded from memory.
#include "test/emulator/cuda/Modules.h"

#include "test/emulator/cuda/Settings.h"

#include <dlfcn.h>
#include <elf.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace gptc::emulator {

/// The size of an ELF file for this processor, whose table of sections comes last; 0 for anything
/// else.
static size_t imageBytes(const void *image, bool &foreign) {
  Elf64_Ehdr header;
  std::memcpy(&header, image, 4);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG))
    return 0;
  std::memcpy(&header, image, sizeof header);
#ifdef __x86_64__
  foreign = header.e_machine != EM_X86_64;
#else
  foreign = header.e_machine == EM_CUDA;
#endif
  return header.e_shoff + size_t(header.e_shentsize) * header.e_shnum;
}

/// A file of its own for each load: the loader knows libraries by their files. Where races are
/// watched for it stays until the process ends, for the lines in reports.
static void *load(const void *image, size_t bytes) {
  const char *folder = std::getenv("TMPDIR");
  std::string path = std::string(folder && *folder ? folder : "/tmp") + "/gptc-module-XXXXXX.so";
  int file = mkstemps(path.data(), 3);
  if (file < 0)
    return nullptr;
  auto *from = static_cast<const char *>(image);
  for (size_t written = 0; written < bytes;) {
    ssize_t count = write(file, from + written, bytes - written);
    if (count <= 0)
      break;
    written += count;
  }
  close(file);
  void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library)
    std::fprintf(stderr, "emulator: %s\n", dlerror());
  if (!Settings::get().races) {
    unlink(path.c_str());
  } else {
    static std::vector<std::string> *paths = new std::vector<std::string>();
    if (paths->empty())
      std::atexit([] {
        for (const std::string &path : *paths)
          unlink(path.c_str());
      });
    paths->push_back(path);
  }
  return library;
}

void showHooks() {
  static bool once = [] {
    Dl_info info;
    if (dladdr((void *)&gptc_emulator_sync, &info))
      dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_GLOBAL);
    return true;
  }();
  (void)once;
}

CUresult loadModule(const void *image, Module **module) {
  bool foreign = false;
  size_t bytes = imageBytes(image, foreign);
  if (!bytes)
    return CUDA_ERROR_INVALID_IMAGE;
  if (foreign)
    return CUDA_ERROR_NO_BINARY_FOR_GPU;
  void *library = load(image, bytes);
  if (!library)
    return CUDA_ERROR_INVALID_IMAGE;
  auto *architecture = static_cast<const char *>(dlsym(library, "gptc_emulator_architecture"));
  std::string wanted = "sm_" + std::to_string(Settings::get().architecture);
  if (!architecture || (architecture != wanted && architecture != wanted + "a")) {
    dlclose(library);
    return architecture ? CUDA_ERROR_NO_BINARY_FOR_GPU : CUDA_ERROR_INVALID_IMAGE;
  }
  *module = new Module{library, {}};
  return CUDA_SUCCESS;
}

void unloadModule(Module *module) {
  // Of a race, the earlier access may be of a module that is gone.
  if (!Settings::get().races)
    dlclose(module->library);
  delete module;
}

Function *findFunction(Module &module, const char *name) {
  auto found = module.functions.find(name);
  if (found != module.functions.end())
    return &found->second;
  void *kernel = dlsym(module.library, ("gptc_kernel_" + std::string(name)).c_str());
  if (!kernel)
    return nullptr;
  return &(module.functions[name] = {name, static_cast<const gptc_emulator_kernel *>(kernel)});
}

} // namespace gptc::emulator
