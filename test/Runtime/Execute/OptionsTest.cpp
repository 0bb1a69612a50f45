// Options: defaults that follow from others, and what is refused; models whose inputs are arrays.
#include "RunFixture.h"
#include "runtime/app/Info.h"
#include "runtime/app/ModelInputs.h"
#include "runtime/data/Safetensors.h"

#include <cmath>

namespace gptc::runtime::test {
namespace {

TrainOptions withData() {
  TrainOptions options;
  options.data = "x";
  return options;
}

TEST(Options, ScheduleFollows) {
  TrainOptions options = withData();
  options.steps = 500;
  Schedule schedule = options.schedule();
  EXPECT_EQ(schedule.maximum, 6e-4);
  EXPECT_DOUBLE_EQ(schedule.minimum, 6e-5);
  EXPECT_EQ(schedule.decaySteps, 500);
  options.minLearningRate = 0;
  options.decaySteps = 100;
  EXPECT_EQ(options.schedule().minimum, 0);
  EXPECT_EQ(options.schedule().decaySteps, 100);
  options = withData();
  options.steps = 5;
  options.warmupSteps = 100; // a short trial of a long run's settings
  EXPECT_TRUE(options.validate().ok());
}

TEST(Options, AreRefusedByName) {
  auto refused = [](auto change, const char *flag) {
    TrainOptions options = withData();
    change(options);
    expectFailure(options.validate(), Code::invalidArgument, {flag});
  };
  EXPECT_TRUE(withData().validate().ok());
  refused([](TrainOptions &o) { o.data.clear(); }, "--data");
  refused([](TrainOptions &o) { o.totalBatchSize = -1; }, "--total-batch-size");
  refused([](TrainOptions &o) { o.learningRate = NAN; }, "--learning-rate");
  refused([](TrainOptions &o) { o.minLearningRate = 1; }, "--min-learning-rate");
  refused([](TrainOptions &o) { o.warmupSteps = -1; }, "--warmup-steps");
  refused([](TrainOptions &o) { o.decaySteps = 1, o.warmupSteps = 2; }, "--decay-steps");
  refused([](TrainOptions &o) { o.weightDecay = -0.1; }, "--weight-decay");
  refused([](TrainOptions &o) { o.beta2 = NAN; }, "--beta2");
  refused([](TrainOptions &o) { o.epsilon = INFINITY; }, "--epsilon");
  refused([](TrainOptions &o) { o.clipNorm = -1; }, "--clip-norm");
  refused([](TrainOptions &o) { o.evalEvery = -1; }, "--eval-every");
  refused([](TrainOptions &o) { o.device.threads = -1; }, "--threads");
  for (const char *name : {"", "gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:1 "})
    refused([=](TrainOptions &o) { o.device.device = name; }, "--device");
  refused([](TrainOptions &o) { o.checkpointEvery = 5; }, "--checkpoint-dir");
  refused([](TrainOptions &o) { o.resume = ""; }, "--resume");
  refused([](TrainOptions &o) { o.resume = "x", o.init = "y"; }, "--init");
}

TEST(Options, GroupedNumbers) {
  EXPECT_EQ(groupedNumber(0), "0");
  EXPECT_EQ(groupedNumber(999), "999");
  EXPECT_EQ(groupedNumber(1000), "1,000");
  EXPECT_EQ(groupedNumber(124439808), "124,439,808");
  EXPECT_EQ(groupedNumber(-1234), "-1,234");
}

TEST(Options, InfoNeedsNoMachine) {
  TestPlan test = bigramPlan();
  test.useCuda();
  std::string output;
  Console console{[&](std::string_view line) { (output += line) += "\n"; }, {}};
  ASSERT_SUCCESS(info(*test.load(), {}, console));
  EXPECT_THAT(output, testing::HasSubstr("Bigram: 25 parameters"));
  EXPECT_THAT(output, testing::HasSubstr("entry     update: 2 commands"));
  output.clear();
  ASSERT_SUCCESS(info(*test.load(), {.json = true}, console));
  nlohmann::json json = nlohmann::json::parse(output);
  EXPECT_EQ(json["parameters"], 25);
  EXPECT_EQ(json["memory"]["train"]["segments"]["transient"], 512);
  EXPECT_EQ(json["memory"]["train_and_evaluate"]["segments"]["transient"], 1024);
  EXPECT_EQ(json["memory"]["sample"]["segments"]["optimizer"], 0);
  EXPECT_EQ(json["memory"]["sample"]["bytes"],
            test.plan.segments[0]->bytes + test.plan.segments[3]->bytes);
  EXPECT_FALSE(json["entries"]["update"].contains("command_list"));
}

TEST(Options, InfoListsCommands) {
  TestPlan test = bigramPlan();
  std::string output;
  Console console{[&](std::string_view line) { (output += line) += "\n"; }, {}};
  ASSERT_SUCCESS(info(*test.load(), {.commands = true}, console));
  EXPECT_THAT(output, testing::ContainsRegex("\nupdate\n    1  launch [^\n]*\n    2  launch "));
  output.clear();
  ASSERT_SUCCESS(info(*test.load(), {.json = true, .commands = true}, console));
  nlohmann::json list = nlohmann::json::parse(output)["entries"]["update"]["command_list"];
  ASSERT_EQ(list.size(), 2);
  EXPECT_EQ(list[0]["kind"], "launch");
  EXPECT_EQ(list[0]["instances"], 1);
}

/// A model with inputs x [4, 2] and label [4], whose entries do nothing: loss and norm stay 0.
class ArrayModel : public RunFixture {
protected:
  ArrayModel() {
    plan.useTestKernels();
    uint32_t io = plan.addSegment("io", 0);
    plan.addTensor("x", fb::TensorKind::input, io, {4, 2}, 3);
    plan.addTensor("label", fb::TensorKind::input, io, {4}, 0, fb::DataType::int32).limit = 3;
    plan.addTensor("output:loss", fb::TensorKind::output, io, {});
    plan.addTensor("seen", fb::TensorKind::state, io, {16}).init = fb::InitKind::constant;
    plan.launch(plan.addEntry("accumulate_first", {io}), "test_touch", {plan.at("seen")}, 3);
    plan.addEntry("update", {io});
  }

  std::string writeArrays(const std::string &name, std::vector<int32_t> labels) {
    std::vector<SafetensorsEntry> entries = {
        {"x", HostType::float32, {static_cast<int64_t>(labels.size()), 2}},
        {"label", HostType::int32, {static_cast<int64_t>(labels.size())}}};
    std::string path = folder / name;
    std::vector<float> x(2 * labels.size(), 0.5f);
    Status status = writeSafetensors(path, entries, {}, [&](size_t i, FileWriter &writer) {
      return writer.write(i == 0 ? std::as_bytes(std::span(x)) : std::as_bytes(std::span(labels)));
    });
    EXPECT_TRUE(status.ok()) << status.message();
    return path;
  }

  TestPlan plan;
};

TEST_F(ArrayModel, TrainsOnExamples) {
  TrainOptions options;
  options.data = writeArrays("train.safetensors", {0, 1, 2, 0, 1, 2, 0, 1, 2});
  options.steps = 3;
  options.totalBatchSize = 4;
  options.log = folder / "log.jsonl";
  ASSERT_SUCCESS(train(*plan.load(), options, console));
  EXPECT_THAT(output, testing::HasSubstr("4 examples a step (4)"));
  EXPECT_EQ(readLog(options.log).size(), 3u);
  options.totalBatchSize = 6;
  expectFailure(train(*plan.load(), options, console), Code::invalidArgument, {"4 examples"});
  options.totalBatchSize = 8;
  expectFailure(train(*plan.load(), options, console), Code::failedPrecondition,
                {"no entry \"accumulate_middle\""});
}

TEST_F(ArrayModel, RefusesDataThatDoesNotFit) {
  TrainOptions options;
  options.data = writeArrays("train.safetensors", {0, 1, 3, 0});
  expectFailure(train(*plan.load(), options, console), Code::dataError,
                {"train.safetensors", "label", "3"});
  options.data = folder / "data";
  expectFailure(train(*plan.load(), options, console), Code::failedPrecondition,
                {"data", "x [4, 2], label [4]", ".safetensors"});
}

} // namespace
} // namespace gptc::runtime::test
