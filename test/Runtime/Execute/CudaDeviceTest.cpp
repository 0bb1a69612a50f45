// The GPU as a device, on the emulator: launches, graphs, memory, the order of things, whole runs
// beside the CPU's.
#include "CudaTestPlan.h"
#include "RunFixture.h"
#include "runtime/device/DeviceChoice.h"

#include <fmt/format.h>

namespace gptc::runtime::test {
namespace {

using Kind = fb::TensorKind;

Result<Session> open(const TestPlan &test, std::vector<std::string> entries,
                     const DeviceOptions &options = cudaOptions()) {
  Result<Plan> plan = test.load();
  if (!plan.ok())
    return plan.status();
  return Session::create(*plan, entries, {.device = options});
}

std::vector<float> readAll(const Session &session, const std::string &name) {
  const TensorInfo &tensor = *session.plan().findTensor(name);
  std::vector<float> values(static_cast<size_t>(tensor.count()));
  Status status = session.read(tensor, std::span(values));
  EXPECT_TRUE(status.ok()) << status.message();
  return values;
}

/// A plan that touches each of `rows` counters of several arrays in one launch.
TestPlan touchPlan(const std::vector<int64_t> &rows) {
  TestPlan test;
  uint32_t io = test.addSegment("io", 0);
  fb::EntryT &entry = test.addEntry("touch", {io});
  fb::LaunchT *launch = nullptr;
  for (size_t i = 0; i < rows.size(); ++i) {
    std::string name = "counters" + std::to_string(i);
    test.addTensor(name, Kind::output, io, {std::max<int64_t>(1, rows[i]) + 3});
    if (!launch) {
      launch = &test.launch(entry, "test_touch", {test.at(name)}, rows[i]);
      continue;
    }
    launch->instances.push_back(std::make_unique<fb::InstanceT>(*launch->instances[0]));
    launch->instances.back()->operands = {test.at(name)};
    launch->instances.back()->rows = rows[i];
  }
  useCudaKernels(test);
  return test;
}

TEST(CudaDevice, LaunchesRunEachRowOfEachInstanceOnce) {
  for (bool graphs : {true, false})
    for (const std::vector<int64_t> &rows : {std::vector<int64_t>{1},
                                             {32},
                                             {33, 64, 5},
                                             {0},
                                             {0, 6, 0, 0, 100, 0},
                                             {0, 40, 0},
                                             {1, 1, 1, 1}}) {
      Result<Session> session = open(touchPlan(rows), {"touch"}, cudaOptions(graphs));
      ASSERT_SUCCESS(session);
      for (int i = 0; i < 3; ++i)
        ASSERT_SUCCESS(session->run("touch"));
      for (size_t i = 0; i < rows.size(); ++i) {
        std::vector<float> counters = readAll(*session, "counters" + std::to_string(i));
        for (size_t row = 0; row < counters.size(); ++row)
          ASSERT_EQ(counters[row], static_cast<int64_t>(row) < rows[i] ? 3 : 0)
              << "graphs " << graphs << ", instance " << i << ", row " << row;
      }
    }
}

/// A kernel with one entry point only is launched by it, whatever the number of instances.
TEST(CudaDevice, TakesTheEntryPointThatIsThere) {
  TestPlan test = touchPlan({40});
  test.plan.cuda->kernels[0]->single = false;
  Result<Session> session = open(test, {"touch"});
  ASSERT_SUCCESS(session);
  ASSERT_SUCCESS(session->run("touch"));
  EXPECT_EQ(readAll(*session, "counters0")[39], 1);
  test.plan.kernels[0]->symbol = "test_absent";
  expectFailure(open(test, {"touch"}), Code::dataError, {"test.plan", "test_absent_instances"});
}

TEST(CudaDevice, SortsStably) {
  TestPlan test = sortPlan();
  useCudaKernels(test);
  Result<Session> session = open(test, {"sort"});
  ASSERT_SUCCESS(session);
  std::vector<int32_t> tokens = {3, 1, 3, 0, 1, 50256}, order(6);
  ASSERT_SUCCESS(
      session->setInput(*session->plan().findTensor("tokens"), std::span<const int32_t>(tokens)));
  ASSERT_SUCCESS(session->run("sort"));
  ASSERT_SUCCESS(session->read(*session->plan().findTensor("order"), std::span(order)));
  EXPECT_EQ(order, (std::vector<int32_t>{3, 1, 4, 0, 2, 5}));
}

/// Memory is zero, what is written is read, beyond the size of the pinned buffers too, and a write
/// to a part leaves the rest.
TEST(CudaDevice, MovesBytes) {
  Result<std::unique_ptr<Device>> device = openDevice(cudaOptions(), "cuda");
  ASSERT_SUCCESS(device);
  EXPECT_THAT((*device)->description(), testing::StartsWith("cuda:0, "));
  EXPECT_THAT((*device)->availableMemory().source, testing::HasSubstr("memory of the GPU"));
  TestPlan test = touchPlan({1});
  constexpr uint64_t bytes = (uint64_t{13} << 20) + 12;
  test.plan.segments[0]->bytes = bytes;
  Result<Plan> plan = test.load();
  ASSERT_SUCCESS(plan);
  std::vector<size_t> entries = {0};
  std::vector<uint64_t> sizes = {bytes};
  ASSERT_SUCCESS((*device)->prepare(*plan, entries, sizes));

  std::vector<std::byte> expected(bytes);
  auto expectAll = [&] {
    return (*device)->access({0, 0}, bytes, Access::read, [&](std::span<std::byte> view) -> Status {
      return std::equal(view.begin(), view.end(), expected.begin(), expected.end())
                 ? Status()
                 : Status(Code::internal, "other bytes");
    });
  };
  ASSERT_SUCCESS(expectAll());
  for (auto [offset, size] : std::vector<std::pair<uint64_t, uint64_t>>{
           {0, bytes}, {4, 4}, {(uint64_t{4} << 20) - 4, 12}, {bytes - 4, 4}, {8, 9 << 20}}) {
    ASSERT_SUCCESS((*device)->access(
        {0, offset}, size, Access::replace, [&](std::span<std::byte> view) -> Status {
          for (size_t i = 0; i < view.size(); ++i)
            view[i] = expected[offset + i] = static_cast<std::byte>((i + offset) * 7 + size);
          return {};
        }));
    ASSERT_SUCCESS((*device)->access(
        {0, offset}, size, Access::write, [&](std::span<std::byte> view) -> Status {
          view[view.size() / 2] = expected[offset + size / 2] = std::byte{99};
          return {};
        }));
  }
  ASSERT_SUCCESS(expectAll());
  expectFailure((*device)->access({0, bytes}, 4, Access::read,
                                  [](std::span<std::byte>) -> Status { return {}; }),
                Code::internal, {"not allocated"});
}

TEST(CudaDevice, ProfilesCommands) {
  TestPlan test = touchPlan({4});
  Result<Session> session = open(test, {"touch"});
  ASSERT_SUCCESS(session);
  Profile profile;
  session->setProfile(&profile);
  for (int i = 0; i < 3; ++i)
    ASSERT_SUCCESS(session->run("touch"));
  EXPECT_THAT(profile.table(1), testing::ContainsRegex(" 3  touch +launch test_touch"));
  EXPECT_EQ(readAll(*session, "counters0")[3], 3);
}

TEST(CudaDevice, SaysWhereAKernelDoesNotCompile) {
  TestPlan test = touchPlan({4});
  test.plan.kernels[0]->location = "model.gpt:12";
  std::string &source = test.plan.cuda->modules[0]->source;
  source.insert(source.find("GPTC_KERNEL"), "this is no C++;\n");
  Result<Session> session = open(test, {"touch"});
  expectFailure(session, Code::dataError,
                {"does not compile", "error", "test_touch, which computes model.gpt:12"});
  size_t at = session.status().message().find("its source is in ") + 17;
  std::string path = session.status().message().substr(at);
  path.resize(path.find('\n'));
  EXPECT_EQ(*readWholeFile(path), source);
}

TEST(CudaDevice, ChoosesTargets) {
  std::string notes;
  auto note = [&](std::string_view text) { notes += text; };
  EXPECT_EQ(*chooseTarget("cpu", note), "cpu");
  EXPECT_EQ(*chooseTarget("auto", note), "cuda:sm_90a");
  EXPECT_EQ(*chooseTarget("cuda:0", note), "cuda:sm_90a");
  EXPECT_EQ(notes, "");
  expectFailure(chooseTarget("cuda:7", note), Code::unavailable, {"--device cuda:7", "cuda:0"});
  expectFailure(chooseTarget("cuda7", note), Code::invalidArgument, {"--device cuda7"});
}

/// A whole training run: evaluation, accumulation, the parameter block, states.
class CudaTraining : public RunFixture {
protected:
  std::vector<nlohmann::json> logOf(TrainOptions options, const DeviceOptions &device) {
    options.device = device;
    Status status = run(options);
    EXPECT_TRUE(status.ok()) << status.message();
    return readLog(options.log);
  }
};

TEST_F(CudaTraining, IsTheCpusAndTheSameWithoutGraphs) {
  TrainOptions options = this->options();
  options.save = folder / "weights.safetensors";
  std::vector<nlohmann::json> cpu = logOf(options, {});
  useCudaKernels(bigram);
  std::vector<nlohmann::json> gpu = logOf(options, cudaOptions());
  EXPECT_THAT(output, testing::HasSubstr("device  cuda:0, "));
  EXPECT_THAT(notes, testing::HasSubstr("kernels: 1 module, 1 "));
  std::string weights = *readWholeFile(options.save);
  ASSERT_EQ(gpu.size(), cpu.size());
  for (size_t i = 0; i < cpu.size(); ++i)
    for (auto &[name, value] : cpu[i].items()) {
      double expected = value.get<double>();
      EXPECT_NEAR(gpu[i].at(name).get<double>(), expected, 1e-5 * std::abs(expected)) << name;
    }
  EXPECT_EQ(logOf(options, cudaOptions(/*graphs=*/false)), gpu);
  EXPECT_EQ(*readWholeFile(options.save), weights);
  EXPECT_THAT(notes, testing::HasSubstr("kernels: 1 module, 1 from the cache"));
}

TEST_F(CudaTraining, StopsWhenTheLossIsNoNumber) {
  useCudaKernels(bigram);
  TrainOptions options = this->options();
  options.learningRate = 1e38;
  options.warmupSteps = 0;
  options.evalEvery = 0;
  options.save = folder / "weights.safetensors";
  expectFailure(run(options), Code::failedPrecondition, {"diverged", "--learning-rate"});
  EXPECT_FALSE(std::filesystem::exists(options.save));
}

TEST_F(CudaTraining, RunsAPlansOwnTarget) {
  useCudaKernels(bigram);
  TrainOptions options = this->options();
  ASSERT_SUCCESS(run(options)); // --device auto
  EXPECT_THAT(output, testing::HasSubstr("device  cuda:0, "));
  options.device.device = "cpu";
  expectFailure(run(options), Code::failedPrecondition, {"--device cpu", "cuda:sm_90a"});
}

} // namespace
} // namespace gptc::runtime::test
