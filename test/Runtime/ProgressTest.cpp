// Progress: what is printed when, on a terminal and in a pipe.
#include "runtime/train/Progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <vector>

using namespace gptc::runtime;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

namespace {

class ProgressTest : public ::testing::Test {
protected:
  ProgressOptions options(bool terminal) {
    ProgressOptions options;
    options.steps = 100;
    options.terminal = terminal;
    options.width = 120;
    options.output = [this](std::string_view text) {
      if (!text.empty())
        output.emplace_back(text);
    };
    options.clock = [this] { return now; };
    return options;
  }
  StepRecord record(int64_t step) { return {step, 4.5, 3e-4, 1.25, 50, 20480}; }

  double now = 1000;
  std::vector<std::string> output;
};

} // namespace

TEST_F(ProgressTest, PlainLinesNowAndThen) {
  Progress progress(options(false));
  for (int64_t step = 0; step < 100; ++step) {
    now += 0.5;
    progress.update(record(step));
  }
  progress.finish();
  // 50 seconds: the first, one each 5 seconds, the last.
  ASSERT_EQ(output.size(), 11u);
  EXPECT_EQ(output[0],
            "step 1/100  loss 4.5000  lr 3.00e-04  norm 1.25  50 ms  20480 tok/s  ETA 50 s\n");
  EXPECT_THAT(output[1], StartsWith("step 11/100"));
  EXPECT_THAT(output[1], HasSubstr("ETA 45 s\n"));
  EXPECT_THAT(output.back(), StartsWith("step 100/100"));
  EXPECT_THAT(output.back(), HasSubstr("ETA 0 s\n"));
}

TEST_F(ProgressTest, BarIsRedrawn) {
  {
    Progress progress(options(true));
    for (int64_t step = 0; step < 100; ++step) {
      now += 0.05;
      progress.update(record(step));
    }
    EXPECT_THAT(output[0], StartsWith("\r\x1b[K[....................] 1/100"));
    EXPECT_THAT(output.back(), StartsWith("\r\x1b[K[####################] 100/100"));
    EXPECT_LT(output.size(), 60u); // at most one each 0.1 seconds
    for (const std::string &text : output)
      EXPECT_EQ(text.find('\n'), std::string::npos);
  }
  EXPECT_EQ(output.back(), "\n"); // the destructor ends the line
}

TEST_F(ProgressTest, BarFitsTheTerminal) {
  ProgressOptions narrow = options(true);
  narrow.width = 30;
  Progress progress(narrow);
  progress.update(record(0));
  EXPECT_EQ(output[0].size(), 4 + 29u);
}

TEST_F(ProgressTest, MessagesStandAboveTheBar) {
  Progress progress(options(true));
  progress.message("before");
  progress.update(record(0));
  std::string bar = output.back().substr(4);
  output.clear();
  progress.message("val loss 3.2");
  EXPECT_THAT(output, ElementsAre("\r\x1b[K", "val loss 3.2\n", bar));
  progress.finish();
  output.clear();
  progress.message("after");
  EXPECT_THAT(output, ElementsAre("after\n"));
}

TEST_F(ProgressTest, ResumedRunsCountTheirOwnPace) {
  ProgressOptions resumed = options(false);
  resumed.firstStep = 90;
  Progress progress(resumed);
  now += 2;
  progress.update(record(90));
  EXPECT_THAT(output[0], HasSubstr("step 91/100"));
  EXPECT_THAT(output[0], HasSubstr("ETA 18 s"));
}

TEST(Duration, Text) {
  EXPECT_EQ(durationText(0.4), "0 s");
  EXPECT_EQ(durationText(59.6), "1 min 00 s");
  EXPECT_EQ(durationText(187), "3 min 07 s");
  EXPECT_EQ(durationText(7500), "2 h 05 min");
  EXPECT_EQ(durationText(3600 * 76), "3 d 04 h");
  EXPECT_EQ(durationText(-1), "?");
  EXPECT_EQ(durationText(1e300), "?");
}
