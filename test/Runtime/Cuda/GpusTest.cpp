// Which machine code suits which GPU.
#include "runtime/device/cuda/Gpus.h"

#include <gtest/gtest.h>

namespace gptc::runtime::cuda {
namespace {

TEST(Gpus, TakeCodeOfTheirFamily) {
  // The better ones last.
  const std::vector<std::pair<std::string, std::vector<std::string>>> cases = {
      {"sm_80", {"sm_80"}},
      {"sm_86", {"sm_80", "sm_86"}},
      {"sm_89", {"sm_80", "sm_86", "sm_89"}},
      {"sm_90a", {"sm_90", "sm_90a"}},
      {"sm_103a", {"sm_100", "sm_103", "sm_103a"}},
  };
  for (const auto &[architecture, images] : cases) {
    int last = 0;
    for (const std::string &image : images) {
      EXPECT_GT(imageFit(image, architecture), last) << image << " on " << architecture;
      last = imageFit(image, architecture);
    }
  }
}

TEST(Gpus, TakeNoOtherCode) {
  for (const auto &[image, architecture] :
       std::vector<std::pair<std::string, std::string>>{{"sm_86", "sm_80"},
                                                        {"sm_80", "sm_90a"},
                                                        {"sm_90a", "sm_80"},
                                                        {"sm_90a", "sm_90"},
                                                        {"sm_100a", "sm_103a"},
                                                        {"sm_100f", "sm_103a"},
                                                        {"sm_9", "sm_90a"},
                                                        {"sm_", "sm_90a"},
                                                        {"sm_-80", "sm_80"},
                                                        {"sm_99999999999999999999", "sm_90a"},
                                                        {"compute_90", "sm_90a"},
                                                        {"", "sm_90a"}})
    EXPECT_EQ(imageFit(image, architecture), 0) << image << " on " << architecture;
}

} // namespace
} // namespace gptc::runtime::cuda
