// Choosing a device on a machine without a CUDA driver, which a folder without libraries makes of
// any.
#include "runtime/device/DeviceChoice.h"

#include "test/Runtime/TestFiles.h"

namespace gptc::runtime {
namespace {

TEST(DeviceChoice, WithoutADriver) {
  test::TemporaryFolder folder;
  setenv("GPTC_CUDA_LIBRARIES", folder.path().c_str(), 1); // the driver is opened once
  std::vector<std::string> notes;
  auto note = [&](std::string_view text) { notes.emplace_back(text); };
  EXPECT_EQ(*chooseTarget("cpu", note), "cpu");
  EXPECT_EQ(notes.size(), 0u);
  EXPECT_EQ(*chooseTarget("auto", note), "cpu");
  EXPECT_THAT(notes, testing::ElementsAre("no CUDA driver found; using the CPU"));
  EXPECT_EQ(*chooseTarget("auto", {}), "cpu");
  for (const char *device : {"cuda", "cuda:1"})
    test::expectFailure(chooseTarget(device, note), Code::unavailable,
                        {std::string("--device ") + device + ": no CUDA driver found ("});
  test::expectFailure(chooseTarget("gpu", note), Code::invalidArgument, {"--device gpu"});

  DeviceOptions options;
  ASSERT_SUCCESS(openDevice(options, "cpu"));
  test::expectFailure(openDevice(options, "cuda:sm_90a"), Code::unavailable,
                      {"compiled for cuda:sm_90a", "no CUDA driver found"});
  EXPECT_EQ(notes.size(), 1u);
  unsetenv("GPTC_CUDA_LIBRARIES");
}

} // namespace
} // namespace gptc::runtime
