// Which values of a block are computed again, and from what.
//
// What it must show: two values are versions of one another only if the same operations computed
// them from versions of the same operands.
#ifndef GPTC_LIB_TRANSFORMS_VERSIONS_H
#define GPTC_LIB_TRANSFORMS_VERSIONS_H

#include "gptc/Dialect/GPT/GPTOps.h"

#include "llvm/ADT/DenseMap.h"

namespace gptc {

/// Values that are no views, and their copies that are marked as computed again.
class Versions {
public:
  /// Finds the originals of what is marked already.
  explicit Versions(mlir::Block &block);

  /// The first version of a value.
  mlir::Value originalOf(mlir::Value root) const { return originals.lookup_or(root, root); }
  /// The copies of an original, in the order in which they were made.
  llvm::ArrayRef<mlir::Value> copiesOf(mlir::Value original) const {
    auto it = copies.find(original);
    return it == copies.end() ? llvm::ArrayRef<mlir::Value>() : it->second;
  }
  /// `copy` computes the results of `original` again.
  void add(mlir::Operation *original, mlir::Operation *copy);
  /// Forgets an operation that is about to be erased.
  void remove(mlir::Operation *copy);

private:
  bool isSame(mlir::Value a, mlir::Value b) const;
  bool isSame(mlir::Operation *a, mlir::Operation *b) const;

  llvm::DenseMap<mlir::Value, mlir::Value> originals; ///< of copies
  llvm::DenseMap<mlir::Value, llvm::SmallVector<mlir::Value>> copies;
};

} // namespace gptc

#endif // GPTC_LIB_TRANSFORMS_VERSIONS_H
