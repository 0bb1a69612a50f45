// Operations that treat each row (the elements along the last axis) by itself.
#include "Kernels.h"

#include <cmath>
#include <limits>

using namespace gptc;
using namespace gptc::reference;

/// The rows of a tensor, in the type they are computed in.
template <typename Real> struct Rows {
  explicit Rows(const Tensor &tensor)
      : values(toReal<Real>(tensor.reals())), size(tensor.getShape().back()),
        count(countElements(tensor.getShape().drop_back())) {}
  llvm::MutableArrayRef<Real> operator[](int64_t row) {
    return llvm::MutableArrayRef<Real>(values).slice(row * size, size);
  }
  std::vector<Real> values;
  int64_t size, count;
};

template <typename Real> static Real maximum(llvm::ArrayRef<Real> row) {
  Real max = -std::numeric_limits<Real>::infinity();
  for (Real x : row)
    max = x > max || std::isnan(x) ? x : max;
  return max;
}

Results reference::run(gpt::SoftmaxOp, Operands operands, Precision precision) {
  return withReal(precision, [&](auto zero) -> Results {
    using Real = decltype(zero);
    Rows<Real> rows(operands[0]);
    for (int64_t r = 0; r < rows.count; ++r) {
      Real max = maximum<Real>(rows[r]), sum = 0;
      for (Real &x : rows[r])
        sum += x = std::exp(x - max);
      for (Real &x : rows[r])
        x /= sum;
    }
    return Tensors{Tensor(operands[0].getShape(), fromReal(rows.values))};
  });
}

/// log Σ exp: −∞ for a row that is −∞ throughout, ∞ for one that holds ∞.
template <typename Real> static Real logsumexp(llvm::ArrayRef<Real> row) {
  Real max = maximum(row), shift = std::isinf(max) ? 0 : max, sum = 0;
  for (Real x : row)
    sum += std::exp(x - shift);
  return std::log(sum) + shift;
}

Results reference::run(gpt::LogsumexpOp op, Operands operands, Precision precision) {
  return withReal(precision, [&](auto zero) -> Results {
    using Real = decltype(zero);
    Rows<Real> rows(operands[0]);
    std::vector<double> values;
    for (int64_t r = 0; r < rows.count; ++r)
      values.push_back(logsumexp<Real>(rows[r]));
    return Tensors{Tensor(getShape(op.getResult()), std::move(values))};
  });
}

Results reference::run(gpt::LayerNormOp op, Operands operands, Precision precision) {
  return withReal(precision, [&](auto zero) -> Results {
    using Real = decltype(zero);
    Rows<Real> rows(operands[0]);
    Real size = static_cast<Real>(rows.size);
    Real epsilon = static_cast<Real>(getNumber(op.getEpsilon(), op.getInput()));
    llvm::ArrayRef<double> weight, bias;
    if (op.getWeight())
      weight = operands[1].reals();
    if (op.getBias())
      bias = operands.back().reals();
    std::vector<double> means, rstds;
    for (int64_t r = 0; r < rows.count; ++r) {
      Real sum = 0, squares = 0;
      for (Real x : rows[r])
        sum += x;
      Real mean = sum / size;
      for (Real x : rows[r])
        squares += (x - mean) * (x - mean);
      Real rstd = 1 / std::sqrt(squares / size + epsilon);
      for (int64_t i = 0; i < rows.size; ++i) {
        Real y = (rows[r][i] - mean) * rstd;
        if (op.getWeight())
          y *= static_cast<Real>(weight[i]);
        if (op.getBias())
          y += static_cast<Real>(bias[i]);
        rows[r][i] = y;
      }
      means.push_back(mean);
      rstds.push_back(rstd);
    }
    return Tensors{Tensor(operands[0].getShape(), fromReal(rows.values)),
                   Tensor(getShape(op.getMean()), std::move(means)),
                   Tensor(getShape(op.getRstd()), std::move(rstds))};
  });
}

Results reference::run(gpt::CrossEntropyOp op, Operands operands, Precision precision) {
  return withReal(precision, [&](auto zero) -> Results {
    using Real = decltype(zero);
    Rows<Real> rows(operands[0]);
    llvm::ArrayRef<int32_t> targets = operands[1].integers();
    Real total = 0, count = 0;
    std::vector<double> terms, lses;
    for (int64_t r = 0; r < rows.count; ++r) {
      Real lse = logsumexp<Real>(rows[r]), term = 0;
      if (targets[r] >= rows.size)
        return llvm::createStringError("requires targets below %lld, found %d",
                                       static_cast<long long>(rows.size), targets[r]);
      if (targets[r] >= 0) {
        term = lse - rows[r][targets[r]];
        count += 1;
      }
      total += term;
      terms.push_back(term);
      lses.push_back(lse);
    }
    return Tensors{Tensor::scalar(total / count), Tensor(getShape(op.getTerms()), std::move(terms)),
                   Tensor(getShape(op.getLse()), std::move(lses))};
  });
}
