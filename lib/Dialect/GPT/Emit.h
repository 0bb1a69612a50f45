// Short names for emitting tensor operations, so that a decomposition reads as its formula does.
// Scalar.h does the same for the regions of maps.
#ifndef GPTC_DIALECT_GPT_EMIT_H
#define GPTC_DIALECT_GPT_EMIT_H

#include "gptc/Dialect/GPT/GPTOps.h"
#include "gptc/Dialect/GPT/Scalar.h"

namespace gptc::gpt {

/// Emits tensor operations at one location.
class Emitter {
public:
  Emitter(mlir::OpBuilder &builder, mlir::Location location)
      : builder(builder), location(location) {}

  /// A gpt.map with one result of `shape`.
  mlir::Value map(llvm::ArrayRef<int64_t> shape, mlir::ValueRange operands,
                  llvm::function_ref<Scalar(llvm::ArrayRef<Scalar>)> body) const {
    return createMap1(builder, location, shape, operands, body);
  }
  /// Reduces the last axis away.
  mlir::Value reduceRow(ReduceKind kind, mlir::Value input) const;
  /// Reduces all axes to a scalar.
  mlir::Value sumAll(mlir::Value input) const;
  /// `input` under another shape; itself where it has that shape.
  mlir::Value reshape(mlir::Value input, llvm::ArrayRef<int64_t> shape) const;
  /// `input` with an axis of size 1 behind: a row's value, as an operand of a map over rows.
  mlir::Value asColumn(mlir::Value input) const;
  /// 0 … size − 1, of the shape [size].
  mlir::Value iota(int64_t size) const;
  mlir::Value matmul(mlir::Value lhs, mlir::Value rhs, bool transposeRhs, bool tf32 = false) const;
  /// `input` with real elements of another type; itself where it has that type.
  mlir::Value convert(mlir::Value input, mlir::Type element) const {
    return createConversion(builder, location, input, element);
  }

private:
  mlir::OpBuilder &builder;
  mlir::Location location;
};

inline llvm::ArrayRef<int64_t> shapeOf(mlir::Value value) {
  return llvm::cast<mlir::ShapedType>(value.getType()).getShape();
}

} // namespace gptc::gpt

#endif // GPTC_DIALECT_GPT_EMIT_H
