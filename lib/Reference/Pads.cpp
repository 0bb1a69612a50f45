// Variables that are kept padded: the environment holds them without pads.
#include "Kernels.h"
#include "Strides.h"

#include "llvm/ADT/STLExtras.h"

using namespace gptc;
using namespace gptc::reference;

Tensor reference::withPads(const Tensor &tensor, llvm::ArrayRef<int64_t> shape) {
  if (tensor.getShape() == shape)
    return tensor;
  int64_t count = countElements(shape);
  Tensor result = tensor.isReal() ? Tensor(shape, std::vector<double>(count))
                                  : Tensor(shape, std::vector<int32_t>(count));
  scatter(tensor, result, getStrides(shape), 0);
  return result;
}

Tensor reference::withoutPads(const Tensor &tensor, llvm::ArrayRef<int64_t> shape) {
  return tensor.getShape() == shape ? tensor : gather(tensor, shape, getStrides(tensor.getShape()));
}

/// Elements that are not 0, NaN among them.
static int64_t countNonzero(const Tensor &tensor) {
  auto isNonzero = [](auto element) { return element != 0; };
  return tensor.isReal() ? llvm::count_if(tensor.reals(), isNonzero)
                         : llvm::count_if(tensor.integers(), isNonzero);
}

bool reference::hasZeroPads(const Tensor &tensor, llvm::ArrayRef<int64_t> shape) {
  return tensor.getShape() == shape ||
         countNonzero(tensor) == countNonzero(withoutPads(tensor, shape));
}
