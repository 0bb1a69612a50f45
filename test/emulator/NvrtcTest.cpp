// The NVRTC stand-in, and the real one over the probes and planted faults where it is installed:
// the device header's two sides take the same sources.
#include "test/emulator/Harness.h"

#include <gtest/gtest.h>

#include <dlfcn.h>

#include <filesystem>

namespace gptc::emulator {
namespace {

Harness &cuda() { return Harness::get(GPTC_EMULATOR_FOLDER); }

const char *addOne =
    "#include \"gptc_device.h\"\nGPTC_KERNEL(32) add_one(float *x) { x[0] += 1; }\n";

TEST(EmulatedNvrtc, LogsNameTheLine) {
  std::string cubin, log;
  EXPECT_FALSE(cuda().compile(
      "#include \"gptc_device.h\"\n\nGPTC_KERNEL(32) k(float *x) { x[0] = nothing; }\n", cubin,
      log));
  EXPECT_NE(log.find("test.cu(3): error: "), std::string::npos) << log;
  EXPECT_NE(log.find("nothing"), std::string::npos) << log;
}

TEST(EmulatedNvrtc, FindsKernelsOutsideOfCommentsAndLiterals) {
  cuda().kernel("#include \"gptc_device.h\"\n"
                "// GPTC_KERNEL(32) commented(float *x) {\n/* GPTC_KERNEL(32) out(float *x) */\n"
                "#define NAME \"GPTC_KERNEL(32) literal(\"\n"
                "GPTC_KERNEL(32)\nfirst(float *x) { x[0] = sizeof(\"GPTC_KERNEL(1) no(\"); }\n"
                "static const int threads = 64;\n"
                "GPTC_KERNEL((threads + 1) * 2) second(float *x) {}\n",
                "second");
}

TEST(EmulatedNvrtc, RefusesUnknownOptions) {
  Handle program;
  auto create = cuda().function<int(Handle *, const char *, const char *, int, Handle, Handle)>(
      "nvrtcCreateProgram");
  ASSERT_EQ(create(&program, addOne, "x.cu", 0, nullptr, nullptr), 0);
  auto compile = cuda().function<int(Handle, int, const char *const *)>("nvrtcCompileProgram");
  for (const char *option : {"--gpu-architecture=sm_xy", "--unheard-of"})
    EXPECT_EQ(compile(program, 1, &option), 5) << option;
}

/// The log of the real NVRTC, empty if all is well.
std::string compileForReal(void *library, const std::string &source, const char *architecture) {
  auto find = [&](const char *name) { return dlsym(library, name); };
  auto create = (int (*)(Handle *, const char *, const char *, int, const char *const *,
                         const char *const *))find("nvrtcCreateProgram");
  auto compile = (int (*)(Handle, int, const char *const *))find("nvrtcCompileProgram");
  auto logSize = (int (*)(Handle, size_t *))find("nvrtcGetProgramLogSize");
  auto log = (int (*)(Handle, char *))find("nvrtcGetProgramLog");
  auto destroy = (int (*)(Handle *))find("nvrtcDestroyProgram");
  const char *headers[] = {deviceHeader().c_str()}, *names[] = {"gptc_device.h"};
  Handle program;
  if (create(&program, source.c_str(), "probe.cu", 1, headers, names))
    return "no program could be created";
  const char *options[] = {architecture, "-std=c++17", "-lineinfo"};
  std::string text;
  if (compile(program, 3, options)) {
    size_t size = 0;
    logSize(program, &size);
    text.resize(size);
    log(program, text.data());
  }
  destroy(&program);
  return text;
}

TEST(RealNvrtc, TakesTheProbesAndFaults) {
  void *library = nullptr;
  for (const char *name : {"libnvrtc.so.13", "libnvrtc.so.12"})
    if (!library)
      library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!library)
    GTEST_SKIP() << "NVRTC is not installed";
  std::vector<std::string> files = {GPTC_FAULTS};
  for (const auto &entry : std::filesystem::directory_iterator(GPTC_PROBE_FOLDER))
    if (entry.path().extension() == ".cu")
      files.push_back(entry.path());
  for (const std::string &file : files)
    for (const char *architecture : {"--gpu-architecture=sm_80", "--gpu-architecture=sm_90a"})
      EXPECT_EQ(compileForReal(library, readText(file), architecture), "") << file;
}

} // namespace
} // namespace gptc::emulator
