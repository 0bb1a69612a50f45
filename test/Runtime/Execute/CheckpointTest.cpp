// Checkpoints and weights: a resumed run is the run that was never interrupted; files that do not
// fit are refused with the names of what is wrong.
#include "runtime/app/Checkpoint.h"

#include "RunFixture.h"
#include <cmath>
#include <fmt/format.h>

namespace gptc::runtime::test {
namespace {

class CheckpointTest : public RunFixture {
protected:
  std::string fileBytes(const std::string &path) { return *readWholeFile(path); }

  /// Writes a safetensors file with these shapes, all ones.
  std::string weights(const std::string &name, std::vector<SafetensorsEntry> entries,
                      const SafetensorsMetadata &metadata = {}) {
    std::string path = folder / name;
    Status status = writeSafetensors(path, entries, metadata, [&](size_t i, FileWriter &writer) {
      return writer.write(std::string(
          static_cast<size_t>(*elementCount(entries[i].shape, entries[i].type)) * 4, '\0'));
    });
    EXPECT_TRUE(status.ok()) << status.message();
    return path;
  }
};

TEST_F(CheckpointTest, ResumingIsBitEqual) {
  for (Shuffle shuffle : {Shuffle::none, Shuffle::windows, Shuffle::permutation}) {
    TrainOptions whole = options();
    whole.shuffle = shuffle;
    whole.decaySteps = 12;
    whole.save = folder / "whole.safetensors";
    whole.checkpointDir = folder / fmt::format("whole-{}", shuffleName(shuffle));
    ASSERT_SUCCESS(run(whole));

    // Stops after 7 steps, and again after 10.
    TrainOptions part = whole;
    part.log = folder / "part.jsonl";
    part.save = folder / "part.safetensors";
    part.checkpointDir = folder / fmt::format("part-{}", shuffleName(shuffle));
    part.checkpointEvery = 4;
    part.steps = 7;
    ASSERT_SUCCESS(run(part));
    part.steps = 10;
    part.resume = "";
    ASSERT_SUCCESS(run(part));
    EXPECT_THAT(notes, testing::HasSubstr("step-00000007.safetensors at step 7"));
    // The last goes on from an earlier one, whose later lines the log drops.
    part.steps = 12;
    part.resume = checkpointPath(part.checkpointDir, 8);
    ASSERT_SUCCESS(run(part));

    auto withoutEnds =
        [](std::vector<nlohmann::json> log) { // evaluations at the end of a part are its own
          std::erase_if(log, [](const nlohmann::json &line) {
            return line.contains("val_loss") && line["step"] != 0 && line["step"] != 12;
          });
          return log;
        };
    EXPECT_EQ(withoutEnds(readLog(part.log)), withoutEnds(readLog(whole.log)));
    EXPECT_EQ(fileBytes(part.save), fileBytes(whole.save));
    EXPECT_EQ(fileBytes(checkpointPath(part.checkpointDir, 12)),
              fileBytes(checkpointPath(whole.checkpointDir, 12)));
  }
}

TEST_F(CheckpointTest, HoldsEverythingUnderLogicalNames) {
  TrainOptions options = this->options();
  options.checkpointDir = folder / "checkpoints";
  ASSERT_SUCCESS(run(options));
  Result<WeightFile> file = WeightFile::open(options.checkpointDir);
  ASSERT_SUCCESS(file);
  std::vector<std::string> names;
  for (const auto &tensor : file->file.tensors())
    names.push_back(tensor.name + " " + shapeText(tensor.array.shape));
  EXPECT_THAT(names, testing::UnorderedElementsAre("table [5, 5]", "count [4]",
                                                   "moment1:table [5, 5]", "moment2:table [5, 5]"));
  EXPECT_EQ(file->metadata.model, "Bigram");
  EXPECT_EQ(file->metadata.settings.at("batch_size"), 2);
  ASSERT_TRUE(file->metadata.progress);
  EXPECT_EQ(file->metadata.progress->step, 12);
  EXPECT_EQ(file->metadata.progress->options.at("learning-rate"), 0.05);
  EXPECT_EQ(file->file.metadata().at("format"), "pt");
}

TEST_F(CheckpointTest, NotesWhatDiffers) {
  TrainOptions options = this->options();
  options.shuffle = Shuffle::windows;
  options.checkpointDir = folder / "checkpoints";
  ASSERT_SUCCESS(run(options));
  ASSERT_SUCCESS(run(options));
  EXPECT_THAT(notes,
              testing::HasSubstr("holds checkpoints of an earlier run, the last at step 12"));
  options.resume = options.checkpointDir;
  options.steps = 14;
  options.learningRate = 0.025;
  ASSERT_SUCCESS(run(options));
  EXPECT_THAT(notes,
              testing::HasSubstr("--learning-rate is 0.025, in the checkpoint's run it was 0.05"));
  EXPECT_THAT(notes, testing::Not(testing::HasSubstr("--beta1")));
  options.steps = 13;
  expectFailure(run(options), Code::invalidArgument, {"--steps 13", "stands at step 14"});
  options.steps = 20;
  options.seed = 1;
  expectFailure(run(options), Code::dataError,
                {"step-00000014"}); // its batches were drawn by another seed
}

TEST_F(CheckpointTest, StartsANewRunAsWeights) {
  TrainOptions options = this->options();
  options.checkpointDir = folder / "checkpoints";
  ASSERT_SUCCESS(run(options));
  double end = readLog(options.log).back().at("val_loss");
  options.init = checkpointPath(options.checkpointDir, 12);
  options.checkpointDir.clear();
  ASSERT_SUCCESS(run(options));
  EXPECT_EQ(readLog(options.log).front().at("val_loss").get<double>(), end);
}

TEST_F(CheckpointTest, RefusesWeightsThatAreNotTheModels) {
  TrainOptions options = this->options();
  options.init = weights("w.safetensors", {{"table", HostType::float32, {5, 4}},
                                           {"tabel", HostType::float32, {5, 5}}});
  expectFailure(run(options), Code::dataError,
                {"w.safetensors", "missing: count",
                 "wrong shape: table is [5, 4], the model's [5, 5]", "not in the model: tabel"});
  std::vector<SafetensorsEntry> many;
  for (int i = 0; i < 20; ++i)
    many.push_back({fmt::format("extra{}", i), HostType::float32, {1}});
  options.init = weights("w.safetensors", many);
  expectFailure(run(options), Code::dataError, {"extra7 and 12 more"});
  EXPECT_FALSE(std::filesystem::exists(options.log));
}

TEST_F(CheckpointTest, ConvertsOtherNumberTypes) {
  TrainOptions options = this->options();
  options.init = weights("w.safetensors",
                         {{"table", HostType::int32, {5, 5}}, {"count", HostType::float32, {4}}});
  ASSERT_SUCCESS(run(options));
  EXPECT_NEAR(readLog(options.log).front().at("val_loss").get<double>(), std::log(5),
              1e-6); // all zeros
}

TEST_F(CheckpointTest, RefusesFilesThatAreNoCheckpoints) {
  TrainOptions options = this->options();
  std::vector<SafetensorsEntry> right = {{"table", HostType::float32, {5, 5}},
                                         {"count", HostType::float32, {4}}};
  options.resume = weights("w.safetensors", right);
  expectFailure(run(options), Code::dataError, {"w.safetensors", "not a checkpoint", "--init"});
  auto withMetadata = [&](const std::string &text) {
    options.resume = weights("w.safetensors", right, {{"gptc", text}});
    return run(options);
  };
  expectFailure(withMetadata("{"), Code::dataError, {"metadata is damaged"});
  expectFailure(withMetadata("{}"), Code::dataError, {"no version"});
  expectFailure(withMetadata(R"({"version": 99})"), Code::failedPrecondition, {"newer gptc"});
  expectFailure(withMetadata(R"({"version": 1, "progress": 3})"), Code::dataError,
                {"w.safetensors"});
  expectFailure(withMetadata(R"({"version": 1, "progress": {"step": "x"}})"), Code::dataError,
                {"no step"});
  expectFailure(withMetadata(R"({"version": 1, "tokenizer": {"type": 1}})"), Code::dataError,
                {"w.safetensors"});
  expectFailure(withMetadata(R"({"version": 1, "progress": {"step": 1}})"), Code::dataError,
                {"missing: moment1:table"});
  right.insert(right.end(), {{"moment1:table", HostType::float32, {5, 5}},
                             {"moment2:table", HostType::float32, {5, 5}}});
  expectFailure(withMetadata(R"({"version": 1, "progress": {"step": 1, "data": {"mode": 5}}})"),
                Code::dataError, {"w.safetensors"});
}

TEST_F(CheckpointTest, FindsTheLatest) {
  EXPECT_EQ(latestCheckpoint(folder / "nowhere"), std::nullopt);
  for (const char *name :
       {"step-00000003.safetensors", "step-00000120.safetensors", "step-123456789.safetensors",
        "step-x.safetensors", "step-5.safetensors.tmp", "step--1.safetensors", "step-.safetensors"})
    folder.write(std::string("c/") + name, "");
  EXPECT_EQ(latestCheckpoint(folder / "c"), 123456789);
  EXPECT_EQ(checkpointPath("c", 7), "c/step-00000007.safetensors");
}

} // namespace
} // namespace gptc::runtime::test
