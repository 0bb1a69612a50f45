// Kernels over the whole memory of variables, in rows of one length whatever their shapes.
#ifndef GPTC_LIB_PLAN_FLATKERNELS_H
#define GPTC_LIB_PLAN_FLATKERNELS_H

#include "PlaceAssignment.h"

#include "mlir/IR/Block.h"

#include <memory>

namespace gptc::plan {

/// The type that stands for flat memory in a kernel: two rows, for any number of them.
mlir::RankedTensorType flatType(mlir::Type element);

/// The body of an elementwise kernel for flat memory: tensors with axes become rows. Null if it
/// holds anything but maps of such tensors and of scalars, or pads would not stay 0.
std::unique_ptr<mlir::Block> flattenBody(gpt::FusedOp op);

/// x : [R…, C]  =>  Σ x² over the last axis : [R…]
std::unique_ptr<mlir::Block> makeSumOfSquares(mlir::Location location, mlir::RankedTensorType type);

/// x : [1, N]  =>  √ Σ x : [1]
std::unique_ptr<mlir::Block> makeRootOfSum(mlir::Location location, mlir::RankedTensorType type);

} // namespace gptc::plan

#endif // GPTC_LIB_PLAN_FLATKERNELS_H
