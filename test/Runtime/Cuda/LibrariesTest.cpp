// CUDA's libraries: which are tried, and what is told of their errors.
#include "runtime/device/cuda/Driver.h"
#include "runtime/device/cuda/Library.h"
#include "runtime/device/cuda/Nvrtc.h"
#include "test/Runtime/TestFiles.h"

#include <cstring>

namespace gptc::runtime::cuda {
namespace {

using test::expectFailure;

TEST(Libraries, OfTheDriversVersionComeFirst) {
  for (int version : {0, 11080, 13000, 14020})
    EXPECT_THAT(toolkitNames("libx.so", version),
                testing::ElementsAre("libx.so.13", "libx.so.12", "libx.so",
                                     "/usr/local/cuda/lib64/libx.so"));
  EXPECT_THAT(
      toolkitNames("libx.so", 12040),
      testing::ElementsAre("libx.so.12", "libx.so.13", "libx.so", "/usr/local/cuda/lib64/libx.so"));
}

TEST(Libraries, TheDriversErrorsAreToldApart) {
  Driver driver = {};
  driver.getErrorName = [](CUresult, const char **name) { return *name = "NAME", 0; };
  driver.getErrorString = [](CUresult, const char **text) { return *text = "text", 0; };
  EXPECT_TRUE(driver.check(0, "cuCall").ok());
  expectFailure(driver.check(46, "cuCall"), Code::unavailable,
                {"cuCall: NAME (46: text)", "another process has this GPU for itself"});
  expectFailure(driver.check(cudaNoDevice, "cuCall"), Code::unavailable, {"finds no GPU"});
  expectFailure(driver.check(cudaOutOfMemory, "cuCall"), Code::outOfMemory, {"cuCall"});
  expectFailure(driver.check(700, "cuCall"), Code::deviceLost, {"cuCall: NAME (700", "is lost"});
  expectFailure(driver.check(1, "cuCall"), Code::internal, {"cuCall"});
}

/// What the stand-in below answers.
nvrtcResult answer = 0;
const char *logText = "";

Nvrtc standIn() {
  Nvrtc nvrtc = {};
  nvrtc.version = 13000;
  nvrtc.createProgram = [](nvrtcProgram *, const char *, const char *, int, const char *const *,
                           const char *const *) { return 0; };
  nvrtc.destroyProgram = [](nvrtcProgram *) { return 0; };
  nvrtc.compileProgram = [](nvrtcProgram, int, const char *const *) { return answer; };
  nvrtc.getProgramLogSize = [](nvrtcProgram, size_t *size) {
    *size = std::strlen(logText) + 1;
    return 0;
  };
  nvrtc.getProgramLog = [](nvrtcProgram, char *log) {
    std::strcpy(log, logText);
    return 0;
  };
  nvrtc.getErrorString = [](nvrtcResult) { return "an error"; };
  return nvrtc;
}

TEST(Libraries, NvrtcsLogIsToldWithEveryError) {
  Nvrtc nvrtc = standIn();
  auto compile = [&] { return nvrtc.compile("source", "k.cu", "", {}, Nvrtc::Output::cubin); };
  answer = 11; // INTERNAL_ERROR
  logText = "ptxas died";
  expectFailure(compile(), Code::internal, {"nvrtcCompileProgram: an error\nptxas died"});
  logText = "";
  EXPECT_EQ(compile().status().message(), "nvrtcCompileProgram: an error");
  answer = 1;
  expectFailure(compile(), Code::outOfMemory, {"nvrtcCompileProgram"});
  // A log that cannot be had does not hide what it would be about.
  nvrtc.getProgramLogSize = [](nvrtcProgram, size_t *) { return 2; };
  expectFailure(compile(), Code::outOfMemory, {"nvrtcCompileProgram"});
  answer = 0;
  expectFailure(compile(), Code::internal, {"nvrtcGetProgramLog"});
}

} // namespace
} // namespace gptc::runtime::cuda
