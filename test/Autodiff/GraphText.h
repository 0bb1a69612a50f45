// Writes the text of a function in the gpt dialect, value by value.
#ifndef GPTC_TEST_AUTODIFF_GRAPHTEXT_H
#define GPTC_TEST_AUTODIFF_GRAPHTEXT_H

#include <string>
#include <vector>

namespace gptc::test {

using Shape = std::vector<long>;

/// A value of the text. Real ones are f64, indices i32.
struct Node {
  std::string name;
  Shape shape;
  bool isIndex = false;

  std::string type() const;
  long rank() const { return static_cast<long>(shape.size()); }
};

class GraphText {
public:
  /// Declares a variable of a kind (`parameter`, `input`) and reads it.
  Node variable(const std::string &name, const std::string &kind, const Shape &shape,
                bool isIndex = false);
  /// A map: `lines` compute %r from %a, %b, … .
  Node map(const Shape &shape, const std::vector<Node> &operands, const std::string &lines);
  Node reduce(const std::string &kind, const Node &x, const Shape &axes);
  Node reshape(const Node &x, const Shape &shape);
  /// Reshapes to a last axis of size 1 more.
  Node column(const Node &x);
  Node transpose(const Node &x, const Shape &permutation);
  Node matmul(const Node &x, const Node &y, bool transposeRhs = false);
  Node slice(const Node &x, const Shape &offsets, const Shape &sizes);
  Node pad(const Node &x, const Shape &low, const Shape &high);
  Node concat(const Node &x, const Node &y, long axis);
  std::vector<Node> split(const Node &x, const Shape &sizes, long axis);
  Node iota(long size);
  /// Any operation with one result: `text` has the operands and attributes, without types.
  Node op(const std::string &text, const std::vector<Node> &operands, const Shape &shape);
  /// The mean over axes, which are kept with size 1.
  Node mean(const Node &x, const Shape &axes);
  /// Adds lines as they are.
  void add(const std::string &lines) { body += lines; }

  /// The module: variables, and @train, which returns `loss`.
  std::string finish(const Node &loss) const;

private:
  Node fresh(const Shape &shape, bool isIndex = false);

  std::string declarations, body;
  int count = 0;
};

std::string makeType(const Shape &shape, bool isIndex = false);
std::string join(const Shape &numbers);
long countElements(const Shape &shape);

} // namespace gptc::test

#endif // GPTC_TEST_AUTODIFF_GRAPHTEXT_H
