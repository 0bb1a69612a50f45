// A small run of the bigram plan: data files, options, and what came of it.
#ifndef GPTC_TEST_RUNTIME_EXECUTE_RUNFIXTURE_H
#define GPTC_TEST_RUNTIME_EXECUTE_RUNFIXTURE_H

#include "TestPlan.h"
#include "runtime/app/Train.h"
#include "runtime/data/Npy.h"
#include "test/Runtime/TestFiles.h"

#include <nlohmann/json.hpp>
#include <random>

namespace gptc::runtime::test {

class RunFixture : public testing::Test {
protected:
  RunFixture() {
    std::mt19937 random(3);
    // A chain in which each token has a favourite successor, so that there is something to learn.
    for (int32_t token = 0; stream.size() < 100;) {
      stream.push_back(token);
      token = random() % 3 == 0 ? static_cast<int32_t>(random() % vocabulary)
                                : (2 * token + 1) % vocabulary;
    }
    writeShard("data/train.npy", std::span(stream));
    writeShard("data/val.npy", std::span(stream).first(40));
    console.out = [this](std::string_view line) { (output += line) += "\n"; };
    console.note = [this](std::string_view line) { (notes += line) += "\n"; };
  }

  void writeShard(const std::string &name, std::span<const int32_t> tokens) {
    std::filesystem::create_directories(std::filesystem::path(folder / name).parent_path());
    std::vector<uint16_t> narrow(tokens.begin(), tokens.end());
    std::vector<int64_t> shape = {static_cast<int64_t>(narrow.size())};
    ASSERT_SUCCESS(
        writeNpy(folder / name, HostType::uint16, shape, std::as_bytes(std::span(narrow))));
  }

  /// 12 steps of two micro-batches.
  TrainOptions options() const {
    TrainOptions options;
    options.data = folder / "data";
    options.steps = 12;
    options.totalBatchSize = 2 * positions;
    options.learningRate = 0.05;
    options.warmupSteps = 3;
    options.evalEvery = 5;
    options.log = folder / "log.jsonl";
    options.device.threads = 2;
    return options;
  }

  Status run(const TrainOptions &options) {
    output.clear();
    notes.clear();
    Result<Plan> plan = bigram.load();
    return plan.ok() ? train(*plan, options, console) : plan.status();
  }

  /// The log's lines; of the steps without the times.
  std::vector<nlohmann::json> readLog(const std::string &path) const {
    std::vector<nlohmann::json> lines;
    std::istringstream text(*readWholeFile(path));
    for (std::string line; std::getline(text, line);) {
      lines.push_back(nlohmann::json::parse(line));
      lines.back().erase("ms");
      lines.back().erase("tokens_per_second");
    }
    return lines;
  }

  TemporaryFolder folder;
  std::vector<int32_t> stream;
  TestPlan bigram = bigramPlan();
  Console console;
  std::string output, notes;
};

} // namespace gptc::runtime::test

#endif // GPTC_TEST_RUNTIME_EXECUTE_RUNFIXTURE_H
