// Attention with its log-sum-exp, and its adjoint, query by query: one row of scores at a time.
#include "Kernels.h"

#include <cmath>
#include <limits>

using namespace gptc;
using namespace gptc::reference;

namespace {
/// Sizes of attention, and where the rows of a query's head and group begin.
struct Sizes {
  template <typename Op> explicit Sizes(Op op) : causal(op.getCausal()) {
    auto query = getShape(op.getQuery()), key = getShape(op.getKey());
    batches = query[0], heads = query[1], queries = query[2], depth = query[3];
    groups = key[1], keys = key[2], width = getShape(op.getValue())[3];
  }

  /// The group, counted over all batches, of a head counted likewise.
  int64_t groupOf(int64_t head) const {
    return head / heads * groups + head % heads / (heads / groups);
  }
  /// The number of keys that a query sees.
  int64_t seenBy(int64_t query) const { return causal ? query + 1 : keys; }

  int64_t batches, heads, queries, depth, groups, keys, width;
  bool causal;
};
} // namespace

template <typename Real> static Real dot(const Real *a, const Real *b, int64_t size) {
  Real sum = 0;
  for (int64_t i = 0; i < size; ++i)
    sum += a[i] * b[i];
  return sum;
}

/// to += factor * from
template <typename Real> static void add(Real *to, Real factor, const Real *from, int64_t size) {
  for (int64_t i = 0; i < size; ++i)
    to[i] += factor * from[i];
}

Results reference::run(gpt::FlashAttentionOp op, Operands operands, Precision precision) {
  Sizes sizes(op);
  Tensor result = Tensor::filled(getShape(op.getResult()), 0);
  Tensor logSums = Tensor::filled(getShape(op.getLse()), 0);

  withReal(precision, [&](auto zero) {
    using Real = decltype(zero);
    auto query = toReal<Real>(operands[0].reals()), key = toReal<Real>(operands[1].reals()),
         value = toReal<Real>(operands[2].reals());
    for (std::vector<Real> *factors : {&query, &key, &value})
      roundFactors(*factors, op.getTf32());
    Real scale = static_cast<Real>(op.getScale().convertToDouble());
    std::vector<Real> scores(sizes.keys), sums(sizes.width);
    double *out = result.mutableReals().data(), *lse = logSums.mutableReals().data();

    for (int64_t head = 0; head < sizes.batches * sizes.heads; ++head) {
      const Real *keys = key.data() + sizes.groupOf(head) * sizes.keys * sizes.depth;
      const Real *values = value.data() + sizes.groupOf(head) * sizes.keys * sizes.width;
      for (int64_t t = 0; t < sizes.queries; ++t) {
        const Real *row = query.data() + (head * sizes.queries + t) * sizes.depth;
        Real max = -std::numeric_limits<Real>::infinity(), total = 0;
        for (int64_t s = 0; s < sizes.seenBy(t); ++s) {
          scores[s] = scale * dot(row, keys + s * sizes.depth, sizes.depth);
          max = scores[s] > max || std::isnan(scores[s]) ? scores[s] : max;
        }
        for (int64_t s = 0; s < sizes.seenBy(t); ++s)
          total += scores[s] = std::exp(scores[s] - max);
        std::fill(sums.begin(), sums.end(), Real{0});
        for (int64_t s = 0; s < sizes.seenBy(t); ++s)
          add(sums.data(), scores[s] / total, values + s * sizes.width, sizes.width);
        out = std::copy(sums.begin(), sums.end(), out);
        *lse++ = max + std::log(total);
      }
    }
  });
  return Tensors{result, logSums};
}

Results reference::run(gpt::FlashAttentionGradOp op, Operands operands, Precision precision) {
  Sizes sizes(op);
  Tensors results;

  withReal(precision, [&](auto zero) {
    using Real = decltype(zero);
    auto query = toReal<Real>(operands[0].reals()), key = toReal<Real>(operands[1].reals()),
         value = toReal<Real>(operands[2].reals()), output = toReal<Real>(operands[3].reals()),
         logSums = toReal<Real>(operands[4].reals()), gradient = toReal<Real>(operands[5].reals());
    std::vector<Real> exactGradient = gradient; // δ is no product of matrices
    for (std::vector<Real> *factors : {&query, &key, &value, &gradient})
      roundFactors(*factors, op.getTf32());
    std::vector<Real> queryGradient(query.size()), keyGradient(key.size()),
        valueGradient(value.size());
    Real scale = static_cast<Real>(op.getScale().convertToDouble());

    for (int64_t head = 0; head < sizes.batches * sizes.heads; ++head) {
      int64_t group = sizes.groupOf(head);
      for (int64_t t = 0; t < sizes.queries; ++t) {
        int64_t row = head * sizes.queries + t;
        const Real *q = query.data() + row * sizes.depth;
        const Real *dOut = gradient.data() + row * sizes.width;
        Real delta = dot(exactGradient.data() + row * sizes.width,
                         output.data() + row * sizes.width, sizes.width);
        for (int64_t s = 0; s < sizes.seenBy(t); ++s) {
          int64_t ofKey = (group * sizes.keys + s) * sizes.depth;
          int64_t ofValue = (group * sizes.keys + s) * sizes.width;
          Real score = scale * dot(q, key.data() + ofKey, sizes.depth);
          Real p = std::exp(score - logSums[row]);
          Real dp = dot(dOut, value.data() + ofValue, sizes.width);
          Real ds = p * (dp - delta) * scale;
          add(valueGradient.data() + ofValue, p, dOut, sizes.width);
          add(queryGradient.data() + row * sizes.depth, ds, key.data() + ofKey, sizes.depth);
          add(keyGradient.data() + ofKey, ds, q, sizes.depth);
        }
      }
    }
    results = {Tensor(getShape(op.getQuery()), fromReal(queryGradient)),
               Tensor(getShape(op.getKey()), fromReal(keyGradient)),
               Tensor(getShape(op.getValue()), fromReal(valueGradient))};
  });
  return results;
}
