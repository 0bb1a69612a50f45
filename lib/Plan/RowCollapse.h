// Rewriting a row kernel's space [R…, C] to [R, C].
#ifndef GPTC_LIB_PLAN_ROWCOLLAPSE_H
#define GPTC_LIB_PLAN_ROWCOLLAPSE_H

#include "Layout.h"

#include "mlir/IR/Block.h"
#include "llvm/ADT/DenseSet.h"

#include <memory>

namespace gptc::plan {

/// A block with its row axes merged, its operands' strides, and the values that have a row axis.
struct CollapsedBody {
  std::unique_ptr<mlir::Block> block;
  llvm::SmallVector<Strides> strides;
  llvm::DenseSet<mlir::Value> rowValues;
};

/// The largest shape in `body`: the space of a row kernel.
llvm::SmallVector<int64_t> spaceOf(mlir::Block &body);

/// Merges all row axes into one where each value has all of them or none, and its strides allow it.
std::optional<CollapsedBody> collapseRows(mlir::Block &body, llvm::ArrayRef<Strides> strides);

} // namespace gptc::plan

#endif // GPTC_LIB_PLAN_ROWCOLLAPSE_H
