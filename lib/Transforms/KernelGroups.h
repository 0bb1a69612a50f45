// Groups of operations of a block that can run as one kernel over rows.
//
// What it must show: softmax, layer norm, cross-entropy and their adjoints, decomposed into maps
// and reductions, each come back as one kernel; a group never depends on itself through an
// operation outside of it; every value that crosses operations inside a group is used at the row
// that produced it.
#ifndef GPTC_LIB_TRANSFORMS_KERNELGROUPS_H
#define GPTC_LIB_TRANSFORMS_KERNELGROUPS_H

#include "gptc/Dialect/GPT/GPTOps.h"

#include "llvm/ADT/DenseMap.h"

namespace gptc {

/// A kernel-to-be. All its operations share a *space*, the shape [R…, C]: each computes a full
/// tensor of that shape, or one value a row, of shape [R…] or [R…, 1].
struct KernelGroup {
  llvm::SmallVector<mlir::Operation *> ops; ///< in block order
  llvm::SmallVector<int64_t> space;
  bool pointwise =
      true; ///< holds no reduction and no gather, so its space may become the rows of a larger one
};

class KernelGroups {
public:
  /// Groups the operations of `block` greedily: in block order, each joins the groups of its
  /// producers where it may. `limit` bounds the number of values that cross a group's border.
  KernelGroups(mlir::Block &block, unsigned limit);

  /// The groups, in the order of their last operations. An operation is in one group at most.
  llvm::ArrayRef<KernelGroup> getGroups() const { return groups; }

private:
  void visit(mlir::Operation *op);
  bool tryJoin(int group, int other);
  bool dependsThroughOutside(int group, int other) const;
  bool edgesFit(const KernelGroup &group) const;
  unsigned countBorder(const KernelGroup &group) const;
  int groupOf(mlir::Operation *op) const { return membership.lookup_or(op, -1); }

  llvm::SmallVector<KernelGroup> groups;
  llvm::DenseMap<mlir::Operation *, int> membership;
  llvm::DenseMap<mlir::Operation *, int> position;
  unsigned limit;
};

/// Whether `op` reduces leading axes and keeps the last one.
bool isColumnReduction(mlir::Operation *op);

/// Whether `op` is a reshape that only adds or drops a last axis of size 1.
bool isKeepAxisReshape(mlir::Operation *op);

} // namespace gptc

#endif // GPTC_LIB_TRANSFORMS_KERNELGROUPS_H
