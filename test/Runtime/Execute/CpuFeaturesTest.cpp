// Instruction sets: LLVM's names against Linux's.
#include "runtime/device/CpuFeatures.h"

#include <gmock/gmock.h>

namespace gptc::runtime {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::string_view zen3 =
    "processor\t: 0\nmodel name\t: a CPU\n"
    "flags\t\t: fpu sse sse2 ssse3 sse4_1 sse4_2 pni abm bmi1 bmi2 avx avx2 fma f16c "
    "sha_ni pclmulqdq lahf_lm lm\n"
    "processor\t: 1\nflags\t\t: fpu avx512f\n";

std::vector<std::string> missing(std::vector<std::string> required) {
  return missingCpuFeatures(required, zen3);
}

TEST(CpuFeatures, KnowsBothSpellings) {
  EXPECT_THAT(missing({"avx2", "sse4.2", "sse3", "lzcnt", "bmi", "bmi2", "fma", "sha", "pclmul",
                       "sahf", "64bit", "crc32", "x87"}),
              IsEmpty());
}

TEST(CpuFeatures, NamesWhatIsMissing) {
  EXPECT_THAT(missing({"avx2", "avx512f", "avx512vl", "amx-tile"}),
              ElementsAre("avx512f", "avx512vl", "amx-tile"));
  EXPECT_THAT(missing({"av", "flags", ""}), ElementsAre("av", "flags", ""));
}

TEST(CpuFeatures, IgnoresInstructionsThatKernelsNeverUse) {
  EXPECT_THAT(missing({"clwb", "xsavec", "rtm"}), IsEmpty());
}

TEST(CpuFeatures, OfNothing) {
  EXPECT_THAT(missingCpuFeatures(std::vector<std::string>{"avx2"}, ""), ElementsAre("avx2"));
  EXPECT_THAT(missingCpuFeatures(std::vector<std::string>{"avx2"}, "flags"), ElementsAre("avx2"));
  EXPECT_TRUE(checkCpuFeatures({}).ok());
  std::vector<std::string> invented = {"teleport"};
  Status status = checkCpuFeatures(invented);
  EXPECT_EQ(static_cast<int>(status.code()), static_cast<int>(Code::failedPrecondition));
  EXPECT_THAT(status.message(), testing::HasSubstr("this machine lacks: teleport"));
}

} // namespace
} // namespace gptc::runtime
