// Builds kernel graphs; see KernelGraphBuilder.cpp.
#ifndef GPTC_LIB_CODEGEN_KERNELGRAPHBUILDER_H
#define GPTC_LIB_CODEGEN_KERNELGRAPHBUILDER_H

#include "KernelGraph.h"

#include <map>
#include <tuple>

namespace gptc::codegen {

/// Axes of the space, outermost first.
using AxisList = std::vector<unsigned>;
/// For each axis of a value, the axes of the space that make up its index; none where its size
/// is 1.
using Position = std::vector<AxisList>;

class KernelGraphBuilder {
public:
  explicit KernelGraphBuilder(plan::KernelOp kernel) : kernel(kernel), space(getSpace(kernel)) {}

  llvm::FailureOr<KernelGraph> build();

private:
  using Result = llvm::FailureOr<unsigned>;

  llvm::LogicalResult fail(const llvm::Twine &message) { return kernel.emitOpError(message); }
  bool isColumn() { return kernel.getSchedule() == "column"; }

  // Axes.
  llvm::LogicalResult nameAxes();
  llvm::LogicalResult assignRoles();
  /// Deals axes out to the axes of `shape`; none where sizes do not fit together.
  std::optional<Position> deal(llvm::ArrayRef<unsigned> axes, llvm::ArrayRef<int64_t> shape) const;
  llvm::FailureOr<llvm::SmallVector<int64_t>> getStrides(unsigned operand);
  LinearIndex getIndex(const Position &position, llvm::ArrayRef<int64_t> strides) const;

  // Nodes.
  llvm::LogicalResult addOutputs();
  /// Adds a node, or finds the one that is the same.
  unsigned add(Node node);
  void dropUnused();

  // The node of a value at a position.
  Result getNode(mlir::Value value, const Position &position);
  Result makeNode(mlir::Value value, const Position &position);
  Result visit(gpt::MapOp map, const Position &position, mlir::OpResult result);
  Result visit(gpt::ReduceOp reduce, const Position &position, mlir::OpResult result);
  Result visit(gpt::ReshapeOp reshape, const Position &position, mlir::OpResult result);
  Result visit(gpt::IotaOp iota, const Position &position, mlir::OpResult result);
  Result visit(gpt::RandomOp random, const Position &position, mlir::OpResult result);
  Result visit(gpt::EmbeddingOp embedding, const Position &position, mlir::OpResult result);
  Result visit(mlir::arith::ConstantOp constant, const Position &position, mlir::OpResult result);

  using Key = std::tuple<Node::Kind, const void *, std::vector<unsigned>, std::vector<int64_t>,
                         unsigned, int64_t, const void *, const void *, unsigned, const void *>;

  plan::KernelOp kernel;
  llvm::SmallVector<int64_t> space;
  Position spacePosition;
  AxisList all;                    ///< each a part of an axis of the space
  std::optional<AxisList> reduced; ///< the axes that a column kernel reduces
  KernelGraph graph;
  std::map<Key, unsigned> known;
  std::map<std::pair<const void *, Position>, unsigned> made;
  llvm::DenseMap<mlir::Attribute, unsigned> tableNumbers;
};

} // namespace gptc::codegen

#endif // GPTC_LIB_CODEGEN_KERNELGRAPHBUILDER_H
