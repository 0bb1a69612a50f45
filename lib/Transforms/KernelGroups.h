// Groups of operations of a block that can run as one kernel over rows.
//
// What it must show: softmax, layer norm, cross-entropy and their adjoints, decomposed into maps
// and reductions, each come back as one kernel, with the sums over blocks of its rows; a group
// never depends on itself through an operation outside of it; every value that crosses operations
// inside a group is used at the row that produced it.
#ifndef GPTC_LIB_TRANSFORMS_KERNELGROUPS_H
#define GPTC_LIB_TRANSFORMS_KERNELGROUPS_H

#include "FusionCost.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

namespace gptc {

/// A kernel-to-be. All its operations share a *space*, the shape [R…, C]: each computes a full
/// tensor of that shape, one value a row, of shape [R…] or [R…, 1], or a sum over blocks of rows.
struct KernelGroup {
  llvm::SmallVector<mlir::Operation *> ops; ///< in block order
  llvm::SmallVector<int64_t> space;
  /// Holds no reduction and no gather, so its space may become the rows of a larger one.
  bool pointwise = true;
  KernelCost cost;
};

class KernelGroups {
public:
  /// Groups the operations of `block` greedily: of all pairs of groups of which one uses what the
  /// other computes, or that both read a tensor as large as their space, those are joined that save
  /// most, until none is left that may be joined. `limit` bounds the number of values that cross a
  /// group's border.
  KernelGroups(mlir::Block &block, unsigned limit);

  /// The groups; those that joined another one are empty. An operation is in one group at most.
  llvm::ArrayRef<KernelGroup> getGroups() const { return groups; }

  /// Remarks on what was joined, and what was not, and why.
  void report(llvm::StringRef function) const;

private:
  void add(mlir::Operation *op);
  void findNeighbours(mlir::Block &block);
  void joinAll();
  /// The group of all operations of both; none if they have no space in common.
  std::optional<KernelGroup> join(int a, int b) const;
  bool delays(const KernelGroup &first, const KernelGroup &joined) const;
  int findEarliest(mlir::Operation *op) const;
  /// Why `group` cannot be a kernel; empty if nothing within it is in the way.
  llvm::StringRef findObstacle(const KernelGroup &group) const;
  bool dependsThroughOutside(int group, int other) const;
  void updateHorizon();
  bool edgesFit(const KernelGroup &group) const;
  int groupOf(mlir::Operation *op) const { return membership.lookup_or(op, -1); }

  using Pair = std::pair<int, int>;
  static Pair ordered(int a, int b) { return {std::min(a, b), std::max(a, b)}; }

  llvm::SmallVector<KernelGroup> groups;
  std::vector<llvm::SmallSetVector<int, 8>> neighbours;               ///< of each group
  llvm::MapVector<Pair, std::pair<int64_t, llvm::StringRef>> refused; ///< bytes, and why
  llvm::DenseMap<mlir::Operation *, int> membership;
  llvm::DenseMap<mlir::Operation *, int> position;
  /// For each position: that of the last operation of its group, and up to where operations may be
  /// that it depends on, when groups run as wholes.
  std::vector<int> last, horizon;
  unsigned limit;
};

/// Whether `op` reduces leading axes, keeps the last one, and is no block sum.
bool isColumnReduction(mlir::Operation *op);

/// Whether `op` is a reshape that only adds or drops a last axis of size 1.
bool isKeepAxisReshape(mlir::Operation *op);

} // namespace gptc

#endif // GPTC_LIB_TRANSFORMS_KERNELGROUPS_H
