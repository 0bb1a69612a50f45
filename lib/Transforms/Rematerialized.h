// The mark on operations that are computed again on purpose, and what makes others use them.
//
// Such an operation stands where its result is needed. It may share a kernel with others that stand
// there, and must not be gathered with the producers of its operands, which run long before it:
// its result would be kept from then on, as before.
#ifndef GPTC_LIB_TRANSFORMS_REMATERIALIZED_H
#define GPTC_LIB_TRANSFORMS_REMATERIALIZED_H

#include "Liveness.h"

#include "mlir/IR/Builders.h"

namespace gptc {

inline constexpr llvm::StringLiteral rematerializedMark = "gpt.rematerialized";

inline void markRematerialized(mlir::Operation *op) {
  op->setAttr(rematerializedMark, mlir::UnitAttr::get(op->getContext()));
}
inline bool isRematerialized(mlir::Operation *op) { return op->hasAttr(rematerializedMark); }

/// Makes the uses of `old` at position `first` and behind use `replacement`, through copies of
/// views that stand before. Views that nobody uses any more go into `dead`, behind those of their
/// results.
void moveUses(mlir::Value old, mlir::Value replacement, int first, mlir::OpBuilder &builder,
              const Liveness &liveness, llvm::SmallVectorImpl<mlir::Operation *> &dead);

} // namespace gptc

#endif // GPTC_LIB_TRANSFORMS_REMATERIALIZED_H
