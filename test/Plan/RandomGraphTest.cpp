// Random graphs through all of the compiler and the runtime, against the interpreter.
//
//   GPTC_RANDOM_SEED=N GPTC_RANDOM_COUNT=M PlanRandomTests     M graphs from seed N on, by default
//   320 from 1 on
#include "PlanHarness.h"

#include "gtest/gtest.h"

#include <cstdlib>

using namespace gptc;
using namespace gptc::test;

static unsigned setting(const char *name, unsigned otherwise) {
  const char *text = std::getenv(name);
  return text ? std::strtoul(text, nullptr, 10) : otherwise;
}

TEST(RandomGraph, PlanComputesWhatTheInterpreterDoes) {
  constexpr unsigned perModule = 8; // code generation has a cost for each module
  unsigned first = setting("GPTC_RANDOM_SEED", 1), count = setting("GPTC_RANDOM_COUNT", 320);
  int failures = 0;
  for (unsigned seed = first; seed < first + count && failures < 5; seed += perModule) {
    std::vector<RandomGraph> graphs;
    static constexpr TrainingPrecision precisions[] = {
        TrainingPrecision::fp32, TrainingPrecision::bf16, TrainingPrecision::fp32,
        TrainingPrecision::fp16};
    for (unsigned i = seed; i < std::min(seed + perModule, first + count); ++i) {
      graphs.push_back(
          makeRandomGraph(i, i % 16 == 0 ? 30 : 2 + i % 9)); // a long one in each other module
      graphs.back().precision = precisions[seed / perModule % 4];
    }
    std::vector<std::string> errors = checkGraphs(graphs);
    for (size_t i = 0; i < graphs.size(); ++i) {
      if (errors[i].empty())
        continue;
      ++failures;
      RandomGraph small = checkGraph(graphs[i]).empty() ? graphs[i] : shrink(graphs[i]);
      ADD_FAILURE() << "seed " << seed + i << ": " << errors[i] << small.text()
                    << checkGraph(small);
    }
  }
}
