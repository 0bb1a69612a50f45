// Commands that make the pads of variables zero.
//
// What it must show: behind them, whatever a variable's rows were used for, all of their elements
// that are none of the tensor's are zero.
#ifndef GPTC_LIB_PLAN_PADCLEARING_H
#define GPTC_LIB_PLAN_PADCLEARING_H

#include "KernelTable.h"

#include <optional>

namespace gptc::plan {

/// The rows of a variable, in elements; all lie at one distance, with pads between them or none.
struct PaddedRows {
  int64_t count, width, distance;
  mlir::Type element;
  bool areAlike(const PaddedRows &other) const {
    return width == other.width && distance == other.distance && element == other.element;
  }
  bool hasPads() const { return distance > width; }
  int64_t elements() const { return count * distance; }
};

class PadClearing {
public:
  explicit PadClearing(mlir::ModuleOp module);

  /// The rows of a variable's tensor; none if it has no two axes, or if its rows are apart in
  /// another way.
  std::optional<PaddedRows> findRows(BufferOp variable) const;

  /// Appends a launch to `entry` that clears the pads behind the rows of these variables, which
  /// have some and are alike.
  void clear(EntryOp entry, llvm::ArrayRef<BufferOp> variables);

private:
  mlir::ModuleOp module;
  KernelTable kernels;
  llvm::DenseMap<mlir::StringAttr, TensorOp> tensors; ///< by buffer
};

} // namespace gptc::plan

#endif // GPTC_LIB_PLAN_PADCLEARING_H
