// Parallel loops: the parts cover the range once, in a partition that depends on nothing but its
// arguments.
#include "runtime/base/Parallel.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <mutex>
#include <thread>
#include <tuple>
#include <vector>

using namespace gptc::runtime;

namespace {

using Parts = std::vector<std::tuple<int64_t, int64_t, int>>;

Parts partsOf(int64_t count, int64_t grain) {
  Parts parts;
  std::mutex mutex;
  parallelFor(count, grain, [&](int64_t begin, int64_t end, int thread) {
    std::lock_guard lock(mutex);
    parts.emplace_back(begin, end, thread);
  });
  std::sort(parts.begin(), parts.end());
  return parts;
}

class ThreadCount : public ::testing::TestWithParam<int> {
protected:
  void SetUp() override { setThreadCount(GetParam()); }
  void TearDown() override { setThreadCount(0); }
};

} // namespace

TEST_P(ThreadCount, PartsCoverTheRangeOnce) {
  for (int64_t count : {1, 2, 3, 7, 64, 1000, 1001})
    for (int64_t grain : {0, 1, 3, 64, 5000}) {
      Parts parts = partsOf(count, grain);
      int64_t expected = 0;
      std::vector<int> threads;
      for (auto [begin, end, thread] : parts) {
        ASSERT_EQ(begin, expected);
        ASSERT_LT(begin, end);
        ASSERT_TRUE(end - begin >= grain || parts.size() == 1) << count << " " << grain;
        ASSERT_GE(thread, 0);
        ASSERT_LT(thread, threadCount());
        threads.push_back(thread);
        expected = end;
      }
      ASSERT_EQ(expected, count);
      std::sort(threads.begin(), threads.end());
      ASSERT_TRUE(std::adjacent_find(threads.begin(), threads.end()) == threads.end());
      ASSERT_EQ(parts, partsOf(count, grain));
    }
}

TEST_P(ThreadCount, TakenPartsCoverTheRangeOnce) {
  for (int64_t count : {0, 1, 2, 3, 7, 64, 1000, 1001})
    for (int64_t grain : {0, 1, 3, 64, 5000}) {
      std::vector<std::pair<int64_t, int64_t>> parts;
      std::mutex mutex;
      parallelForAny(count, grain, [&](int64_t begin, int64_t end) {
        if (end - begin < count)
          parallelForAny(end - begin, 1, [&](int64_t first, int64_t last) {
            ASSERT_EQ(first, 0) << "one part within another loop";
            ASSERT_EQ(last, end - begin);
          });
        std::lock_guard lock(mutex);
        parts.emplace_back(begin, end);
      });
      std::sort(parts.begin(), parts.end());
      int64_t expected = 0;
      for (auto [begin, end] : parts) {
        ASSERT_EQ(begin, expected);
        ASSERT_LT(begin, end);
        ASSERT_TRUE(end - begin >= grain || end == count) << count << " " << grain;
        expected = end;
      }
      ASSERT_EQ(expected, count);
    }
}

TEST_P(ThreadCount, UsesAsManyThreadsAsAskedFor) {
  if (!openThreadPool())
    GTEST_SKIP() << "libgomp.so.1 is not installed: loops run on the calling thread";
  EXPECT_EQ(threadCount(), GetParam());
  EXPECT_EQ(partsOf(1000, 1).size(), static_cast<size_t>(GetParam()));
}

TEST_P(ThreadCount, NestedLoopsRunOnTheOuterThread) {
  std::vector<int64_t> sums(100);
  parallelFor(100, 1, [&](int64_t begin, int64_t end, int outer) {
    for (int64_t i = begin; i < end; ++i)
      parallelFor(1000, 1, [&](int64_t innerBegin, int64_t innerEnd, int inner) {
        if (inner == outer)
          sums[static_cast<size_t>(i)] += innerEnd - innerBegin;
      });
  });
  for (int64_t sum : sums)
    EXPECT_TRUE(sum == 1000 || threadCount() == 1) << sum;
}

INSTANTIATE_TEST_SUITE_P(Parallel, ThreadCount, ::testing::Values(1, 2, 3, 8));

TEST(Parallel, EmptyRangeCallsNothing) {
  for (int64_t count : {0, -1})
    parallelFor(count, 1, [](int64_t, int64_t, int) { FAIL(); });
}

TEST(Parallel, SmallRangeStaysOnTheCallingThread) {
  std::thread::id id;
  parallelFor(10, 10, [&](int64_t, int64_t, int) { id = std::this_thread::get_id(); });
  EXPECT_EQ(id, std::this_thread::get_id());
}

TEST(Parallel, ManyShortLoopsAddUp) {
  setThreadCount(2);
  std::vector<int64_t> values(64);
  for (int round = 0; round < 2000; ++round)
    parallelFor(64, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i)
        ++values[static_cast<size_t>(i)];
    });
  setThreadCount(0);
  EXPECT_EQ(values, std::vector<int64_t>(64, 2000));
}
