// The learning rate against values worked out by the formula's original, in Python.
#include "runtime/train/Schedule.h"

#include "test/Runtime/TestFiles.h"

#include <cmath>

using namespace gptc::runtime;
using namespace gptc::runtime::test;

TEST(Schedule, KnownValues) {
  Schedule schedule{6e-4, 6e-5, 10, 50};
  const std::pair<int64_t, double> expected[] = {{0, 5.9999999999999995e-05},
                                                 {1, 0.00011999999999999999},
                                                 {9, 0.0006},
                                                 {10, 0.0006},
                                                 {11, 0.0005991676801079445},
                                                 {30, 0.00032999999999999994},
                                                 {49, 6.0832319892055454e-05},
                                                 {50, 6e-05},
                                                 {51, 6e-05},
                                                 {1000, 6e-05}};
  for (auto [step, rate] : expected)
    EXPECT_DOUBLE_EQ(schedule.learningRate(step), rate) << step; // within 4 units in the last place
}

TEST(Schedule, RisesThenFalls) {
  Schedule schedule{1e-3, 1e-4, 100, 2000};
  for (int64_t step = 1; step < 3000; ++step) {
    double before = schedule.learningRate(step - 1), now = schedule.learningRate(step);
    if (step < 100)
      ASSERT_GT(now, before);
    else
      ASSERT_LE(now, before);
    ASSERT_GE(now, step < 100 ? 0 : 1e-4);
    ASSERT_LE(now, 1e-3);
  }
}

TEST(Schedule, EdgesAreFinite) {
  EXPECT_EQ((Schedule{1, 0.1, 0, 0}).learningRate(0), 0.1);
  EXPECT_EQ((Schedule{1, 0.1, 0, 10}).learningRate(0), 1);
  EXPECT_EQ((Schedule{1, 0.1, 5, 5}).learningRate(4), 1);
  EXPECT_EQ((Schedule{1, 0.1, 5, 5}).learningRate(5), 0.1);
  EXPECT_EQ((Schedule{0.5, 0.5, 0, 100}).learningRate(50), 0.5);
}

TEST(Schedule, NonsenseIsAnError) {
  EXPECT_TRUE((Schedule{1, 0, 0, 0}).validate().ok());
  expectFailure(Schedule{-1, 0, 0, 0}.validate(), Code::invalidArgument, {"--learning-rate", "-1"});
  expectFailure(Schedule{NAN, 0, 0, 0}.validate(), Code::invalidArgument, {"--learning-rate"});
  expectFailure(Schedule{1, 2, 0, 0}.validate(), Code::invalidArgument, {"--min-learning-rate"});
  expectFailure(Schedule{1, -1, 0, 0}.validate(), Code::invalidArgument, {"--min-learning-rate"});
  expectFailure(Schedule{1, 0, -1, 0}.validate(), Code::invalidArgument, {"--warmup-steps"});
  expectFailure(Schedule{1, 0, 5, 4}.validate(), Code::invalidArgument,
                {"--decay-steps", "5", "4"});
}
