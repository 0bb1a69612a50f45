// What an element of a tensor is computed from, through maps, reshapes and transposes.
#ifndef GPTC_LIB_TRANSFORMS_ELEMENTS_H
#define GPTC_LIB_TRANSFORMS_ELEMENTS_H

#include "AxisFactors.h"

namespace gptc {

/// An element of a tensor, or a scalar in a map's region, for all values of the indices. `axes` are
/// those of the tensor, or of the map's results.
struct Element {
  mlir::Value value;
  Axes axes;

  /// The operation that computes it, if it is such a one.
  template <typename Op> Op getDefiningOp() const { return value.getDefiningOp<Op>(); }
};

/// Goes from elements to those that they are computed from.
class Elements {
public:
  explicit Elements(AxisFactors &factors) : factors(factors) {}

  /// The element of which this one, of a reshaped or transposed tensor, is a copy; none if it is of
  /// another tensor, or its axes do not lead there.
  std::optional<Element> undoRearrangement(const Element &element) const;

  /// The same element where it is computed: a scalar that an operation of a map's region computes,
  /// or an element of a tensor that is neither a map's result nor a rearrangement.
  Element find(Element element) const;

  /// An operand of the scalar operation that computes a scalar which `find` returned.
  Element getOperand(const Element &scalar, unsigned number) const {
    return find({scalar.value.getDefiningOp()->getOperand(number), scalar.axes});
  }

  /// The element's value where that is a number.
  static std::optional<double> getConstant(const Element &found);

  /// Whether two elements are computed alike from the same tensors. False too where too many
  /// operations would have to be compared.
  bool areEqual(Element a, Element b) const;

  /// For a gpt.reduce of one axis: an element of its input, whose reduced axis takes the factors of
  /// `space` that `reduced` lacks. None if they are not of that axis' size.
  std::optional<std::pair<Element, Axis>> getReduced(const Element &reduced,
                                                     const Axes &space) const;

private:
  bool areEqual(const Element &a, const Element &b, int &fuel) const;

  AxisFactors &factors;
};

} // namespace gptc

#endif // GPTC_LIB_TRANSFORMS_ELEMENTS_H
