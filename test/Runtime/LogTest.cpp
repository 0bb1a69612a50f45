// The JSON-lines log: its lines, and what a resumed run keeps.
#include "runtime/train/Log.h"

#include "test/Runtime/TestFiles.h"

#include <cmath>
#include <nlohmann/json.hpp>

using namespace gptc::runtime;
using namespace gptc::runtime::test;

namespace {

StepRecord stepOf(int64_t step) {
  return {step, 10.5 - 0.25 * double(step), 1e-4, 1.5, 12.25, 5000};
}

std::string lineOf(int64_t step) { return toJsonLine(stepOf(step)) + "\n"; }
std::string evaluationOf(int64_t step) {
  return toJsonLine(EvaluationRecord{step, 3.25, std::nullopt}) + "\n";
}

} // namespace

TEST(Log, LossScalingHasKeysOfItsOwn) {
  StepRecord record = stepOf(3);
  EXPECT_EQ(toJsonLine(record).find("skipped"), std::string::npos);
  record.lossScale = 1024;
  record.skipped = true;
  std::string line = toJsonLine(record);
  EXPECT_NE(line.find(R"("loss_scale":1024.0,"skipped":true)"), std::string::npos) << line;
}

TEST(Log, LinesHaveTheKeysOfTheirKind) {
  EXPECT_EQ(
      toJsonLine(stepOf(0)),
      R"({"step":0,"loss":10.5,"lr":0.0001,"norm":1.5,"ms":12.25,"tokens_per_second":5000.0})");
  EXPECT_EQ(toJsonLine(EvaluationRecord{7, 3.25, std::nullopt}), R"({"step":7,"val_loss":3.25})");
  EXPECT_EQ(toJsonLine(EvaluationRecord{7, 3.25, 0.5}),
            R"({"step":7,"val_loss":3.25,"hellaswag":0.5})");
}

TEST(Log, NumbersComeBackExactly) {
  for (double value : {0.1, 1.0 / 3, 3.4028234663852886e38, 5e-324, 10.824905395507812}) {
    StepRecord record = stepOf(3);
    record.loss = value;
    auto line = nlohmann::json::parse(toJsonLine(record));
    EXPECT_EQ(line["loss"].get<double>(), value);
  }
  StepRecord record = stepOf(3);
  record.loss = NAN;
  record.norm = INFINITY;
  auto line = nlohmann::json::parse(toJsonLine(record));
  EXPECT_TRUE(line["loss"].is_null());
  EXPECT_TRUE(line["norm"].is_null());
}

TEST(Log, NewLogReplacesTheOld) {
  TemporaryFolder folder;
  std::string path = folder.write("log.jsonl", "something else\n");
  auto log = LogWriter::create(path);
  ASSERT_SUCCESS(log);
  ASSERT_SUCCESS(log->write(EvaluationRecord{0, 3.25, std::nullopt}));
  for (int64_t step = 0; step < 3; ++step) {
    ASSERT_SUCCESS(log->write(stepOf(step)));
    // Whole lines are there at once.
    EXPECT_EQ(readWholeFile(path)->back(), '\n');
  }
  EXPECT_EQ(*readWholeFile(path), evaluationOf(0) + lineOf(0) + lineOf(1) + lineOf(2));
}

TEST(Log, ResumeDropsWhatCameAfterTheCheckpoint) {
  TemporaryFolder folder;
  std::string kept = evaluationOf(0) + lineOf(0) + "{\"note\":1}\n" + lineOf(1);
  std::string path = folder.write("log.jsonl", kept + evaluationOf(2) + lineOf(2) + lineOf(3));
  auto log = LogWriter::resume(path, 2);
  ASSERT_SUCCESS(log);
  EXPECT_EQ(*readWholeFile(path), kept);
  ASSERT_SUCCESS(log->write(stepOf(2)));
  EXPECT_EQ(*readWholeFile(path), kept + lineOf(2));
}

TEST(Log, ResumeDropsALineThatWasCutShort) {
  TemporaryFolder folder;
  for (size_t cut = 1; cut < lineOf(1).size(); ++cut) {
    std::string path = folder.write("log.jsonl", lineOf(0) + lineOf(1).substr(0, cut));
    auto log = LogWriter::resume(path, 5);
    ASSERT_SUCCESS(log);
    ASSERT_EQ(*readWholeFile(path), lineOf(0)) << cut;
  }
}

TEST(Log, ResumeWithNothingToKeep) {
  TemporaryFolder folder;
  auto log = LogWriter::resume(folder / "new.jsonl", 5);
  ASSERT_SUCCESS(log);
  ASSERT_SUCCESS(log->write(stepOf(5)));
  EXPECT_EQ(*readWholeFile(folder / "new.jsonl"), lineOf(5));
  auto again = LogWriter::resume(folder / "new.jsonl", 0);
  ASSERT_SUCCESS(again);
  EXPECT_EQ(*readWholeFile(folder / "new.jsonl"), "");
}

TEST(Log, ForeignFilesAreLeftAlone) {
  TemporaryFolder folder;
  for (const char *content : {"dear diary\n", "[1]\n", "{\"step\":0}\n\n{\"step\":1}\n"}) {
    std::string path = folder.write("file", content);
    expectFailure(LogWriter::resume(path, 5), Code::dataError, {path, "line"});
    EXPECT_EQ(*readWholeFile(path), content);
  }
}

TEST(Log, ErrorsNameTheFile) {
  TemporaryFolder folder;
  expectFailure(LogWriter::create(folder / "no/log"), Code::ioError,
                {"--log " + (folder / "no/log")});
  expectFailure(LogWriter::create(folder.path()), Code::ioError, {folder.path()});
  auto full = LogWriter::create("/dev/full");
  ASSERT_SUCCESS(full);
  expectFailure(full->write(stepOf(0)), Code::ioError, {"--log", "/dev/full", "No space left"});
}
