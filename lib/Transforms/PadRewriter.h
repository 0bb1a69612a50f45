// Brings the operations of a function to their padded shapes.
#ifndef GPTC_LIB_TRANSFORMS_PADREWRITER_H
#define GPTC_LIB_TRANSFORMS_PADREWRITER_H

#include "PadAnalysis.h"

#include <map>

namespace gptc {

/// What it must show: pads of a variable are exactly 0 behind every write; no element that is not a
/// pad depends on one: reductions and contractions over a padded axis see pads that change nothing.
class PadRewriter {
public:
  explicit PadRewriter(const PadAnalysis &analysis) : analysis(analysis) {}

  void rewrite(mlir::func::FuncOp function);

private:
  /// Of a value with pads: its shape without, and along which axes all pads are exactly 0.
  struct Pads {
    Shape logical;
    llvm::SmallVector<bool> zero;
  };

  void rewrite(mlir::Operation *op, const OpPadding &padding);
  void note(mlir::Operation *op, llvm::ArrayRef<Shape> logical);
  bool isPadded(mlir::Value value, int64_t axis) const;
  bool isZero(mlir::Value value, int64_t axis) const;
  bool computesZero(mlir::OpResult result, int64_t axis) const;
  bool mapComputesZero(mlir::OpResult result, int64_t axis) const;

  mlir::Value fit(mlir::Value value, const Shape &shape);
  mlir::Value grow(mlir::Value value, const Shape &shape);
  mlir::Value cut(mlir::Value value, const Shape &shape);
  /// `value` with `identity` (a number of its element type) in place of the pads along an axis.
  mlir::Value mask(mlir::Value value, int64_t axis, double identity);
  mlir::Value clear(mlir::Value value, int64_t axis) {
    return isPadded(value, axis) && !isZero(value, axis) ? mask(value, axis, 0) : value;
  }

  const PadAnalysis &analysis;
  llvm::DenseMap<mlir::Value, Pads> pads;
  /// What was made of values, and is used again.
  std::map<std::pair<void *, Shape>, mlir::Value> fitted;
  std::map<std::tuple<void *, int64_t, double>, mlir::Value> masked;
};

} // namespace gptc

#endif // GPTC_LIB_TRANSFORMS_PADREWRITER_H
