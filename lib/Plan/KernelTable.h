// The kernels of a plan, each made once.
#ifndef GPTC_LIB_PLAN_KERNELTABLE_H
#define GPTC_LIB_PLAN_KERNELTABLE_H

#include "Layout.h"

#include "gptc/Dialect/Plan/PlanOps.h"

#include "llvm/ADT/StringMap.h"

namespace gptc::plan {

/// A kernel and how many rows a launch of it has.
struct KernelUse {
  KernelOp kernel;
  int64_t rows;
  int64_t grain;
};

class KernelTable {
public:
  /// New kernels are inserted at the end of `module`.
  explicit KernelTable(mlir::ModuleOp module) : builder(module.getBodyRegion()) {
    builder.setInsertionPointToEnd(module.getBody());
  }

  /// The kernel that does what `body` does (a region of gpt.fused: operands in, gpt.yield out), its
  /// inputs and outputs stored with `strides`. `name` is what a reader will know it by.
  KernelUse get(mlir::Location location, llvm::StringRef name, mlir::Block &body,
                llvm::ArrayRef<Strides> strides, llvm::ArrayRef<bool> accumulate,
                llvm::ArrayRef<int64_t> inPlace);

private:
  mlir::OpBuilder builder;
  llvm::StringMap<KernelOp> kernels;
};

} // namespace gptc::plan

#endif // GPTC_LIB_PLAN_KERNELTABLE_H
