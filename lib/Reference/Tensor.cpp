// Tensors that share their elements until they are changed.
#include "gptc/Reference/Tensor.h"

#include <cassert>

using namespace gptc::reference;

int64_t gptc::reference::countElements(llvm::ArrayRef<int64_t> shape) {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

Tensor::Tensor(llvm::ArrayRef<int64_t> shape, std::vector<double> values)
    : shape(shape), elements(std::make_shared<std::vector<double>>(std::move(values))) {
  assert(countElements(shape) == static_cast<int64_t>(reals().size()));
}

Tensor::Tensor(llvm::ArrayRef<int64_t> shape, std::vector<int32_t> values)
    : shape(shape), elements(std::make_shared<std::vector<int32_t>>(std::move(values))) {
  assert(countElements(shape) == static_cast<int64_t>(integers().size()));
}

Tensor Tensor::filled(llvm::ArrayRef<int64_t> shape, double value) {
  return Tensor(shape, std::vector<double>(countElements(shape), value));
}

Tensor Tensor::zeros(mlir::RankedTensorType type) {
  if (llvm::isa<mlir::FloatType>(type.getElementType()))
    return filled(type.getShape(), 0);
  return Tensor(type.getShape(), std::vector<int32_t>(type.getNumElements()));
}

int64_t Tensor::getNumElements() const { return countElements(shape); }

bool Tensor::fits(mlir::RankedTensorType type) const {
  return type.getShape() == getShape() &&
         llvm::isa<mlir::FloatType>(type.getElementType()) == isReal();
}

/// Makes `pointer` the only owner of its elements.
template <typename T> static std::vector<T> &unshare(std::shared_ptr<std::vector<T>> &pointer) {
  if (pointer.use_count() > 1)
    pointer = std::make_shared<std::vector<T>>(*pointer);
  return *pointer;
}

llvm::MutableArrayRef<double> Tensor::mutableReals() { return unshare(std::get<Reals>(elements)); }

llvm::MutableArrayRef<int32_t> Tensor::mutableIntegers() {
  return unshare(std::get<Integers>(elements));
}

Tensor Tensor::reshaped(llvm::ArrayRef<int64_t> newShape) const {
  assert(countElements(newShape) == getNumElements());
  Tensor result = *this;
  result.shape.assign(newShape.begin(), newShape.end());
  return result;
}
