// Which tensors of a module are padded once variables are.
#ifndef GPTC_LIB_TRANSFORMS_PADANALYSIS_H
#define GPTC_LIB_TRANSFORMS_PADANALYSIS_H

#include "gptc/Dialect/GPT/GPTOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringMap.h"

namespace gptc {

using Shape = llvm::SmallVector<int64_t>;

/// The padded shapes of variables, by name; those that are not padded are not there.
using StoredShapes = llvm::StringMap<Shape>;

/// The shapes in which an operation takes its operands and gives its results, pads included.
struct OpPadding {
  llvm::SmallVector<Shape> operands, results;
};

/// The axis of `to` that is axis `axis` of `from` under a reshape, if there is one.
std::optional<int64_t> reshapedAxis(llvm::ArrayRef<int64_t> from, llvm::ArrayRef<int64_t> to,
                                    int64_t axis);

/// Follows padded shapes from reads to writes.
///
/// What it must show: an operation pads an axis of its results only if every operand that has the
/// axis is padded alike, or can be made so for nothing (constants, counters, the rows of an
/// embedding's gradient); every other operand is sliced back, which is a view.
class PadAnalysis {
public:
  PadAnalysis(mlir::ModuleOp module, const StoredShapes &variables);

  /// Null for operations that see nothing of the padding.
  const OpPadding *lookup(mlir::Operation *op) const;
  /// A write whose value lacks the padding of its variable along an axis.
  struct Conflict {
    gpt::WriteOp write;
    int64_t axis;
  };
  llvm::SmallVector<Conflict> conflicts;
  /// The sizes (without pads) of the axes that are padded in some matmul.
  llvm::DenseSet<int64_t> multiplied;
  /// The outputs that may be kept padded: all that is written to each is padded so, and nothing
  /// reads it.
  StoredShapes outputs;
  /// Operations that had to slice an operand back.
  llvm::SmallVector<mlir::Operation *> sliced;

private:
  void visit(mlir::Operation &op);
  void plan(mlir::Operation &op, OpPadding &padding);
  void planMap(gpt::MapOp map, OpPadding &padding);
  void planMatmul(gpt::MatmulOp matmul, OpPadding &padding);
  void planReshape(gpt::ReshapeOp reshape, OpPadding &padding);
  void planAlong(mlir::Operation &op, int64_t axis, OpPadding &padding);
  void planSlice(gpt::SliceOp slice, OpPadding &padding);
  void planPad(gpt::PadOp pad, OpPadding &padding);
  void planWrite(gpt::WriteOp write, OpPadding &padding);
  void settleOutputs();

  llvm::ArrayRef<int64_t> shapeOf(mlir::Value value) const;
  /// Whether a value can have a padded axis at no cost.
  bool canGrow(mlir::Value value, int64_t axis) const;

  mlir::ModuleOp module;
  const StoredShapes &variables;
  llvm::StringMap<gpt::VariableKind> kinds;
  llvm::DenseMap<mlir::Value, Shape> shapes;
  llvm::DenseMap<mlir::Operation *, OpPadding> plans;
  llvm::SmallVector<gpt::WriteOp> outputWrites;
};

} // namespace gptc

#endif // GPTC_LIB_TRANSFORMS_PADANALYSIS_H
