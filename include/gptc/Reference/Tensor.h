// The interpreter's values: tensors of real numbers or of indices, in row-major order.
#ifndef GPTC_REFERENCE_TENSOR_H
#define GPTC_REFERENCE_TENSOR_H

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

namespace gptc::reference {

/// A shape and its elements. Real elements are held as double, whatever the precision they were
/// computed in; indices as int32. Copies share the elements until one of them is changed.
class Tensor {
public:
  using Shape = llvm::SmallVector<int64_t, 4>;

  /// The scalar 0.
  Tensor() : Tensor(llvm::ArrayRef<int64_t>{}, std::vector<double>(1)) {}
  /// The number of values must be the product of the shape.
  Tensor(llvm::ArrayRef<int64_t> shape, std::vector<double> values);
  Tensor(llvm::ArrayRef<int64_t> shape, std::vector<int32_t> values);
  static Tensor scalar(double value) { return Tensor({}, std::vector<double>{value}); }
  static Tensor filled(llvm::ArrayRef<int64_t> shape, double value);
  /// Zeros of the type's shape and kind.
  static Tensor zeros(mlir::RankedTensorType type);

  llvm::ArrayRef<int64_t> getShape() const { return shape; }
  int64_t getNumElements() const;
  bool isReal() const { return std::holds_alternative<Reals>(elements); }
  /// Whether shape and kind are those of a value of `type`.
  bool fits(mlir::RankedTensorType type) const;

  /// The elements; each only for its kind.
  llvm::ArrayRef<double> reals() const { return *std::get<Reals>(elements); }
  llvm::ArrayRef<int32_t> integers() const { return *std::get<Integers>(elements); }
  /// The elements to write to; copies them first where another tensor shares them.
  llvm::MutableArrayRef<double> mutableReals();
  llvm::MutableArrayRef<int32_t> mutableIntegers();

  /// The same elements under another shape of as many.
  Tensor reshaped(llvm::ArrayRef<int64_t> newShape) const;

private:
  using Reals = std::shared_ptr<std::vector<double>>;
  using Integers = std::shared_ptr<std::vector<int32_t>>;

  Shape shape;
  std::variant<Reals, Integers> elements;
};

/// The product of a shape's sizes.
int64_t countElements(llvm::ArrayRef<int64_t> shape);

} // namespace gptc::reference

#endif // GPTC_REFERENCE_TENSOR_H
