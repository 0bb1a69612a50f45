// Attention, query by query.
#include "Kernels.h"

#include <cmath>
#include <limits>

using namespace gptc;
using namespace gptc::reference;

Results reference::run(gpt::AttentionOp op, Operands operands, Precision precision) {
  Tensor::Shape q(operands[0].getShape()), k(operands[1].getShape()), v(operands[2].getShape());
  int64_t batches = q[0], heads = q[1], queries = q[2], depth = q[3];
  int64_t groups = k[1], keys = k[2], width = v[3];
  std::optional<int64_t> window = op.getWindow();
  Tensor result = Tensor::filled(getShape(op.getResult()), 0);

  withReal(precision, [&](auto zero) {
    using Real = decltype(zero);
    auto query = toReal<Real>(operands[0].reals()), key = toReal<Real>(operands[1].reals()),
         value = toReal<Real>(operands[2].reals());
    Real scale = static_cast<Real>(getNumber(op.getScale(), op.getQuery()));
    std::vector<Real> scores(keys), sums(width);
    double *out = result.mutableReals().data();

    for (int64_t head = 0; head < batches * heads; ++head) {
      int64_t group = head / heads * groups + head % heads / (heads / groups);
      const Real *groupKeys = key.data() + group * keys * depth;
      const Real *groupValues = value.data() + group * keys * width;
      for (int64_t t = 0; t < queries; ++t) {
        int64_t first = window ? std::max<int64_t>(0, t - *window + 1) : 0;
        int64_t last = op.getCausal() ? t + 1 : keys;
        const Real *row = query.data() + (head * queries + t) * depth;
        Real max = -std::numeric_limits<Real>::infinity(), total = 0;
        for (int64_t s = first; s < last; ++s) {
          Real product = 0;
          for (int64_t d = 0; d < depth; ++d)
            product += row[d] * groupKeys[s * depth + d];
          scores[s] = scale * product;
          max = scores[s] > max || std::isnan(scores[s]) ? scores[s] : max;
        }
        for (int64_t s = first; s < last; ++s)
          total += scores[s] = std::exp(scores[s] - max);
        std::fill(sums.begin(), sums.end(), Real{0});
        for (int64_t s = first; s < last; ++s)
          for (int64_t e = 0; e < width; ++e)
            sums[e] += scores[s] / total * groupValues[s * width + e];
        out = std::copy(sums.begin(), sums.end(), out);
      }
    }
  });
  return Tensors{result};
}
