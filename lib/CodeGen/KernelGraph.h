// A kernel as scalars: what one element of each output is computed from, and at which indices.
//
// A plan.kernel speaks of tensors of many shapes. Its *space* is the largest of them; every other
// value lies along some of the space's axes. The graph names, for each value that is needed, the
// scalar at the current point of the space, with the axes that it depends on. Schedules decide in
// which loop each scalar is computed; none of them needs to know a shape again.
#ifndef GPTC_LIB_CODEGEN_KERNELGRAPH_H
#define GPTC_LIB_CODEGEN_KERNELGRAPH_H

#include "gptc/Dialect/Plan/PlanOps.h"

namespace gptc::codegen {

/// A set of the space's axes, one bit an axis.
using AxisSet = uint64_t;

/// What loops mean for an axis.
enum class AxisRole {
  row,     ///< given by the launch: a row's axes, or those that a column reduction keeps
  reduced, ///< reduced within a launch's row by a column kernel
  element, ///< along a row: the innermost loops
};

/// A number that is linear in the indices: Σ strides[axis] · index[axis].
using LinearIndex = llvm::SmallVector<int64_t, 4>;

/// A scalar at a point of the space.
struct Node {
  enum class Kind {
    constant, ///< `value`
    load,     ///< element `index` of an operand
    gather,   ///< element `index` of row inputs[0] of an operand with `rowCount` rows, `rowStride`
              ///< apart
    position, ///< `index` itself, as an integer
    random,   ///< gpt.random: number `index` of `op`'s stream; inputs are the four words of the key
    scalar,   ///< result `result` of a copy of the arith or math operation `op` on the inputs
    reduce,   ///< inputs[0] combined, as gpt.reduce `op` says, over the element axes (row) or the
              ///< reduced ones (column)
  };
  Kind kind;
  mlir::Type type;
  llvm::SmallVector<unsigned, 3> inputs = {};
  LinearIndex index = {};
  unsigned operand = 0;
  int64_t rowCount = 0, rowStride = 0;
  mlir::Operation *op = nullptr;
  unsigned result = 0;
  mlir::TypedAttr value = {};
  AxisSet axes = 0; ///< the axes on which the scalar depends
};

/// Where an output's element goes.
struct Output {
  unsigned node;
  unsigned operand;
  LinearIndex index;
  AxisSet axes; ///< along which the output has elements
  bool accumulate;
  bool summed = false; ///< over blocks of rows: `node` is what is summed
};

/// A table that the kernel brings along: the elements of a constant that is no splat. As an operand
/// it has a number behind those of the kernel.
using Table = mlir::DenseElementsAttr;

class KernelGraph {
public:
  /// Builds the graph of a `row` or `column` kernel, with adjacent axes of one role merged wherever
  /// all strides allow it. Emits an error on what no schedule can do.
  static llvm::FailureOr<KernelGraph> build(plan::KernelOp kernel);

  llvm::ArrayRef<Node> getNodes() const { return nodes; }
  const Node &operator[](unsigned node) const { return nodes[node]; }
  llvm::ArrayRef<Output> getOutputs() const { return outputs; }
  llvm::ArrayRef<Table> getTables() const { return tables; }
  /// How many rows in a row, beginning at a multiple of this, go into one row of a summed output.
  int64_t getRowsOfBlock() const { return rowsOfBlock; }

  /// The sizes of the axes, outermost first. Axes of size 1 are left out.
  llvm::ArrayRef<int64_t> getSizes() const { return sizes; }
  AxisRole getRole(unsigned axis) const { return roles[axis]; }
  /// The axes of a role, outermost first.
  llvm::SmallVector<unsigned> getAxes(AxisRole role) const;
  AxisSet getAxisSet(AxisRole role) const;

  /// Which nodes need the result of a reduction, reductions among them.
  std::vector<bool> findBehindReductions() const;

  /// How an operand is seen through `index`: an axis for each that it depends on, in front of them
  /// the rows of a gather, if there are any.
  mlir::MemRefType getViewType(mlir::Type element, const LinearIndex &index, int64_t rowCount = 0,
                               int64_t rowStride = 0) const;

private:
  friend class KernelGraphBuilder;
  void mergeAxes();

  std::vector<Node> nodes;
  llvm::SmallVector<Output> outputs;
  llvm::SmallVector<Table> tables;
  llvm::SmallVector<int64_t> sizes;
  llvm::SmallVector<AxisRole> roles;
  int64_t rowsOfBlock = 1;
};

/// The largest shape in the kernel, tables of gathers left aside; of several, the one with most
/// axes.
llvm::SmallVector<int64_t> getSpace(plan::KernelOp kernel);

/// The inputs of a segmented sum, by number.
struct SegmentedSumOperands {
  unsigned indices, order, adjoint;
};
/// Emits an error on a kernel that is no segmented sum of its inputs.
llvm::FailureOr<SegmentedSumOperands> findSegmentedSumOperands(plan::KernelOp kernel);

/// The axes on which a linear index depends.
AxisSet getAxes(const LinearIndex &index);

} // namespace gptc::codegen

#endif // GPTC_LIB_CODEGEN_KERNELGRAPH_H
