// Random graphs through all of the compiler and the runtime, against the interpreter.
//
//   GPTC_RANDOM_SEED=N GPTC_RANDOM_COUNT=M PlanRandomTests     M graphs from seed N on, by default
//   320 from 1 on (N is 1 at least)
#include "PlanHarness.h"

#include "gtest/gtest.h"

#include <cstdlib>

using namespace gptc;
using namespace gptc::test;

static unsigned setting(const char *name, unsigned otherwise) {
  const char *text = std::getenv(name);
  return text ? std::strtoul(text, nullptr, 10) : otherwise;
}

static constexpr unsigned perModule = 8; ///< code generation has a cost for each module

/// The graph of a seed, from 1 on. One of 16 is long. Graphs of one module have one precision, and
/// their parameters are padded to multiples of one number.
static RandomGraph graphOf(unsigned seed) {
  static constexpr TrainingPrecision precisions[] = {
      TrainingPrecision::fp32, TrainingPrecision::bf16, TrainingPrecision::fp32,
      TrainingPrecision::fp16};
  static constexpr int64_t multiples[] = {1, 1, 16, 1, 64, 16, 2, 64};
  unsigned module = (seed - 1) / perModule;
  int64_t multiple = multiples[module % 8];
  RandomGraph graph =
      makeRandomGraph(seed, seed % 16 == 0 ? 30 : 2 + seed % 9, /*modelLike=*/multiple > 1);
  graph.precision = precisions[module % 4];
  graph.padMultiple = multiple;
  return graph;
}

TEST(RandomGraph, PlanComputesWhatTheInterpreterDoes) {
  unsigned first = setting("GPTC_RANDOM_SEED", 1), count = setting("GPTC_RANDOM_COUNT", 320);
  int failures = 0;
  for (unsigned seed = first, end; seed < first + count && failures < 5; seed = end) {
    std::vector<RandomGraph> graphs;
    end = std::min((seed - 1) / perModule * perModule + perModule + 1, first + count);
    for (unsigned i = seed; i < end; ++i)
      graphs.push_back(graphOf(i));
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

/// Padding meets the graphs above: parameters with their gradients and moments, in each precision.
TEST(RandomGraph, IsPaddedOftenEnough) {
  int graphs = 0, variables = 0;
  for (unsigned seed = 1; seed <= 320; ++seed) {
    int padded = countPadded(graphOf(seed));
    ASSERT_GE(padded, 0) << seed;
    graphs += padded > 0;
    variables += padded;
  }
  EXPECT_GE(graphs, 40);
  EXPECT_GT(variables, graphs);
}
