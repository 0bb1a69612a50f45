// gptc-run as a program: exit codes, which stream says what, and a whole run by its commands.
#include "RunFixture.h"

#include <fmt/format.h>
#include <sys/wait.h>

namespace gptc::runtime::test {
namespace {

class GptcRun : public RunFixture {
protected:
  struct Outcome {
    int code;
    std::string out, err;
  };

  /// Runs gptc-run with arguments for the shell; P stands for the plan's path.
  Outcome call(const std::string &arguments, const std::string &input = "") {
    folder.write("stdin", input);
    std::string command = fmt::format("cd {} && {{ {} {}; }} <stdin >stdout 2>stderr",
                                      folder.path(), GPTC_RUN, arguments);
    int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, *readWholeFile(folder / "stdout"),
            *readWholeFile(folder / "stderr")};
  }

  void SetUp() override { folder.write("bigram.plan", bigram.pack()); }
};

TEST_F(GptcRun, TrainsEvaluatesAndSamples) {
  Outcome outcome = call(
      "train bigram.plan --data data --steps 20 --learning-rate 0.1 --eval-every 10 "
      "--checkpoint-dir c "
      "--checkpoint-every 10 --log log.jsonl --save w.safetensors --shuffle windows --threads 1");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, testing::HasSubstr("trained 20 steps"));
  EXPECT_EQ(readLog(folder / "log.jsonl").size(), 23u);
  outcome = call("train bigram.plan --data data --steps 30 --checkpoint-dir c --log log.jsonl "
                 "--shuffle windows --resume");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, testing::HasSubstr("resuming c/step-00000020.safetensors"));
  EXPECT_EQ(readLog(folder / "log.jsonl").back().at("step"), 30);
  outcome = call("eval bigram.plan --data data --checkpoint c");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, testing::StartsWith("validation loss"));
  outcome = call("sample bigram.plan --init w.safetensors --count 2 --max-tokens 4");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, testing::HasSubstr("--- sample 2 of 2 ---"));
  EXPECT_EQ(call("bench bigram.plan --serve", "step\nstep\n").code, 0);
  outcome = call("info bigram.plan --json");
  EXPECT_EQ(nlohmann::json::parse(outcome.out)["parameters"], 25);
}

TEST_F(GptcRun, HelpSucceedsWithExamples) {
  for (const char *command : {"", "train", "sample", "eval", "bench", "replay", "info"}) {
    Outcome outcome = call(std::string(command) + " --help");
    EXPECT_EQ(outcome.code, 0);
    EXPECT_THAT(outcome.out, testing::HasSubstr("Examples:\n  gptc-run "));
  }
}

TEST_F(GptcRun, TellsItsVersion) {
  Outcome outcome = call("--version");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.out, testing::MatchesRegex("gptc-run [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

TEST_F(GptcRun, WrongUsageIsTwo) {
  for (const char *arguments :
       {"", "fly", "train", "train bigram.plan", "train bigram.plan --data data --steps many",
        "info bigram.plan --jsn", "train bigram.plan --data data --shuffle all",
        "train bigram.plan --data data --steps -1",
        "train bigram.plan --data data --total-batch-size 7", "sample bigram.plan",
        "sample bigram.plan --init a --checkpoint b"}) {
    Outcome outcome = call(arguments);
    EXPECT_EQ(outcome.code, 2) << arguments << "\n" << outcome.err;
    EXPECT_EQ(outcome.out, "") << arguments;
    EXPECT_NE(outcome.err, "") << arguments;
  }
}

TEST_F(GptcRun, FailureIsOne) {
  folder.write("broken.plan", bigram.pack().substr(0, 2000));
  for (const auto &[arguments, culprit] : std::vector<std::pair<std::string, std::string>>{
           {"info none.plan", "none.plan"},
           {"info broken.plan", "broken.plan"},
           {"train bigram.plan --data none", "none"},
           {"train bigram.plan --data data --log no/log", "--log no/log"},
           {"eval bigram.plan --data data --init none.safetensors", "none.safetensors"}}) {
    Outcome outcome = call(arguments);
    EXPECT_EQ(outcome.code, 1) << arguments;
    EXPECT_THAT(outcome.err, testing::StartsWith("gptc-run: error: "));
    EXPECT_THAT(outcome.err, testing::HasSubstr(culprit));
  }
}

TEST_F(GptcRun, SaysWhatMemoryItLacks) {
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
  GTEST_SKIP() << "AddressSanitizer needs more address space than the test's limit allows";
#endif
#endif
  for (auto &segment : bigram.plan.segments)
    segment->bytes += segment->name == "optimizer" ? uint64_t{300} << 20 : 0;
  folder.write("large.plan", bigram.pack());
  Outcome outcome = call("bench large.plan; ulimit -v 250000; " GPTC_RUN " bench large.plan");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.out, testing::HasSubstr("median")); // without the limit
  EXPECT_THAT(outcome.err, testing::HasSubstr("large.plan: the plan needs"));
  EXPECT_THAT(outcome.err, testing::HasSubstr("ulimit -v"));
}

} // namespace
} // namespace gptc::runtime::test
