// Strided copies.
#include "Strides.h"

using namespace gptc::reference;

Strides gptc::reference::getStrides(Sizes shape) {
  Strides strides(shape.size(), 1);
  for (size_t axis = shape.size(); axis-- > 1;)
    strides[axis - 1] = strides[axis] * shape[axis];
  return strides;
}

Strides gptc::reference::getBroadcastStrides(Sizes shape, Sizes target) {
  Strides own = getStrides(shape), strides(target.size() - shape.size());
  for (auto [size, wanted, stride] : llvm::zip(shape, target.take_back(shape.size()), own))
    strides.push_back(size == wanted ? stride : 0);
  return strides;
}

template <typename T>
static std::vector<T> gatherElements(llvm::ArrayRef<T> source, Sizes shape, Sizes strides,
                                     int64_t base) {
  std::vector<T> result;
  result.reserve(countElements(shape));
  forEachElement(shape, strides, [&](int64_t offset) { result.push_back(source[base + offset]); });
  return result;
}

Tensor gptc::reference::gather(const Tensor &source, Sizes shape, Sizes strides, int64_t base) {
  if (source.isReal())
    return Tensor(shape, gatherElements(source.reals(), shape, strides, base));
  return Tensor(shape, gatherElements(source.integers(), shape, strides, base));
}

void gptc::reference::scatter(const Tensor &source, Tensor &target, Sizes strides, int64_t base) {
  auto copy = [&](auto from, auto to) {
    int64_t next = 0;
    forEachElement(source.getShape(), strides,
                   [&](int64_t offset) { to[base + offset] = from[next++]; });
  };
  if (source.isReal())
    copy(source.reals(), target.mutableReals());
  else
    copy(source.integers(), target.mutableIntegers());
}
