// Writes conformance cases: a graph in the gpt dialect, value by value, and the range of each of
// its variables.
#ifndef GPTC_TEST_CONFORMANCE_CASETEXT_H
#define GPTC_TEST_CONFORMANCE_CASETEXT_H

#include "gptc/Transforms/Precision.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace gptc::test {

using Shape = std::vector<int64_t>;

/// Where a variable's first values lie: from `low` up to, not including, `high`.
struct Range {
  double low = -1, high = 1;
};

/// A module of the gpt dialect. Its variables' names begin with the case's name, so that cases can
/// stand in one module.
struct ConformanceModel {
  std::string name;
  std::string text;
  /// It holds @train, from which the training entries are derived. Otherwise it is an entry of its
  /// own, named as the case.
  bool trains = false;
  std::map<std::string, Range> ranges;
  TrainingPrecision precision = TrainingPrecision::fp32; ///< of its matmuls and attention
};

/// A value of the text.
struct Value {
  std::string name;
  Shape shape;
  bool isIndex = false;
  std::string variable = {}; ///< that it was read from

  std::string type() const;
};

class CaseText {
public:
  explicit CaseText(std::string name, TrainingPrecision precision = TrainingPrecision::fp32)
      : name(std::move(name)), precision(precision) {
    if (precision != TrainingPrecision::fp32)
      this->name += "_" + nameOf(precision).str();
  }

  /// Declares a variable of a kind and reads it. Indices lie in [low, high).
  Value variable(const std::string &kind, const Shape &shape, Range range = {},
                 bool isIndex = false);
  Value input(const Shape &shape, Range range = {}) { return variable("input", shape, range); }
  Value parameter(const Shape &shape, Range range = {}) {
    return variable("parameter", shape, range);
  }
  Value indices(const Shape &shape, int64_t limit, int64_t lowest = 0) {
    return variable("input", shape, {double(lowest), double(limit)}, true);
  }

  /// A map: `lines` compute %r from %a, %b, …; with several `results` %r0, %r1, ….
  Value map(const Shape &shape, const std::vector<Value> &operands, const std::string &lines);
  std::vector<Value> maps(int results, const Shape &shape, const std::vector<Value> &operands,
                          const std::string &lines);
  /// `operation` of two operands, of the first one's shape: "arith.addf".
  Value binary(const std::string &operation, const Value &x, const Value &y);
  Value reduce(const std::string &kind, const Value &x, const Shape &axes);
  Value reshape(const Value &x, const Shape &shape);
  Value transpose(const Value &x, const Shape &permutation);
  Value matmul(const Value &x, const Value &y, bool transposeX = false, bool transposeY = false);
  /// Any operation: `text` has its operands and attributes, without types.
  std::vector<Value> operation(const std::string &text, const std::vector<Value> &operands,
                               const std::vector<Value> &results);
  /// Any operation with one result of real numbers.
  Value operation(const std::string &text, const std::vector<Value> &operands, const Shape &shape) {
    return operation(text, operands, {Value{"", shape}}).front();
  }

  Value softmax(const Value &x);

  /// To a new variable.
  void write(const Value &value, bool accumulate = false);
  /// To the variable that `to` was read from.
  void writeTo(const Value &to, const Value &value);

  ConformanceModel finish() const;
  /// A case that trains with this loss.
  ConformanceModel finish(const Value &loss) const;

private:
  std::string fresh() { return "%v" + std::to_string(values++); }
  std::string declare(const std::string &kind, const Shape &shape, bool isIndex);

  std::string name;
  TrainingPrecision precision;
  std::string declarations, body;
  std::map<std::string, Range> ranges;
  int values = 0, variables = 0;
};

std::string makeType(const Shape &shape, bool isIndex = false);
/// "3x17", "scalar" for no axes: for names.
std::string shapeName(const Shape &shape);

// The cases, in groups.
std::vector<ConformanceModel> makeRowCases();
std::vector<ConformanceModel> makeColumnCases();
std::vector<ConformanceModel> makeGatherCases();
std::vector<ConformanceModel> makeMatmulCases();
std::vector<ConformanceModel> makeNeuralCases();
std::vector<ConformanceModel> makeAttentionCases();
std::vector<ConformanceModel> makeTrainingCases();

} // namespace gptc::test

#endif // GPTC_TEST_CONFORMANCE_CASETEXT_H
