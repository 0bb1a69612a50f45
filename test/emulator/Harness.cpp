// A CUDA program in a few calls, for tests of the emulator.
#include "test/emulator/Harness.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace gptc::emulator {

std::string readText(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "cannot read %s\n", path.c_str());
    std::exit(1);
  }
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

const std::string &deviceHeader() {
  static const std::string header = readText(GPTC_SOURCE_FOLDER "/lib/CodeGen/Cuda/HostTwin.cuh") +
                                    readText(GPTC_SOURCE_FOLDER "/lib/CodeGen/Cuda/Device.cuh");
  return header;
}

void Harness::check(int status, const char *what) {
  if (status == 0)
    return;
  std::fprintf(stderr, "%s failed with %d\n", what, status);
  std::exit(1);
}

Harness &Harness::get(const std::string &folder) {
  static Harness *harness = new Harness(folder);
  return *harness;
}

Harness::Harness(const std::string &folder) {
  for (const char *name : {"libcuda.so", "libnvrtc.so", "libcublasLt.so"}) {
    void *library = dlopen((folder + "/" + name).c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) {
      std::fprintf(stderr, "%s\n", dlerror());
      std::exit(1);
    }
    libraries.push_back(library);
  }
  check(function<int(unsigned)>("cuInit")(0), "cuInit");
  Handle context;
  check(function<int(Handle *, int)>("cuDevicePrimaryCtxRetain")(&context, 0),
        "cuDevicePrimaryCtxRetain");
  check(function<int(Handle)>("cuCtxSetCurrent")(context), "cuCtxSetCurrent");
  check(function<int(Handle *, unsigned)>("cuStreamCreate")(&stream, 1), "cuStreamCreate");
}

void *Harness::find(const char *name) {
  for (void *library : libraries)
    if (void *symbol = dlsym(library, name))
      return symbol;
  std::fprintf(stderr, "no library has %s\n", name);
  std::exit(1);
}

bool Harness::compile(const std::string &source, std::string &cubin, std::string &log,
                      const std::string &architecture) {
  Handle program;
  const char *headers[] = {deviceHeader().c_str()}, *names[] = {"gptc_device.h"};
  check(function<int(Handle *, const char *, const char *, int, const char *const *,
                     const char *const *)>("nvrtcCreateProgram")(&program, source.c_str(),
                                                                 "test.cu", 1, headers, names),
        "nvrtcCreateProgram");
  std::string option = "--gpu-architecture=" + architecture;
  const char *options[] = {option.c_str(), "-std=c++17", "-lineinfo"};
  int status =
      function<int(Handle, int, const char *const *)>("nvrtcCompileProgram")(program, 3, options);
  size_t size = 0;
  function<int(Handle, size_t *)>("nvrtcGetProgramLogSize")(program, &size);
  log.resize(size);
  function<int(Handle, char *)>("nvrtcGetProgramLog")(program, log.data());
  log.resize(size - 1);
  function<int(Handle, size_t *)>("nvrtcGetCUBINSize")(program, &size);
  cubin.resize(size);
  function<int(Handle, char *)>("nvrtcGetCUBIN")(program, cubin.data());
  function<int(Handle *)>("nvrtcDestroyProgram")(&program);
  return status == 0;
}

Handle Harness::kernel(const std::string &source, const char *name) {
  std::string cubin, log;
  if (!compile(source, cubin, log)) {
    std::fprintf(stderr, "%s\n", log.c_str());
    std::exit(1);
  }
  Handle module, function_;
  check(function<int(Handle *, const void *)>("cuModuleLoadData")(&module, cubin.data()),
        "cuModuleLoadData");
  check(function<int(Handle *, Handle, const char *)>("cuModuleGetFunction")(&function_, module,
                                                                             name),
        "cuModuleGetFunction");
  return function_;
}

uint64_t Harness::allocate(size_t bytes) {
  uint64_t address = 0;
  check(function<int(uint64_t *, size_t)>("cuMemAlloc_v2")(&address, bytes), "cuMemAlloc");
  return address;
}

void Harness::free(uint64_t address) {
  check(function<int(uint64_t)>("cuMemFree_v2")(address), "cuMemFree");
}

void Harness::copyIn(uint64_t to, const void *from, size_t bytes) {
  check(function<int(uint64_t, const void *, size_t, Handle)>("cuMemcpyHtoDAsync_v2")(
            to, from, bytes, stream),
        "cuMemcpyHtoDAsync");
}

void Harness::copyOut(void *to, uint64_t from, size_t bytes) {
  check(function<int(void *, uint64_t, size_t, Handle)>("cuMemcpyDtoHAsync_v2")(to, from, bytes,
                                                                                stream),
        "cuMemcpyDtoHAsync");
  synchronize();
}

void Harness::launchRaw(Handle kernel, unsigned blocks, unsigned threads, void **parameters) {
  check(function<int(Handle, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,
                     Handle, void **, void **)>("cuLaunchKernel")(
            kernel, blocks, 1, 1, threads, 1, 1, 0, stream, parameters, nullptr),
        "cuLaunchKernel");
}

void Harness::synchronize() {
  check(function<int(Handle)>("cuStreamSynchronize")(stream), "cuStreamSynchronize");
}

} // namespace gptc::emulator
