// Writing MLIR text for op fixtures: operations line by line, with types that follow from the
// values.
#ifndef GPTC_TEST_ORACLE_TEXTBUILDER_H
#define GPTC_TEST_ORACLE_TEXTBUILDER_H

#include "test/lib/Oracle/OpCases.h"

namespace gptc::test {

/// A value in the text: its name without % and its type.
struct TextValue {
  std::string name;
  std::vector<int64_t> shape;
  bool isReal = true;
};

class TextBuilder {
public:
  TextBuilder(const OpCase &opCase, std::string real) : fixture(opCase), real(std::move(real)) {}

  const OpCase &opCase() const { return fixture; }
  std::string take() { return std::move(text); }

  TextValue input(const std::string &name) const;
  std::vector<TextValue> inputs() const;
  /// Type and name of an output; of the only one by default.
  TextValue output(const std::string &name = "y") const;
  std::string type(const TextValue &value) const;
  std::string types(const std::vector<TextValue> &values) const;

  /// Adds a line; REAL in it becomes the type of real elements.
  void line(std::string operation);
  /// `%result = OPERATION : types of operands -> type of result`.
  TextValue op(const TextValue &result, const std::string &operation,
               const std::vector<TextValue> &operands);
  /// A gpt.map of which `region` computes %y from %a, %b, %c, ….
  TextValue map(const std::string &name, const std::vector<TextValue> &operands,
                const TextValue &like, const std::string &region);
  TextValue reshape(const std::string &name, const TextValue &value, std::vector<int64_t> shape);
  TextValue reduce(const std::string &name, const std::string &kind, const TextValue &value,
                   const std::vector<int64_t> &axes);
  /// A value of no axes.
  TextValue scalar(const std::string &name, double value);

private:
  const OpCase &fixture;
  std::string real, text;
};

/// Write the operation if they know it: rearrangements, products and reductions; rows and
/// attention; optimizers.
bool writeShapeOp(TextBuilder &t);
bool writeRowOp(TextBuilder &t);
bool writeOptimizerOp(TextBuilder &t);

} // namespace gptc::test

#endif // GPTC_TEST_ORACLE_TEXTBUILDER_H
