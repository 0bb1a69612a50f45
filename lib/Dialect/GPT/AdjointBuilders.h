// Small pieces that adjoints are put together from. None emits an operation that changes nothing.
#ifndef GPTC_LIB_DIALECT_GPT_ADJOINTBUILDERS_H
#define GPTC_LIB_DIALECT_GPT_ADJOINTBUILDERS_H

#include "gptc/Dialect/GPT/Scalar.h"

namespace gptc::gpt {

llvm::ArrayRef<int64_t> getShape(mlir::Value value);

/// The same elements under another shape; a reshape of a reshape is one reshape.
mlir::Value createReshape(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value,
                          llvm::ArrayRef<int64_t> shape);

/// [..., M, N] as a matrix [… · M, N].
mlir::Value createMatrix(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value);

/// [...] as [..., 1], which stretches along rows.
mlir::Value createColumn(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value);

mlir::Value createSum(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value,
                      llvm::ArrayRef<int64_t> axes);

/// The sum over the last axis, kept with size 1.
mlir::Value createRowSum(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value);

/// The adjoint of stretching `shape` to the value's shape: the sum over the stretched axes.
mlir::Value createSumTo(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value,
                        llvm::ArrayRef<int64_t> shape);

/// `shape` with 1 in place of the sizes of `axes`.
llvm::SmallVector<int64_t> keepAxes(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> axes);

} // namespace gptc::gpt

#endif // GPTC_LIB_DIALECT_GPT_ADJOINTBUILDERS_H
