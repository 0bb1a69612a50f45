// An attention and its adjoint on the host: operands in some place, and what must come out, in
// double precision with bounds.
#ifndef GPTC_TEST_EMULATOR_ATTENTIONPROBLEM_H
#define GPTC_TEST_EMULATOR_ATTENTIONPROBLEM_H

#include "test/emulator/Element.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace gptc::test {

/// How the operands lie in memory.
enum class Place {
  heads,    ///< [batch, head, row, column]
  rows,     ///< [batch, row, head, column]
  packed,   ///< the same, in rows that hold more: q, k and v side by side
  unaligned ///< packed, with a distance between rows that 4 does not divide
};

/// How Products.cuh multiplies, and what AttentionTiles.cuh says that a sum over up to 256 products
/// may be off by, relatively to the absolute products.
struct Precision {
  const char *products;
  Element element;
  double product;
};
inline constexpr double inTensorCores = 272 * 0x1p-23;
inline constexpr Precision fp32 = {"fp32", Element::f32, 0x1p-18 + 32 * 0x1p-24};
inline constexpr Precision tf32 = {"tf32", Element::f32, 0x1p-10 + inTensorCores};
inline constexpr Precision bf16 = {"bf16", Element::bf16, inTensorCores};
inline constexpr Precision f16 = {"f16", Element::f16, inTensorCores};
inline constexpr Precision precisions[] = {fp32, tf32, bf16, f16};

struct Shape {
  int batches = 1, heads = 1, groups = 1, queries, keys, depth, width;
  bool causal = false;
  Place place = Place::heads;
  float scale = 0.25f;
  Precision precision = fp32;

  std::string text() const;
};

/// Matrices of each batch and head; NaN lies where there are none.
struct Operand {
  int batches, heads, rows, columns;
  int64_t batch, head, row, offset; ///< distances, in elements
  Element element;
  std::vector<float> values; ///< numbers of that type

  Operand(int batches, int heads, int rows, int columns, Place place, Element element);
  float &at(int b, int h, int r, int c) {
    return values[offset + b * batch + h * head + r * row + c];
  }
  template <typename Function> void each(Function &&function) {
    for (int b = 0; b < batches; ++b)
      for (int h = 0; h < heads; ++h)
        for (int r = 0; r < rows; ++r)
          for (int c = 0; c < columns; ++c)
            function(at(b, h, r, c), b, h, r, c);
  }
  /// A call that makes the device's view of it.
  std::string view(const char *name, bool output) const;
};

/// A result in double precision, and what it may be off by.
struct Expected {
  Operand &operand;
  std::vector<double> values, bounds;
  explicit Expected(Operand &operand)
      : operand(operand), values(operand.values.size()), bounds(operand.values.size()) {}
  size_t find(int b, int h, int r, int c) {
    return &operand.at(b, h, r, c) - operand.values.data();
  }
  void add(int b, int h, int r, int c, double value, double bound) {
    values[find(b, h, r, c)] += value;
    bounds[find(b, h, r, c)] += bound;
  }
  /// All elements are within their bounds and the type's rounding, and nothing else is written.
  void check(const char *name);
};

struct Problem {
  Shape s;
  Operand q, k, v, o, lse, gradient, dq, dk, dv;

  explicit Problem(const Shape &s);

  std::vector<Operand *> forwardOperands() { return {&q, &k, &v, &o, &lse}; }
  std::vector<Operand *> gradOperands() { return {&q, &k, &v, &o, &lse, &gradient, &dq, &dk, &dv}; }

  /// The expected o and lse; then the expected adjoints, from the o and lse that are there.
  void checkForward();
  void expectGrad(Expected &edq, Expected &edk, Expected &edv);
  /// The relative error of a sum of products with weights, which are rounded to 16 bits first.
  double weightError() const {
    return s.precision.product + (q.element == Element::f32 ? 0 : roundoff(q.element));
  }
  double score(int b, int h, int t, int j, double &magnitude);
  int visible(int t) const { return s.causal ? t + 1 : s.keys; }
};

} // namespace gptc::test

#endif // GPTC_TEST_EMULATOR_ATTENTIONPROBLEM_H
