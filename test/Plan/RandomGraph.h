// Random entries in the gpt dialect: what a description or a pass could have made, and much that
// none would.
#ifndef GPTC_TEST_PLAN_RANDOMGRAPH_H
#define GPTC_TEST_PLAN_RANDOMGRAPH_H

#include "gptc/Transforms/Precision.h"

#include <cstdint>
#include <string>
#include <vector>

namespace gptc::test {

using Shape = std::vector<int64_t>;

/// "tensor<2x3xf32>"
std::string typeText(const Shape &shape, bool integer = false);

struct RandomVariable {
  std::string name, kind;
  Shape shape;
  int limit = 0; ///< of an integer variable, whose values lie in [lowest, limit)
  int lowest = 0;
  std::string owner = {}; ///< the parameter that a gradient or moment belongs to, if any

  bool isInteger() const { return limit != 0; }
};

/// One operation as text, the values that it makes and those that it uses.
struct Statement {
  std::string text;
  std::vector<std::string> makes, uses;
};

struct RandomGraph {
  std::string entry;
  std::vector<RandomVariable> variables;
  std::vector<Statement> statements;
  TrainingPrecision precision = TrainingPrecision::fp32; ///< that it is compiled for
  /// What axes of parameters are padded to multiples of, whatever that adds; 1: none.
  int64_t padMultiple = 1;

  std::string text() const;
  bool holds(const std::string &operation) const;
};

/// The graph of a seed: up to `operations` operations on shapes of up to four axes. Values stay
/// small and each operation is continuous in its operands, so that float32 may be compared with
/// float64. With `modelLike` it is more like a model: half of what it reads are parameters, many
/// operations are products, and few writes go to variables that are there already.
RandomGraph makeRandomGraph(unsigned seed, int operations, bool modelLike = false);

} // namespace gptc::test

#endif // GPTC_TEST_PLAN_RANDOMGRAPH_H
