// A matmul with one matrix for all rows, and the operations that work on its rows one by one.
//
// What it must show: every operation of the cluster gives for a piece of rows that piece of its
// result, or a term of a sum over pieces; nothing outside of it reads a tensor that is too large.
#ifndef GPTC_LIB_TRANSFORMS_ROWCLUSTER_H
#define GPTC_LIB_TRANSFORMS_ROWCLUSTER_H

#include "Liveness.h"

#include "llvm/ADT/SetVector.h"

#include <optional>

namespace gptc {

class RowCluster {
public:
  /// `limit`: bytes of the largest piece.
  RowCluster(gpt::MatmulOp root, uint64_t limit);

  /// Why the cluster cannot be cut, if it cannot. To be called before anything else.
  std::optional<llvm::StringRef> findObstacle();

  int64_t countPieces() const;

  /// Replaces the cluster by copies for pieces of its rows.
  void cut();

private:
  /// What an operation makes of rows.
  enum class Role {
    rows, ///< results whose leading axes are the rows
    sum,  ///< a sum over all rows
    none
  };
  /// Rows [offset, offset + size) along each row axis, and as one range of all rows.
  struct Piece {
    llvm::SmallVector<int64_t> offsets, sizes;
    int64_t first, count;
  };
  struct Exit {
    mlir::Value value;
    bool isSum;
    llvm::SmallVector<mlir::Value> parts;
  };

  Role classify(mlir::Operation *op);
  Role classify(gpt::MapOp op);
  Role classify(gpt::ReduceOp op);
  Role classify(gpt::ReshapeOp op);
  Role classify(gpt::MatmulOp op);
  std::optional<unsigned> leadingRowAxes(llvm::ArrayRef<int64_t> shape) const;
  bool depends(mlir::Value value) const;

  llvm::SmallVector<Piece> pieces() const;
  void hoistOperands();
  mlir::Operation *copy(mlir::Operation *op, const Piece &piece, mlir::IRMapping &mapping,
                        mlir::OpBuilder &builder);
  bool isForMembers(mlir::Operation *op) const;
  mlir::Value sliceOf(mlir::Value value, llvm::ArrayRef<int64_t> offsets,
                      llvm::ArrayRef<int64_t> sizes, mlir::OpBuilder &builder);
  mlir::Value operandFor(mlir::OpOperand &operand, const Piece &piece, mlir::IRMapping &mapping,
                         mlir::OpBuilder &builder);
  mlir::Value join(const Exit &exit, mlir::OpBuilder &builder) const;
  void writeParts(gpt::WriteOp write, llvm::ArrayRef<mlir::Value> parts) const;

  gpt::MatmulOp root;
  int64_t largest; ///< bytes of a tensor that may be there as a whole, as the root's rows are
  llvm::SmallVector<int64_t> rows; ///< sizes of the row axes
  int64_t rowCount;
  unsigned chunkAxis = 0; ///< row axes before it are cut into single rows, those behind are whole
  int64_t chunkSize = 1;  ///< along it
  llvm::DenseSet<mlir::Operation *> dependents;  ///< of the root, and itself
  llvm::DenseMap<mlir::Value, unsigned> rowAxes; ///< how many axes hold the rows: all or one
  llvm::DenseMap<mlir::Operation *, Role> roles; ///< of dependents
  llvm::SetVector<mlir::Operation *> members;    ///< in the block's order, once sorted
  llvm::SetVector<mlir::Operation *> replaced;   ///< outside, by copies for pieces
};

} // namespace gptc

#endif // GPTC_LIB_TRANSFORMS_ROWCLUSTER_H
