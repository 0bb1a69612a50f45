// Sums, maxima and minima along axes.
#include "Kernels.h"
#include "Strides.h"

#include <cmath>
#include <limits>

using namespace gptc;
using namespace gptc::reference;

/// Combines along the axes whose stride in the result is 0. Where the last axis is reduced, a row
/// is combined first and then joins the rest, which also keeps the rounding of long float sums
/// small.
template <typename Real, typename Combine>
static std::vector<Real> reduce(const Tensor &input, Sizes strides, int64_t size, Real start,
                                Combine combine) {
  llvm::ArrayRef<double> values = input.reals();
  std::vector<Real> result(size, start);
  Sizes shape = input.getShape();
  int64_t row = shape.empty() ? 1 : shape.back(), stride = shape.empty() ? 0 : strides.back();
  int64_t next = 0;
  forEachRow(shape, strides, [&](int64_t offset) {
    if (stride == 0) {
      Real total = start;
      for (int64_t i = 0; i < row; ++i)
        total = combine(total, static_cast<Real>(values[next++]));
      result[offset] = combine(result[offset], total);
      return;
    }
    for (int64_t i = 0; i < row; ++i) {
      Real &cell = result[offset + i * stride];
      cell = combine(cell, static_cast<Real>(values[next++]));
    }
  });
  return result;
}

Results reference::run(gpt::ReduceOp op, Operands operands, Precision precision) {
  Sizes shape = getShape(op.getResult());
  Strides kept = getStrides(shape), strides;
  for (int64_t axis = 0, next = 0, rank = operands[0].getShape().size(); axis < rank; ++axis)
    strides.push_back(llvm::is_contained(op.getAxes(), axis) ? 0 : kept[next++]);

  return withReal(precision, [&](auto zero) -> Results {
    using Real = decltype(zero);
    constexpr Real infinity = std::numeric_limits<Real>::infinity();
    auto finish = [&](Real start, auto combine) {
      return Tensors{Tensor(shape, fromReal(reduce<Real>(operands[0], strides, countElements(shape),
                                                         start, combine)))};
    };
    switch (op.getKind()) {
    case gpt::ReduceKind::sum:
      return finish(0, [](Real a, Real b) { return a + b; });
    case gpt::ReduceKind::max:
      return finish(-infinity, [](Real a, Real b) { return a > b || std::isnan(a) ? a : b; });
    case gpt::ReduceKind::min:
      return finish(infinity, [](Real a, Real b) { return a < b || std::isnan(a) ? a : b; });
    }
    llvm_unreachable("all kinds are handled");
  });
}
