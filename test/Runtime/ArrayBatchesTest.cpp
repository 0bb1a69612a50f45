// Arrays by input name: loading, splits, batches.
#include "runtime/data/ArrayBatches.h"

#include "runtime/data/Safetensors.h"
#include "test/Runtime/TestFiles.h"

#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

using namespace gptc::runtime;
using namespace gptc::runtime::test;
using ::testing::ElementsAre;

namespace {

/// A file with x [count, 2] (row i: i, i + 0.5), label [count] (i, int64).
std::string writeArrays(const TemporaryFolder &folder, const std::string &name, int64_t count) {
  std::vector<float> x;
  std::vector<int64_t> label;
  for (int64_t i = 0; i < count; ++i) {
    x.insert(x.end(), {static_cast<float>(i), static_cast<float>(i) + 0.5f});
    label.push_back(i);
  }
  std::vector<SafetensorsEntry> entries = {{"x", HostType::float32, {count, 2}},
                                           {"label", HostType::int64, {count}}};
  std::string path = folder / name;
  Status status = writeSafetensors(path, entries, {}, [&](size_t i, FileWriter &writer) {
    return writer.write(i == 0 ? rawAll(x) : rawAll(label));
  });
  EXPECT_TRUE(status.ok()) << status.message();
  return path;
}

std::vector<InputSpec> inputsOf(int64_t batch) {
  return {{"x", false, {batch, 2}}, {"label", true, {batch}}};
}

/// The labels of the next batch; checks that x belongs to them.
std::vector<int32_t> labels(ArrayBatches &batches, size_t size) {
  std::vector<float> x(size * 2);
  std::vector<int32_t> label(size);
  std::vector<void *> buffers = {x.data(), label.data()};
  Status status = batches.next(buffers);
  EXPECT_TRUE(status.ok()) << status.message();
  for (size_t i = 0; i < size; ++i) {
    EXPECT_EQ(x[2 * i], static_cast<float>(label[i]));
    EXPECT_EQ(x[2 * i + 1], static_cast<float>(label[i]) + 0.5f);
  }
  return label;
}

} // namespace

TEST(ArrayData, OneFileIsSplitAtTheLastTenth) {
  TemporaryFolder folder;
  auto data = ArrayData::load(writeArrays(folder, "moons.safetensors", 25));
  ASSERT_SUCCESS(data);
  EXPECT_EQ(data->training.count, 23);
  EXPECT_EQ(data->validation.first, 23);
  EXPECT_EQ(data->validation.count, 2);
  auto batches = ArrayBatches::create(data->validation, inputsOf(2), Shuffle::none, 1);
  ASSERT_SUCCESS(batches);
  EXPECT_THAT(labels(*batches, 2), ElementsAre(23, 24));
}

TEST(ArrayData, NamesPickTheSplit) {
  TemporaryFolder folder;
  writeArrays(folder, "train.safetensors", 5);
  writeArrays(folder, "val.safetensors", 3);
  folder.write("notes.txt", "not an array");
  auto data = ArrayData::load(folder.path());
  ASSERT_SUCCESS(data);
  EXPECT_EQ(data->training.count, 5);
  EXPECT_EQ(data->validation.count, 3);
  EXPECT_EQ(data->validation.name, "validation");
  EXPECT_TRUE(ArrayData::recognises(folder.path()));

  auto only = ArrayData::load(folder / "val.safetensors");
  ASSERT_SUCCESS(only);
  EXPECT_EQ(only->training.count, 0);
  EXPECT_EQ(only->validation.count, 3);
  expectFailure(ArrayBatches::create(only->training, inputsOf(1), Shuffle::none, 1),
                Code::dataError, {"training", "no examples"});

  std::filesystem::rename(folder / "train.safetensors", folder / "rest.safetensors");
  auto rest = ArrayData::load(folder.path());
  ASSERT_SUCCESS(rest);
  EXPECT_EQ(rest->training.count, 5);
}

TEST(ArrayData, ReadsNpz) {
  auto data = ArrayData::load(fixture("stored.npz"));
  ASSERT_SUCCESS(data);
  EXPECT_EQ(data->training.arrays.size(), 2u);
  EXPECT_EQ(data->training.count, 3);
  EXPECT_EQ(data->validation.count, 0);
  expectFailure(ArrayData::load(fixture("deflated.npz")), Code::dataError,
                {fixture("deflated.npz"), "3 examples", "100"});
}

TEST(ArrayData, BadFilesAreErrors) {
  TemporaryFolder folder;
  expectFailure(ArrayData::load(folder / "none.npz"), Code::notFound, {folder / "none.npz"});
  EXPECT_TRUE(ArrayData::recognises(folder / "none.npz"));
  EXPECT_FALSE(ArrayData::recognises(folder / "none.txt"));
  expectFailure(ArrayData::load(folder.path()), Code::dataError, {"found no such file"});
  expectFailure(ArrayData::load(folder.write("text.txt", "x")), Code::dataError,
                {"found no such file"});
  expectFailure(ArrayData::load(folder.write("bad.npz", "x")), Code::dataError, {"bad.npz"});
  std::filesystem::remove(folder / "bad.npz");
  writeArrays(folder, "none.safetensors", 0);
  expectFailure(ArrayData::load(folder.path()), Code::dataError, {"no examples"});
  expectFailure(ArrayData::load(folder.write("void.safetensors", raw(uint64_t{2}) + "{}")),
                Code::dataError, {"void.safetensors", "no arrays"});
  expectFailure(ArrayData::load(folder.path()), Code::dataError,
                {"none.safetensors and", "void.safetensors"});
  std::filesystem::remove(folder / "void.safetensors");
  writeArrays(folder, "train.safetensors", 3);
  expectFailure(ArrayData::load(folder.path()), Code::dataError,
                {"which split", "none.safetensors"});

  std::string path = folder / "scalar.safetensors";
  std::vector<SafetensorsEntry> entries = {{"x", HostType::float32, {}}};
  ASSERT_SUCCESS(writeSafetensors(path, entries, {},
                                  [](size_t, FileWriter &writer) { return writer.write("1234"); }));
  expectFailure(ArrayData::load(path), Code::dataError, {path, "\"x\" has no axes"});
}

TEST(ArrayBatches, SequentialLeavesTheRemainderOut) {
  TemporaryFolder folder;
  auto data = ArrayData::load(writeArrays(folder, "train.safetensors", 10));
  ASSERT_SUCCESS(data);
  auto batches = ArrayBatches::create(data->training, inputsOf(4), Shuffle::none, 1);
  ASSERT_SUCCESS(batches);
  EXPECT_EQ(batches->batchesPerEpoch(), 2);
  EXPECT_THAT(labels(*batches, 4), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(labels(*batches, 4), ElementsAre(4, 5, 6, 7));
  EXPECT_THAT(labels(*batches, 4), ElementsAre(0, 1, 2, 3));
  batches->reset();
  EXPECT_THAT(labels(*batches, 4), ElementsAre(0, 1, 2, 3));
  // Fewer examples than a batch: they repeat.
  auto large = ArrayBatches::create(data->training, inputsOf(13), Shuffle::none, 1);
  ASSERT_SUCCESS(large);
  EXPECT_THAT(labels(*large, 13), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2));
  EXPECT_THAT(labels(*large, 13), ElementsAre(3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5));
  // Ranks share the rows of a step.
  auto rank1 = ArrayBatches::create(data->training, inputsOf(2), Shuffle::none, 1, 1, 2);
  ASSERT_SUCCESS(rank1);
  EXPECT_THAT(labels(*rank1, 2), ElementsAre(2, 3));
  EXPECT_THAT(labels(*rank1, 2), ElementsAre(6, 7));
  EXPECT_THAT(labels(*rank1, 2), ElementsAre(2, 3));
}

TEST(ArrayBatches, PermutationTakesEachExampleOncePerEpoch) {
  TemporaryFolder folder;
  auto data = ArrayData::load(writeArrays(folder, "train.safetensors", 10));
  ASSERT_SUCCESS(data);
  auto batches = ArrayBatches::create(data->training, inputsOf(4), Shuffle::permutation, 1);
  ASSERT_SUCCESS(batches);
  std::vector<int32_t> all;
  for (int i = 0; i < 5; ++i) {
    std::vector<int32_t> part = labels(*batches, 4);
    all.insert(all.end(), part.begin(), part.end());
  }
  for (size_t epoch = 0; epoch < 2; ++epoch)
    EXPECT_EQ(std::set<int32_t>(all.begin() + static_cast<ptrdiff_t>(epoch * 10),
                                all.begin() + static_cast<ptrdiff_t>(epoch * 10 + 10))
                  .size(),
              10u);
}

TEST(ArrayBatches, ResumesExactly) {
  TemporaryFolder folder;
  auto data = ArrayData::load(writeArrays(folder, "train.safetensors", 30));
  ASSERT_SUCCESS(data);
  for (Shuffle shuffle : {Shuffle::none, Shuffle::windows, Shuffle::permutation}) {
    auto first = ArrayBatches::create(data->training, inputsOf(4), shuffle, 3);
    auto second = ArrayBatches::create(data->training, inputsOf(4), shuffle, 3);
    for (int i = 0; i < 9; ++i)
      (void)labels(*first, 4);
    ASSERT_SUCCESS(second->restore(nlohmann::json::parse(first->state().dump())));
    for (int i = 0; i < 20; ++i)
      ASSERT_EQ(labels(*first, 4), labels(*second, 4));
    for (const char *text : {"null", "{}", R"({"shuffle":"x"})",
                             R"({"shuffle":"windows","examples":30,"seed":4,"sample":0})",
                             R"({"shuffle":"none","examples":31,"seed":3,"sample":0})",
                             R"({"shuffle":"none","examples":30,"seed":3,"sample":-1})"})
      EXPECT_FALSE(second->restore(nlohmann::json::parse(text)).ok()) << text;
  }
}

TEST(ArrayBatches, ShapesAndTypesAreChecked) {
  TemporaryFolder folder;
  std::string path = writeArrays(folder, "train.safetensors", 10);
  auto data = ArrayData::load(path);
  ASSERT_SUCCESS(data);
  auto create = [&](InputSpec input) {
    return ArrayBatches::create(data->training, {input}, Shuffle::none, 1);
  };
  expectFailure(create({"y", false, {4, 2}}), Code::dataError, {path, "\"y\"", "label, x"});
  expectFailure(create({"x", false, {4, 3}}), Code::dataError,
                {path, "\"x\"", "[10, 3]", "[10, 2]"});
  expectFailure(create({"x", false, {4}}), Code::dataError, {"[10] is required, found [10, 2]"});
  expectFailure(create({"x", true, {4, 2}}), Code::dataError, {"whole numbers", "float32"});
  EXPECT_TRUE(create({"label", false, {4}}).ok());
  expectFailure(create({"x", false, {}}), Code::invalidArgument, {"\"x\""});
  expectFailure(create({"x", false, {0, 2}}), Code::invalidArgument, {"\"x\""});
  expectFailure(ArrayBatches::create(data->training, {{"x", false, {4, 2}}, {"label", true, {5}}},
                                     Shuffle::none, 1),
                Code::invalidArgument, {"label"});
  expectFailure(ArrayBatches::create(data->training, inputsOf(2), Shuffle::none, 1, 2, 2),
                Code::invalidArgument, {"rank 2 of 2"});
}

TEST(ArrayBatches, WholeNumbersAreHeldWithinBounds) {
  TemporaryFolder folder;
  auto data = ArrayData::load(writeArrays(folder, "train.safetensors", 10));
  ASSERT_SUCCESS(data);
  auto batches =
      ArrayBatches::create(data->training, {{"label", true, {4}, 0, 5}}, Shuffle::none, 1);
  ASSERT_SUCCESS(batches);
  std::vector<int32_t> label(4);
  std::vector<void *> buffers = {label.data()};
  ASSERT_SUCCESS(batches->next(buffers));
  expectFailure(batches->next(buffers), Code::dataError,
                {"\"label\", example 6", "6 is not within 0 to 5"});
  expectFailure(batches->next({}), Code::internal, {"0 buffers"});
}
