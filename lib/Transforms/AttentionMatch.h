// Attention as people write it: a softmax between two matmuls.
#ifndef GPTC_LIB_TRANSFORMS_ATTENTIONMATCH_H
#define GPTC_LIB_TRANSFORMS_ATTENTIONMATCH_H

#include "AttentionScores.h"

namespace gptc {

/// What was found, in terms of the factors of all axes.
struct AttentionMatch {
  Element query, key, value; ///< before they were rearranged and multiplied
  gpt::MatmulOp product;     ///< of probabilities and values
  Axes productAxes;
  Axis batch, groups, heads; ///< `heads` are those of one group
  Axis queries, keys, depth, width;
  double scale = 1;
  bool causal = false;
};

/// Recognises attention around softmaxes. Factors of axes are divided while it matches, so that
/// those of a match are only resolved once it is complete.
class AttentionMatcher {
public:
  explicit AttentionMatcher(int64_t mostHeadSize) : mostHeadSize(mostHeadSize), elements(factors) {}

  /// Whether the tensor holds a softmax' results, whose scores are, in part, a matmul's, and which
  /// go, by whatever way, into a matmul: is it worth a remark if it is no attention?
  bool looksLikeAttention(mlir::Value probabilities);

  /// The attention whose probabilities `probabilities` are; or, for people, what differs.
  std::variant<AttentionMatch, std::string> match(mlir::Value probabilities);

  const AxisFactors &getFactors() const { return factors; }

private:
  /// The input of a softmax, and the axis that it runs over.
  struct Softmax {
    Element scores;
    Axis axis;
  };
  std::optional<Softmax> matchSoftmax(mlir::Value probabilities, const Axes &axes) const;
  std::optional<Softmax> matchExponential(const Element &numerator, const Element &sum,
                                          const Axes &space) const;
  /// Follows the probabilities to the second matmul; the operand that they are, and their axes.
  std::variant<std::pair<mlir::OpOperand *, Axes>, std::string> findProduct(mlir::Value value,
                                                                            Axes axes);
  /// The tensor that an operand is rearranged from, and, if `scale` is asked for, multiplied by
  /// numbers that go into it.
  Element findSource(Element element, double *scale) const;
  std::optional<std::pair<Element, double>> matchScaled(const Element &element) const;

  int64_t mostHeadSize;
  AxisFactors factors;
  Elements elements;
};

} // namespace gptc

#endif // GPTC_LIB_TRANSFORMS_ATTENTIONMATCH_H
