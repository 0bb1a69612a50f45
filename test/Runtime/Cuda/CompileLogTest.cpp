// Reading ptxas's verbose log.
#include "runtime/device/cuda/CompileLog.h"

#include <gtest/gtest.h>

namespace gptc::runtime::cuda {
namespace {

TEST(CompileLog, TellsEachKernelsResources) {
  // Of NVRTC 13.0, with a function that is not inlined between the kernels.
  std::vector<KernelResources> kernels = kernelResources(
      "ptxas info    : 0 bytes gmem\n"
      "ptxas info    : Compiling entry function 'second_instances' for 'sm_90a'\n"
      "ptxas info    : Function properties for second_instances\n"
      "ptxas         .     256 bytes stack frame, 12 bytes spill stores, 28 bytes spill loads\n"
      "ptxas info    : Used 255 registers, used 1 barriers, 256 bytes cumulative stack size, 16896 "
      "bytes smem\n"
      "ptxas info    : Compile time = 18.921 ms\n"
      "ptxas info    : Function properties for helper\n"
      "ptxas         .     8 bytes stack frame, 4 bytes spill stores, 4 bytes spill loads\n"
      "ptxas info    : Compiling entry function 'first' for 'sm_90a'\n"
      "ptxas info    : Function properties for first\n"
      "ptxas         .     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"
      "ptxas info    : Used 10 registers, used 0 barriers\n");
  ASSERT_EQ(kernels.size(), 2u);
  EXPECT_EQ(kernels[0].kernel, "second_instances");
  EXPECT_EQ(kernels[0].registers, 255);
  EXPECT_EQ(kernels[0].sharedBytes, 16896);
  EXPECT_EQ(kernels[0].stackBytes, 256);
  EXPECT_EQ(kernels[0].spillStoreBytes, 12);
  EXPECT_EQ(kernels[0].spillLoadBytes, 28);
  EXPECT_EQ(kernels[1].kernel, "first");
  EXPECT_EQ(kernels[1].registers, 10);
  EXPECT_EQ(kernels[1].sharedBytes, 0);
  EXPECT_EQ(kernels[1].spillLoadBytes, 0);
}

TEST(CompileLog, TakesAnyText) {
  EXPECT_TRUE(kernelResources("").empty());
  EXPECT_TRUE(kernelResources("registers\n bytes smem").empty());
  EXPECT_EQ(kernelResources("Compiling entry function 'k").at(0).kernel, "k");
  EXPECT_EQ(kernelResources("Compiling entry function 'k'\n registers, bytes smem").size(), 1u);
}

} // namespace
} // namespace gptc::runtime::cuda
