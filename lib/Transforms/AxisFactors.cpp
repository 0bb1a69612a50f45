// Following axes through reshapes, and emitting reshapes from what was followed.
#include "AxisFactors.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace gptc;

Axis AxisFactors::create(int64_t size) {
  if (size == 1)
    return {};
  factors.push_back({size});
  return {static_cast<int>(factors.size()) - 1};
}

Axes AxisFactors::create(ArrayRef<int64_t> shape) {
  Axes axes;
  for (int64_t size : shape)
    axes.push_back(create(size));
  return axes;
}

// [12] as [3, 4]: the factor of 12 is divided into 3 and 4. [3, 4] as [6, 2]: that of 4 into 2 and
// 2. [2, 3] as [3, 2]: none.
std::optional<Axes> AxisFactors::reshape(const Axes &axes, ArrayRef<int64_t> shape) {
  Axis waiting = resolve(flatten(axes));
  std::reverse(waiting.begin(), waiting.end()); // the next one is the last
  Axes result;
  for (int64_t size : shape) {
    Axis &axis = result.emplace_back();
    while (size > 1) {
      if (waiting.empty())
        return std::nullopt;
      int factor = waiting.pop_back_val();
      int64_t whole = factors[factor].size;
      if (whole > size) {
        if (whole % size != 0)
          return std::nullopt;
        Axis outer = create(size), inner = create(whole / size);
        factors[factor].outer = outer.front();
        factors[factor].inner = inner.front();
        waiting.push_back(inner.front());
        factor = outer.front();
        whole = size;
      }
      if (size % whole != 0)
        return std::nullopt;
      size /= whole;
      axis.push_back(factor);
    }
  }
  return waiting.empty() ? std::optional(result) : std::nullopt;
}

Axis AxisFactors::resolve(const Axis &axis) const {
  Axis result;
  Axis waiting(llvm::reverse(axis));
  while (!waiting.empty()) {
    int factor = waiting.pop_back_val();
    if (factors[factor].outer < 0) {
      result.push_back(factor);
      continue;
    }
    waiting.push_back(factors[factor].inner);
    waiting.push_back(factors[factor].outer);
  }
  return result;
}

Axes AxisFactors::resolve(const Axes &axes) const {
  Axes result;
  for (const Axis &axis : axes)
    result.push_back(resolve(axis));
  return result;
}

int64_t AxisFactors::getSize(const Axis &axis) const {
  int64_t size = 1;
  for (int factor : axis)
    size *= factors[factor].size;
  return size;
}

Axis gptc::flatten(ArrayRef<Axis> axes) {
  Axis result;
  for (const Axis &axis : axes)
    llvm::append_range(result, axis);
  return result;
}

/// The number of the axis that holds each factor.
static DenseMap<int, int> numberAxes(const Axes &axes) {
  DenseMap<int, int> numbers;
  for (auto [number, axis] : llvm::enumerate(axes))
    for (int factor : axis)
      numbers[factor] = number;
  return numbers;
}

/// The factors of `axes`, in order, in runs that lie together in an axis of `axes` and of `other`.
static Axes findRuns(const Axes &axes, const Axes &other) {
  DenseMap<int, int> others = numberAxes(other);
  Axis order = flatten(other);
  Axes runs;
  for (const Axis &axis : axes)
    for (auto [index, factor] : llvm::enumerate(axis)) {
      bool joins = index > 0 && others.lookup(axis[index - 1]) == others.lookup(factor) &&
                   std::next(llvm::find(order, axis[index - 1])) == llvm::find(order, factor);
      if (!joins)
        runs.emplace_back();
      runs.back().push_back(factor);
    }
  return runs;
}

Value gptc::rearrange(OpBuilder &builder, Location location, Value value, const Axes &from,
                      const Axes &to, const AxisFactors &factors) {
  Type element = cast<RankedTensorType>(value.getType()).getElementType();
  auto reshape = [&](Value input, const Axes &axes) -> Value {
    SmallVector<int64_t> shape;
    for (const Axis &axis : axes)
      shape.push_back(factors.getSize(axis));
    auto type = RankedTensorType::get(shape, element);
    return input.getType() == type
               ? input
               : gpt::ReshapeOp::create(builder, location, type, input).getResult();
  };
  Axes before = findRuns(from, to), after = findRuns(to, from);
  assert(before.size() == after.size() && "rearranging keeps all factors");
  if (before != after) {
    SmallVector<int64_t> permutation;
    for (const Axis &run : after)
      permutation.push_back(std::distance(before.begin(), llvm::find(before, run)));
    value = gpt::TransposeOp::create(builder, location, reshape(value, before), permutation);
  }
  return reshape(value, to);
}
