// Builds a random graph operation by operation.
#ifndef GPTC_TEST_PLAN_RANDOMGRAPHBUILDER_H
#define GPTC_TEST_PLAN_RANDOMGRAPHBUILDER_H

#include "RandomGraph.h"

#include <random>

namespace gptc::test {

/// A value to choose as an operand. `bound` is about the largest magnitude of its elements.
struct Choice {
  std::string name;
  Shape shape;
  double bound = 1;
  int limit = 0; ///< of indices; 0: real
  int uses = 0;
};

class RandomGraphBuilder {
public:
  RandomGraphBuilder(unsigned seed, RandomGraph &graph, bool modelLike);

  /// Appends an operation (and what it needs) on values that are there; may append nothing.
  void addOperation();
  /// Writes some of the values, all that nothing uses among them.
  void finish();

private:
  int below(int count) { return std::uniform_int_distribution<int>(0, count - 1)(random); }
  bool chance(double probability) { return std::bernoulli_distribution(probability)(random); }
  template <typename T> const T &oneOf(const std::vector<T> &items) {
    return items[below(items.size())];
  }

  int64_t size() { return oneOf(sizes); }
  Shape shape(int leastAxes, int mostAxes);
  /// A shape that broadcasts to `shape`.
  Shape stretchable(const Shape &shape);

  /// Declares a variable and returns its index.
  int declare(const std::string &kind, const Shape &shape, int limit = 0, int lowest = 0);
  std::string fresh() { return "%v" + std::to_string(next++); }
  /// Appends "names = text" and makes the results known; gives the index of the first.
  int append(const std::string &text, const std::vector<std::string> &uses,
             std::vector<Choice> results);
  int read(int variable);
  int readNew(const Shape &shape);
  int readIndices(const Shape &shape, int limit);
  void write(int value);
  void writeTo(int variable, int value);

  // Values by index. Unused ones are preferred: results with one use are what places are chosen
  // for.
  int real(int leastAxes = 0);
  int any();
  int withShape(const Shape &shape);
  const Choice &at(int value) const { return values[value]; }
  std::string use(int value) {
    ++values[value].uses;
    return values[value].name;
  }
  std::string type(int value) const {
    return typeText(values[value].shape, values[value].limit != 0);
  }
  int tame(int value, double bound);

  // Operations, one function each.
  int map(const Shape &shape, std::vector<int> operands);
  void mapRandomly();
  void mapIota();
  void updateState();
  void reduce();
  void matmul();
  void reshape();
  void transpose();
  void split();
  void concat();
  void slice();
  void pad();
  void normalize();
  void embed();
  void embedGrad();
  void crossEntropy();
  void constant();

  std::mt19937 random;
  RandomGraph &graph;
  bool modelLike; ///< as makeRandomGraph() says
  std::vector<int64_t> sizes;
  int64_t mostElements = 0; ///< of a value
  std::vector<Choice> values;
  int next = 0;
};

} // namespace gptc::test

#endif // GPTC_TEST_PLAN_RANDOMGRAPHBUILDER_H
