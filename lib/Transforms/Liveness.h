// Which values of a block lie in memory, and from when to when: an estimate before kernels are
// formed.
//
// What it must show: views count as what they are views of; what a kernel can hold in registers
// takes no memory; the peak is found where most bytes live at once.
#ifndef GPTC_LIB_TRANSFORMS_LIVENESS_H
#define GPTC_LIB_TRANSFORMS_LIVENESS_H

#include "gptc/Dialect/GPT/GPTOps.h"

#include "llvm/ADT/DenseMap.h"

namespace gptc {

/// Whether `op` is a rearrangement that strides can express.
bool isView(mlir::Operation *op);

/// What `value` is a view of.
mlir::Value rootOf(mlir::Value value);

/// The bytes of a tensor.
int64_t bytesOf(mlir::Value value);

/// Lives of the values of a block in its order of operations. Positions count operations from 0.
class Liveness {
public:
  explicit Liveness(mlir::Block &block);

  /// A value that lies in memory from where it is computed to its last use.
  struct Stored {
    mlir::Value value;
    int first, last;
    llvm::SmallVector<int> uses; ///< of the value and its views, but for the views themselves
  };
  llvm::ArrayRef<Stored> getStored() const { return stored; }

  /// Where most bytes live, the first such place, and how many.
  int getPeak() const { return peak; }
  int64_t getPeakBytes() const { return peakBytes; }
  /// The bytes that live at each position.
  llvm::ArrayRef<int64_t> getLiveBytes() const { return liveBytes; }

  /// The bytes of the stored values that operations from `after` on, and before `before`, compute.
  int64_t bytesStoredBetween(int after, int before) const;

  /// Where a value that is no view is computed and last used.
  std::pair<int, int> lifeOf(mlir::Value root) const { return lives.lookup(root); }
  /// The last position at which a result of an operation, or a view of one, is used.
  int lastUseOf(mlir::Operation *op) const;
  /// −1 for operations that came into the block later.
  int positionOf(mlir::Operation *op) const { return position.lookup_or(op, -1); }
  mlir::Operation *operationAt(int index) const { return operations[index]; }

private:
  void visit(mlir::Value value);

  llvm::SmallVector<mlir::Operation *> operations;
  llvm::DenseMap<mlir::Operation *, int> position;
  llvm::DenseMap<mlir::Value, std::pair<int, int>> lives;
  llvm::SmallVector<int> barriers;        ///< operations before a position that no kernel spans
  llvm::SmallVector<int64_t> storedBytes; ///< computed before a position
  llvm::SmallVector<int64_t> liveBytes;
  llvm::SmallVector<Stored> stored;
  int peak = 0;
  int64_t peakBytes = 0;
};

} // namespace gptc

#endif // GPTC_LIB_TRANSFORMS_LIVENESS_H
