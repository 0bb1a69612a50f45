// Training with the bigram plan: the numbers, what is written, what is refused beforehand.
#include "BigramReference.h"
#include "RunFixture.h"
#include "runtime/app/Bench.h"
#include "runtime/app/Evaluate.h"
#include "runtime/app/Interrupt.h"
#include "runtime/data/Safetensors.h"

#include <cmath>
#include <csignal>
#include <fmt/format.h>
#include <thread>

namespace gptc::runtime::test {
namespace {

class TrainTest : public RunFixture {
protected:
  /// The table that a seed gives.
  std::vector<float> initialTable(uint64_t seed) {
    Result<Plan> plan = bigram.load();
    std::vector<std::string> entries = {"logits"};
    Result<Session> session = Session::create(*plan, entries);
    EXPECT_TRUE(session.ok() && session->initialize(seed).ok());
    std::vector<float> table(25);
    EXPECT_TRUE(session->read(*plan->findTensor("table"), std::span(table)).ok());
    return table;
  }
};

/// Losses, norms, rates and evaluations of a whole run against the reference in double precision.
/// Twelve steps of a model of 25 numbers: float32 rounds some hundred times a step, so 1e-5 is
/// ample.
TEST_F(TrainTest, FollowsTheReference) {
  for (double clipNorm : {1.0, 0.05, 0.0}) {
    TrainOptions options = this->options();
    options.clipNorm = clipNorm;
    ASSERT_SUCCESS(run(options));

    BigramReference reference(initialTable(options.seed));
    std::vector<nlohmann::json> log = readLog(options.log);
    ASSERT_EQ(log.size(), 12u + 4u); // evaluations at 0, 5, 10 and 12
    size_t line = 0, position = 0;
    auto expectEvaluation = [&](int step) {
      double mean = 0; // four batches of 8 fit into 40 tokens
      for (size_t batch = 0; batch < 4; ++batch)
        mean += reference.loss(stream, batch * positions) / 4;
      EXPECT_EQ(log[line].at("step"), step);
      EXPECT_NEAR(log[line].at("val_loss").get<double>(), mean, 1e-5);
      EXPECT_EQ(log[line].size(), 2u);
      ++line;
    };
    for (int step = 0; step < 12; ++step) {
      if (step % 5 == 0)
        expectEvaluation(step);
      std::vector<size_t> microBatches;
      for (int i = 0; i < 2; ++i) {
        microBatches.push_back(position);
        position += positions;
        if (position + positions + 1 > stream.size())
          position = 0;
      }
      double rate = step < 3 ? 0.05 * (step + 1) / 3
                             : 0.005 + (1 + std::cos(M_PI * (step - 3) / 9.0)) / 2 * 0.045;
      BigramReference::Step expected =
          reference.step(stream, microBatches, rate, {.clipNorm = clipNorm});
      EXPECT_EQ(log[line].at("step"), step);
      EXPECT_NEAR(log[line].at("loss").get<double>(), expected.loss, 1e-5) << step;
      EXPECT_NEAR(log[line].at("norm").get<double>(), expected.norm, 1e-5) << step;
      EXPECT_NEAR(log[line].at("lr").get<double>(), rate, 1e-12) << step;
      ++line;
    }
    expectEvaluation(12);
  }
}

TEST_F(TrainTest, IsTheSameAgainAndWithOtherThreads) {
  TrainOptions options = this->options();
  ASSERT_SUCCESS(run(options));
  auto first = readLog(options.log);
  ASSERT_SUCCESS(run(options));
  EXPECT_EQ(readLog(options.log), first);
  options.device.threads = 1;
  ASSERT_SUCCESS(run(options));
  EXPECT_EQ(readLog(options.log), first); // these kernels do not sum across threads
  options.seed = 43;
  ASSERT_SUCCESS(run(options));
  EXPECT_NE(readLog(options.log), first);
}

TEST_F(TrainTest, PrintsASummary) {
  TrainOptions options = this->options();
  options.save = folder / "weights.safetensors";
  ASSERT_SUCCESS(run(options));
  uint64_t bytes = 0;
  for (const auto &segment : bigram.plan.segments)
    bytes += segment->bytes;
  EXPECT_THAT(output, testing::HasSubstr("Bigram: 25 parameters"));
  EXPECT_THAT(output,
              testing::HasSubstr(groupedNumber(static_cast<int64_t>(bytes)) + " bytes allocated"));
  EXPECT_THAT(output, testing::HasSubstr("2 threads; 16 tokens a step (2 x 4, 2 micro-batches)"));
  EXPECT_THAT(output, testing::HasSubstr("100 tokens for training, 40 for validation"));
  EXPECT_THAT(output, testing::HasSubstr("unigram entropy of validation 1."));
  EXPECT_THAT(output, testing::HasSubstr("ln(5) = 1.6094"));
  EXPECT_THAT(output, testing::HasSubstr("trained 12 steps; loss"));
}

TEST_F(TrainTest, KeysAndStatesReachThePlan) {
  TrainOptions options = this->options();
  options.save = folder / "weights.safetensors";
  options.seed = 77;
  ASSERT_SUCCESS(run(options));
  Result<SafetensorsFile> file = SafetensorsFile::open(options.save);
  ASSERT_SUCCESS(file);
  std::vector<float> count(4);
  copyAsFloat32(*file->find("count"), 0, count);
  // The seed, the last step, its last micro-batch, and 24 micro-batches in all.
  EXPECT_EQ(count, (std::vector<float>{77, 11, 1, 24}));
  EXPECT_EQ(file->tensors().size(), 2u);
}

TEST_F(TrainTest, TakesAnAccumulateLastWhereThereIsOne) {
  // An accumulate_last that counts the micro-batches twice.
  auto last = std::make_unique<fb::EntryT>(*bigram.plan.entries[1]);
  last->name = "accumulate_last";
  bigram.plan.entries.push_back(std::move(last));
  fb::EntryT &entry = *bigram.plan.entries.back();
  bigram.launch(entry, "test_count", {bigram.at("step:random"), bigram.at("count")}, 1);
  TrainOptions options = this->options();
  options.totalBatchSize = 3 * positions;
  options.save = folder / "weights.safetensors";
  ASSERT_SUCCESS(run(options));
  Result<SafetensorsFile> file = SafetensorsFile::open(options.save);
  ASSERT_SUCCESS(file);
  std::vector<float> count(4);
  copyAsFloat32(*file->find("count"), 0, count);
  EXPECT_EQ(count[3], 12 * 4);
}

TEST_F(TrainTest, RefusesWhatCannotWorkAndWritesNothing) {
  auto refused = [&](auto change, Code code, std::vector<std::string> parts) {
    TrainOptions options = this->options();
    options.save = folder / "weights.safetensors";
    change(options);
    expectFailure(run(options), code, parts);
    EXPECT_THAT(folder.names(), testing::UnorderedElementsAre("data", "odd", "text"));
  };
  writeShard("odd/train.npy", std::vector<int32_t>{1, 2, 3, 4, 1, 2, 3, 4, 7, 1, 2, 3, 4});
  folder.write("text/short.txt", "abcab");
  refused([&](TrainOptions &o) { o.totalBatchSize = 12; }, Code::invalidArgument,
          {"--total-batch-size 12", "multiple of the 8 tokens"});
  refused([&](TrainOptions &o) { o.beta1 = 1; }, Code::invalidArgument, {"--beta1"});
  refused([&](TrainOptions &o) { o.steps = -1; }, Code::invalidArgument, {"--steps"});
  refused([&](TrainOptions &o) { o.data = folder / "none"; }, Code::notFound, {"none"});
  refused([&](TrainOptions &o) { o.data = folder / "text"; }, Code::dataError, {"text"});
  refused([&](TrainOptions &o) { o.data = folder / "odd"; }, Code::dataError,
          {"odd/train.npy", "7"});
  refused([&](TrainOptions &o) { o.tokenizer = "wordpiece"; }, Code::notFound, {"wordpiece"});
  refused([&](TrainOptions &o) { o.save = folder / "no/weights"; }, Code::ioError,
          {"--save", "no/weights"});
  refused([&](TrainOptions &o) { o.save = folder.path(); }, Code::ioError,
          {"--save", "it is a folder"});
  refused([&](TrainOptions &o) { o.log = folder / "no/log"; }, Code::ioError, {"--log", "no/log"});
  refused([&](TrainOptions &o) { o.profile = folder / "no/p"; }, Code::ioError, {"--profile"});
  refused([&](TrainOptions &o) { o.checkpointDir = folder / "data/train.npy/x"; }, Code::ioError,
          {"--checkpoint-dir"});
  refused([&](TrainOptions &o) { o.init = folder / "none.safetensors"; }, Code::notFound,
          {"none.safetensors"});
  refused([&](TrainOptions &o) { o.resume = folder / "data"; }, Code::notFound, {"no checkpoint"});
  refused([&](TrainOptions &o) { o.sampleEvery = 3, o.prompt = "a"; }, Code::invalidArgument,
          {"--prompt \"a\"", "tokenizer"});
  bigram.plan.entries.pop_back();
  refused([&](TrainOptions &o) { o.sampleEvery = 3; }, Code::failedPrecondition,
          {"no entry \"logits\""});
}

TEST_F(TrainTest, StopsWhenTheLossIsNoNumber) {
  TrainOptions options = this->options();
  options.learningRate = 1e38;
  options.warmupSteps = 0;
  options.save = folder / "weights.safetensors";
  expectFailure(run(options), Code::failedPrecondition, {"diverged", "--learning-rate"});
  EXPECT_FALSE(std::filesystem::exists(options.save));
}

TEST_F(TrainTest, EvaluationIsLeftOutWhereThereIsNoData) {
  writeShard("short/train.npy", stream);
  writeShard("short/val.npy", std::span(stream).first(5));
  TrainOptions options = this->options();
  options.data = folder / "short";
  expectFailure(run(options), Code::dataError, {"short"}); // asked for by --eval-every
  options.evalEvery.reset();
  ASSERT_SUCCESS(run(options));
  EXPECT_THAT(notes, testing::HasSubstr("no evaluation"));
  EXPECT_EQ(readLog(options.log).size(), 12u);
}

TEST_F(TrainTest, AnInterruptEndsItAfterTheStep) {
  TrainOptions options = this->options();
  options.steps = 100000;
  options.evalEvery = 0;
  options.checkpointDir = folder / "checkpoints";
  bigram.launch(*bigram.plan.entries[2], "test_slow", {}, 1); // 20 ms a step
  std::thread user([&] { // waits for the first steps, then presses Ctrl-C
    std::error_code error;
    while (!(std::filesystem::file_size(options.log, error) > 0 && !error))
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::raise(SIGINT);
  });
  Status status = run(options);
  user.join();
  ASSERT_SUCCESS(status);
  EXPECT_THAT(output, testing::HasSubstr("interrupted after"));
  EXPECT_THAT(output, testing::HasSubstr("--resume"));
  size_t steps = readLog(options.log).size();
  EXPECT_GE(steps, 1u);
  EXPECT_LT(steps, 1000u);
  EXPECT_TRUE(std::filesystem::exists(
      fmt::format("{}/step-{:08}.safetensors", options.checkpointDir, steps)));
}

TEST_F(TrainTest, Profiles) {
  TrainOptions options = this->options();
  options.profile = folder / "trace.json";
  ASSERT_SUCCESS(run(options));
  EXPECT_THAT(notes, testing::HasSubstr("launch test_adamw"));
  EXPECT_TRUE(nlohmann::json::parse(*readWholeFile(options.profile)).contains("traceEvents"));
}

TEST_F(TrainTest, EvaluatesSavedWeights) {
  TrainOptions options = this->options();
  options.save = folder / "weights.safetensors";
  ASSERT_SUCCESS(run(options));
  double last = readLog(options.log).back().at("val_loss");
  EvalOptions evaluation;
  evaluation.data = options.data;
  evaluation.weights.init = options.save;
  output.clear();
  ASSERT_SUCCESS(evaluate(*bigram.load(), evaluation, console));
  EXPECT_THAT(output, testing::HasSubstr(
                          fmt::format("validation loss {:.6f} over 32 tokens (4 batches)", last)));
  evaluation.weights = {};
  expectFailure(evaluate(*bigram.load(), evaluation, console), Code::invalidArgument,
                {"--checkpoint"});
}

TEST_F(TrainTest, ServesTimings) {
  std::vector<std::string> requests = {"step", "step", "quit", "step"};
  size_t next = 0;
  auto lines = [&]() -> std::optional<std::string> {
    return next < requests.size() ? std::optional(requests[next++]) : std::nullopt;
  };
  BenchOptions options;
  options.serve = true;
  ASSERT_SUCCESS(bench(*bigram.load(), options, console, lines));
  std::istringstream answers(output);
  int count = 0;
  for (std::string line; std::getline(answers, line); ++count) {
    nlohmann::json answer = nlohmann::json::parse(line);
    EXPECT_GT(answer.at("ms").get<double>(), 0);
    EXPECT_NEAR(answer.at("loss").get<double>(), std::log(5), 1);
  }
  EXPECT_EQ(count, 2);
  requests = {"jump"};
  next = 0;
  expectFailure(bench(*bigram.load(), options, console, lines), Code::invalidArgument,
                {"\"jump\""});
}

TEST_F(TrainTest, TimesSteps) {
  BenchOptions options;
  options.json = true;
  options.steps = 5;
  ASSERT_SUCCESS(bench(*bigram.load(), options, console));
  nlohmann::json result = nlohmann::json::parse(output);
  EXPECT_EQ(result.at("steps"), 5);
  EXPECT_LE(result.at("min_ms"), result.at("median_ms"));
  EXPECT_GT(result.at("tokens_per_second").get<double>(), 0);
}

} // namespace
} // namespace gptc::runtime::test
