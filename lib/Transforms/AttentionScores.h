// Scores of attention from how their elements are computed: a matmul, a factor, a mask.
#ifndef GPTC_LIB_TRANSFORMS_ATTENTIONSCORES_H
#define GPTC_LIB_TRANSFORMS_ATTENTIONSCORES_H

#include "Elements.h"

#include <string>
#include <variant>

namespace gptc {

/// Where low ≤ i − j ≤ high holds, of two indices i and j.
struct Band {
  static constexpr int64_t unbounded = int64_t{1} << 40;
  Axis i, j;
  int64_t low = -unbounded, high = unbounded;

  /// The same condition with the indices exchanged: −high ≤ j − i ≤ −low.
  Band flipped() const { return {j, i, -high, -low}; }
  /// The opposite condition, if it is a band.
  std::optional<Band> negated() const;
};

/// factor · matmul, and −∞ outside of a band.
struct Scores {
  gpt::MatmulOp matmul;
  Axes axes; ///< of the matmul's result
  double factor = 1;
  std::optional<Band> mask;
};

/// A number for people.
std::string print(double number);

/// Reads the expression of a scalar.
class ScoreReader {
public:
  ScoreReader(AxisFactors &factors) : factors(factors), elements(factors) {}

  /// What an element of a softmax' input is; or, for people, why it is not a score of attention.
  std::variant<Scores, std::string> read(const Element &element);

private:
  /// An integer or real that is an index plus `offset`, or the difference of two plus `offset`.
  struct Index {
    Axis i, j;
    int64_t offset = 0;
    bool isDifference = false;
  };
  /// One number where the condition holds, another elsewhere.
  struct Choice {
    Band band;
    double inside, outside;
  };
  struct Unknown {
    std::string reason;
  };
  using Term = std::variant<Scores, double, Index, Band, Choice, Unknown>;

  Term evaluate(const Element &element);
  Term evaluateSum(const Term &a, const Term &b);
  Term evaluateComparison(const Term &a, const Term &b, mlir::arith::CmpIPredicate predicate);
  Term evaluateSelect(const Term &condition, const Term &yes, const Term &no);
  Term evaluateBoth(const Term &a, const Term &b);
  Term evaluateEither(const Term &a, const Term &b);
  Term mask(Scores scores, const Band &seen, double elsewhere);

  AxisFactors &factors;
  Elements elements;
  int fuel = 512; ///< how many more terms are evaluated before it is given up
};

} // namespace gptc

#endif // GPTC_LIB_TRANSFORMS_ATTENTIONSCORES_H
