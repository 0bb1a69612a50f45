// Planted faults, each in a process of its own: the emulator must report every one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <sys/wait.h>

namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

struct Outcome {
  bool ok;
  std::string output;
};

Outcome runCommand(const std::string &command) {
  Outcome outcome;
  FILE *pipe = popen((command + " 2>&1").c_str(), "r");
  for (int c; (c = std::fgetc(pipe)) != EOF;)
    outcome.output += char(c);
  int status = pclose(pipe);
  outcome.ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return outcome;
}

/// `kernel` of faults.cu, in a folder's emulator.
Outcome runKernel(const std::string &kernel, int blocks, int threads,
                  const std::string &environment = "") {
  return runCommand(environment +
                    " " GPTC_EMULATOR_RUN " " GPTC_EMULATOR_FOLDER " " GPTC_FAULTS " " + kernel +
                    " " + std::to_string(blocks) + " " + std::to_string(threads));
}
/// The same, with kernels that tell of their accesses.
Outcome runWatched(const std::string &kernel, int blocks, int threads, int seed = 1) {
  return runKernel(kernel, blocks, threads,
                   "GPTC_EMULATOR_RACES=1 GPTC_EMULATOR_SEED=" + std::to_string(seed));
}

struct Fault {
  const char *kernel;
  int blocks, threads;
  const char *message;
};

class FaultTest : public testing::TestWithParam<Fault> {};

TEST_P(FaultTest, IsReported) {
  const Fault &fault = GetParam();
  for (int seed = 1; seed <= 3; ++seed) {
    Outcome outcome = runKernel(fault.kernel, fault.blocks, fault.threads,
                                "GPTC_EMULATOR_SEED=" + std::to_string(seed));
    EXPECT_FALSE(outcome.ok);
    EXPECT_THAT(outcome.output,
                HasSubstr("emulator: kernel " + std::string(fault.kernel) + ", block ("));
    EXPECT_THAT(outcome.output, HasSubstr(fault.message));
  }
}

const Fault faults[] = {
    {"exited_lane", 1, 64, "exited"},
    {"partial_warp", 1, 40, "warp operation (shuffle) with exited lanes"},
    {"different_operations", 1, 64, "of its warp wait at"},
    {"out_of_bounds", 1, 256, "of an operand of 200 elements"},
    {"out_of_shared", 1, 256, "index 256 of shared memory of 256 elements"},
    {"wild_read", 1, 256, "an access to address"},
    {"written_beside", 1, 256, "-4 bytes from the start of a device allocation of 16384 bytes"},
    {"barrier_after_return", 1, 256, "barrier divergence"},
    {"different_barriers", 1, 256, "barrier divergence"},
    {"deadlock", 1, 64, "deadlock"},
    {"too_much_shared", 1, 64, "65536 bytes of shared memory; a block has 49152"},
    {"misaligned_copy", 1, 32, "not aligned to 16 bytes"},
};
INSTANTIATE_TEST_SUITE_P(Planted, FaultTest, testing::ValuesIn(faults),
                         [](const auto &info) { return std::string(info.param.kernel); });

TEST(EmulatorFault, NoneInACorrectKernel) {
  Outcome outcome = runKernel("correct", 16, 256);
  EXPECT_TRUE(outcome.ok);
  EXPECT_EQ(outcome.output, "16773120\n");
}

TEST(EmulatorFault, WhatIsNotWaitedForIsNaN) {
  EXPECT_THAT(runKernel("removed_barrier", 1, 256).output, HasSubstr("nan"));
  EXPECT_THAT(runKernel("no_commit", 1, 32).output, HasSubstr("nan"));
}

TEST(EmulatorFault, NoRaceInCorrectKernels) {
  for (int seed = 1; seed <= 3; ++seed) {
    Outcome outcome = runWatched("correct", 16, 256, seed);
    EXPECT_TRUE(outcome.ok);
    EXPECT_EQ(outcome.output, "16773120\n");
    EXPECT_TRUE(runWatched("warp_barrier", 1, 32, seed).ok);
  }
}

TEST(EmulatorFault, RacesAreReportedWithBothLines) {
  struct {
    const char *kernel;
    int blocks, threads;
    const char *other;
  } races[] = {{"removed_barrier", 1, 256, "of the same block"},
               {"removed_warp_barrier", 1, 32, "of the same block"},
               {"shared_cell", 2, 64, "of the grid"},
               {"shared_cell", 64, 64, "of the grid"},
               {"shared_cell_wide", 2, 1024, "of the grid"},
               {"other_block", 2, 64, "of the grid"}};
  for (auto &race : races)
    for (int seed = 1; seed <= 3; ++seed) {
      Outcome outcome = runWatched(race.kernel, race.blocks, race.threads, seed);
      EXPECT_FALSE(outcome.ok) << race.kernel;
      EXPECT_THAT(outcome.output, ContainsRegex("data race: (read|write) at "));
      EXPECT_THAT(outcome.output, HasSubstr(race.other));
    }
}

TEST(EmulatorFault, OtherFaultsAreReportedWhileRacesAreWatched) {
  EXPECT_THAT(runWatched("exited_lane", 1, 64).output, HasSubstr("exited"));
  EXPECT_THAT(runWatched("out_of_bounds", 1, 256).output,
              HasSubstr("of an operand of 200 elements"));
}

TEST(EmulatorFault, TheEnvironmentInjects) {
  EXPECT_THAT(runKernel("correct", 16, 256, "GPTC_EMULATOR_MEMORY=20000").output,
              HasSubstr("cuMemAlloc failed with 2"));
  EXPECT_THAT(runKernel("correct", 16, 256, "GPTC_EMULATOR_NO_DEVICE=1").output,
              HasSubstr("cuInit failed with 100"));
  EXPECT_THAT(runKernel("correct", 16, 256, "GPTC_EMULATOR_LOSE_DEVICE=1").output,
              HasSubstr("failed with 700"));
  EXPECT_THAT(runKernel("correct", 16, 256, "GPTC_EMULATOR_LOSE_DEVICE=2").output,
              HasSubstr("16773120"));
  EXPECT_THAT(runKernel("correct", 16, 256, "GPTC_EMULATOR_ARCHITECTURE=80").output,
              HasSubstr("failed with 209"));
}

TEST(EmulatorFault, ACacheThatCannotBeWrittenIsDoneWithout) {
  EXPECT_THAT(runKernel("correct", 16, 256, "GPTC_EMULATOR_CACHE=/proc/nowhere").output,
              HasSubstr("16773120"));
}

} // namespace
