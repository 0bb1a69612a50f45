// The CPU device: launches, sorting, memory, loading code, profiles.
#include "TestPlan.h"
#include "runtime/base/Parallel.h"
#include "runtime/device/CpuMemory.h"
#include "runtime/execute/Session.h"
#include "test/Runtime/TestFiles.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace gptc::runtime::test {
namespace {

using Kind = fb::TensorKind;

Result<Session> open(const TestPlan &test, const std::string &entry, int threads = 2) {
  Result<Plan> plan = test.load();
  if (!plan.ok())
    return plan.status();
  std::vector<std::string> entries = {entry};
  return Session::create(*plan, entries, {.device = {.threads = threads}});
}

std::vector<float> readAll(const Session &session, const std::string &name) {
  const TensorInfo &tensor = *session.plan().findTensor(name);
  std::vector<float> values(static_cast<size_t>(tensor.count()));
  Status status = session.read(tensor, std::span(values));
  EXPECT_TRUE(status.ok()) << status.message();
  return values;
}

/// A plan that touches each of `rows` counters of several arrays in one launch.
TestPlan touchPlan(const std::vector<int64_t> &rows, int64_t grain) {
  TestPlan test;
  test.useTestKernels();
  uint32_t io = test.addSegment("io", 0);
  fb::EntryT &entry = test.addEntry("touch", {io});
  fb::LaunchT *launch = nullptr;
  for (size_t i = 0; i < rows.size(); ++i) {
    std::string name = "counters" + std::to_string(i);
    test.addTensor(name, Kind::output, io, {std::max<int64_t>(1, rows[i]) + 3});
    if (!launch) {
      launch = &test.launch(entry, "test_touch", {test.at(name)}, rows[i], grain);
      continue;
    }
    auto instance = std::make_unique<fb::InstanceT>();
    instance->operands = {test.at(name)};
    instance->rows = rows[i];
    launch->instances.push_back(std::move(instance));
  }
  return test;
}

TEST(Device, LaunchesRunEachRowOfEachInstanceOnce) {
  for (int64_t grain : {1, 2, 5, 1000})
    for (int threads : {1, 2, 5})
      for (const std::vector<int64_t> &rows : {std::vector<int64_t>{1},
                                               {7},
                                               {100},
                                               {3, 4, 5},
                                               {0, 6, 0, 0, 9, 0},
                                               {1, 1, 1, 1},
                                               {50, 1, 2, 30}}) {
        Result<Session> session = open(touchPlan(rows, grain), "touch", threads);
        ASSERT_SUCCESS(session);
        ASSERT_SUCCESS(session->run("touch"));
        for (size_t i = 0; i < rows.size(); ++i) {
          std::vector<float> counters = readAll(*session, "counters" + std::to_string(i));
          for (size_t row = 0; row < counters.size(); ++row)
            ASSERT_EQ(counters[row], static_cast<int64_t>(row) < rows[i] ? 1 : 0)
                << "grain " << grain << ", threads " << threads << ", instance " << i << ", row "
                << row;
        }
      }
}

TEST(Device, LaunchesAreCutAtMultiplesOfTheGrain) {
  TestPlan test;
  test.useTestKernels();
  uint32_t io = test.addSegment("io", 0);
  test.addTensor("ranges", Kind::output, io, {20, 2});
  test.launch(test.addEntry("range", {io}), "test_range", {test.at("ranges")}, 20, 6);
  Result<Session> session = open(test, "range", 3);
  ASSERT_SUCCESS(session);
  ASSERT_SUCCESS(session->run("range"));
  std::vector<float> ranges = readAll(*session, "ranges");
  std::set<std::pair<float, float>> parts;
  for (size_t row = 0; row < 20; ++row)
    parts.insert({ranges[2 * row], ranges[2 * row + 1]});
  if (!openThreadPool())
    GTEST_SKIP() << "no thread pool: one part is right";
  // Threads take what they get to: which parts there are is left open.
  float expected = 0;
  for (auto [begin, end] : parts) {
    EXPECT_EQ(begin, expected);
    EXPECT_EQ(std::fmod(begin, 6), 0);
    expected = end;
  }
  EXPECT_EQ(expected, 20);
}

TEST(Device, Sorts) {
  TestPlan test = sortPlan();
  Result<Session> session = open(test, "sort");
  ASSERT_SUCCESS(session);
  std::vector<int32_t> tokens = {3, 1, 3, 0, 1, 50256}, order(6);
  ASSERT_SUCCESS(
      session->setInput(*session->plan().findTensor("tokens"), std::span<const int32_t>(tokens)));
  ASSERT_SUCCESS(session->run("sort"));
  ASSERT_SUCCESS(session->read(*session->plan().findTensor("order"), std::span(order)));
  EXPECT_EQ(order, (std::vector<int32_t>{3, 1, 4, 0, 2, 5}));
}

TEST(Device, RefusesPlansForOtherMachines) {
  TestPlan test = touchPlan({4}, 1);
  test.plan.cpu_features = {"sse2", "avx2048"};
  expectFailure(open(test, "touch"), Code::failedPrecondition, {"test.plan", "avx2048"});
  test.plan.cpu_features.clear();
  test.useCuda();
  Result<Plan> plan = test.load();
  ASSERT_SUCCESS(plan);
  std::vector<std::string> entries = {"touch"};
  expectFailure(Session::create(*plan, entries, {.device = {.device = "cpu"}}),
                Code::failedPrecondition, {"test.plan", "--device cpu", "cuda:sm_90a"});
  expectFailure(Session::create(*touchPlan({4}, 1).load(), entries, {.device = {.device = "cuda"}}),
                Code::failedPrecondition, {"test.plan", "--device cuda", "for cpu"});
}

TEST(Device, SaysWhyKernelsDoNotLoad) {
  TestPlan test = touchPlan({4}, 1);
  test.plan.kernels[0]->symbol = "test_absent";
  expectFailure(open(test, "touch"), Code::dataError, {"test.plan", "test_absent"});
  test = touchPlan({4}, 1);
  test.plan.object.resize(64); // an ELF header, and nothing of what it announces
  test.plan.object_hash = 0;
  expectFailure(open(test, "touch"), Code::dataError, {"test.plan", "do not load"});
}

TEST(Device, MemoryIsZeroAndAligned) {
  for (uint64_t bytes :
       {uint64_t{1}, uint64_t{4096}, uint64_t{3} << 20, (uint64_t{2} << 20) + 12345}) {
    Result<CpuMemory> memory = CpuMemory::allocate(bytes);
    ASSERT_SUCCESS(memory);
    ASSERT_EQ(memory->size(), bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory->data()) % 64, 0u);
    for (uint64_t i = 0; i < bytes; i += 511)
      ASSERT_EQ(memory->data()[i], std::byte{0});
    std::fill_n(memory->data(), bytes, std::byte{1}); // all of it can be written
    CpuMemory moved = std::move(*memory);
    EXPECT_EQ(memory->data(), nullptr);
    EXPECT_EQ(moved.size(), bytes);
  }
  expectFailure(CpuMemory::allocate(uint64_t{1} << 60), Code::outOfMemory, {"1152921504606846976"});
}

TEST(Device, KnowsHowMuchMemoryThereIs) {
  MemoryLimit limit = availableHostMemory();
  EXPECT_FALSE(limit.source.empty());
  EXPECT_GT(limit.bytes, uint64_t{1} << 20);
  EXPECT_LT(limit.bytes, uint64_t{1} << 50);
}

TEST(Device, ProfilesCommands) {
  TestPlan test = touchPlan({4}, 1);
  for (const char *part : {"h.0.mlp", "h.11.mlp"}) {
    test.launch(*test.plan.entries[0], "test_slow", {}, 1);
    test.plan.entries[0]->commands.back()->name = part;
  }
  Result<Session> session = open(test, "touch");
  ASSERT_SUCCESS(session);
  Profile profile;
  session->setProfile(&profile);
  for (int i = 0; i < 3; ++i)
    ASSERT_SUCCESS(session->run("touch"));
  EXPECT_THAT(profile.table(1),
              testing::ContainsRegex(" 6  touch +launch test_slow  h\\.\\*\\.mlp\n"));
  EXPECT_THAT(profile.table(1), testing::HasSubstr("in 1 more"));
  EXPECT_THAT(profile.table(2), testing::Not(testing::HasSubstr("more")));
  TemporaryFolder folder;
  ASSERT_SUCCESS(profile.writeTrace(folder / "trace.json"));
  auto trace = nlohmann::json::parse(*readWholeFile(folder / "trace.json"));
  ASSERT_EQ(trace["traceEvents"].size(), 9u);
  const nlohmann::json &event = trace["traceEvents"][2];
  EXPECT_EQ(event["name"], "test_slow");
  EXPECT_EQ(event["cat"], "launch");
  EXPECT_EQ(event["args"]["entry"], "touch");
  EXPECT_EQ(event["args"]["part"], "h.11.mlp");
  EXPECT_GE(event["dur"].get<double>(), 15e3); // microseconds
}

} // namespace
} // namespace gptc::runtime::test
