// Emitting tensor operations for decompositions.
#include "Emit.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace gptc::gpt;

Value Emitter::reduceRow(ReduceKind kind, Value input) const {
  int64_t last = static_cast<int64_t>(shapeOf(input).size()) - 1;
  return ReduceOp::create(builder, location, kind, input, ArrayRef<int64_t>{last});
}

Value Emitter::sumAll(Value input) const {
  auto axes = llvm::to_vector(llvm::seq<int64_t>(0, shapeOf(input).size()));
  return ReduceOp::create(builder, location, ReduceKind::sum, input, axes);
}

Value Emitter::reshape(Value input, ArrayRef<int64_t> shape) const {
  if (shapeOf(input) == shape)
    return input;
  return ReshapeOp::create(builder, location,
                           RankedTensorType::get(shape, getElementTypeOrSelf(input)), input);
}

Value Emitter::asColumn(Value input) const {
  SmallVector<int64_t> shape(shapeOf(input));
  shape.push_back(1);
  return reshape(input, shape);
}

Value Emitter::iota(int64_t size) const {
  return IotaOp::create(builder, location, RankedTensorType::get({size}, builder.getI32Type()));
}

Value Emitter::matmul(Value lhs, Value rhs, bool transposeRhs, bool tf32) const {
  return MatmulOp::create(builder, location, lhs, rhs, /*transpose_lhs=*/false, transposeRhs, tf32);
}
