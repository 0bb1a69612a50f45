// Emits the scalars of a kernel graph as operations on memrefs, at whatever loop a schedule has
// opened.
#ifndef GPTC_LIB_CODEGEN_SCALAREMITTER_H
#define GPTC_LIB_CODEGEN_SCALAREMITTER_H

#include "KernelGraph.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <map>

namespace gptc::codegen {

/// The function of one kernel while it is written. Schedules open loops, set the axes' indices, and
/// ask for nodes.
class ScalarEmitter {
public:
  /// Creates `func.func @symbol(operands…, begin: index, end: index)` at the end of `module`, and a
  /// view for each way in which an operand is indexed.
  ScalarEmitter(plan::KernelOp kernel, const KernelGraph &graph, mlir::ModuleOp module);

  mlir::OpBuilder &getBuilder() { return builder; }
  mlir::Location getLoc() const { return loc; }
  mlir::Value getBegin() { return function.getArgument(function.getNumArguments() - 2); }
  mlir::Value getEnd() { return function.getArgument(function.getNumArguments() - 1); }
  mlir::Value getIndex(int64_t value);
  /// A row of scratch memory, made at the function's entry.
  mlir::Value createScratch(mlir::Type element, int64_t size);

  /// The index of each axis in the loops around the insertion point.
  std::vector<mlir::Value> axes;
  /// What nodes are there already. Loops copy it, and put it back behind them.
  std::vector<mlir::Value> values;

  /// Evaluates the node, whose inputs must be there, unless it is there too.
  void evaluate(unsigned node);
  /// Asks for what the node loads, so many elements further on, in the second level cache.
  void fetch(const Node &node, int64_t ahead);
  /// Writes to an output, or adds to it, as to one that is summed over rows.
  void store(const Output &output, mlir::Value value);
  /// Reads and writes a value that is no output at an output's element.
  mlir::Value loadPlain(const Output &output);
  void storePlain(const Output &output, mlir::Value value);

  /// What a reduction starts from, and one step of it.
  mlir::Value createNeutral(mlir::Operation *reduce, mlir::Type type);
  mlir::Value combine(mlir::Operation *reduce, mlir::Value accumulator, mlir::Value value);

  /// What a loop goes over, and with that what LLVM may do with it.
  enum class LoopKind {
    rows, ///< a launch's rows: each is computed by the same instructions, wherever a launch is cut
    reduced,  ///< reduced axes, one after the other
    elements, ///< elements of a row: iterations touch disjoint memory, whichever operands share it
  };

  /// What a loop of a kind says of itself to LLVM; null for one over reduced axes.
  mlir::Attribute getAnnotation(LoopKind kind) const;

  /// A loop over [begin, end). Sets the index of `axis`, if there is one, and calls `body`, which
  /// gives what is carried on. Returns what the last iteration gave.
  llvm::SmallVector<mlir::Value> createLoop(
      LoopKind kind, mlir::Value begin, mlir::Value end, std::optional<unsigned> axis,
      mlir::ValueRange carried,
      llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value, mlir::ValueRange)> body);
  /// The same with nothing carried.
  void createLoop(LoopKind kind, mlir::Value begin, mlir::Value end, std::optional<unsigned> axis,
                  llvm::function_ref<void(mlir::Value)> body);

  /// Sets the indices of some axes, outermost first, from their row-major index.
  void splitIndex(mlir::Value index, llvm::ArrayRef<unsigned> axes);

private:
  /// An operand as it is seen through an index.
  struct View {
    unsigned operand;
    mlir::MemRefType type;
    bool operator==(const View &) const = default;
    bool operator<(const View &other) const {
      return std::pair(operand, type.getAsOpaquePointer()) <
             std::pair(other.operand, other.type.getAsOpaquePointer());
    }
  };

  llvm::SmallVector<View> findViews() const;
  View viewOf(const Node &node) const;
  View viewOf(const Output &output) const;
  mlir::Value createView(const View &view);
  void annotateLoops();
  mlir::Value createTable(const Table &table);
  llvm::SmallVector<mlir::Value> getIndices(const LinearIndex &index);
  mlir::Value createLinear(const LinearIndex &index);
  mlir::Value load(const Node &node);
  mlir::Value createScalar(const Node &node);

  plan::KernelOp kernel;
  const KernelGraph &graph;
  mlir::Location loc;
  mlir::OpBuilder builder;
  mlir::func::FuncOp function;
  std::map<View, mlir::Value> views;
  mlir::Attribute elementLoop, rowLoop; ///< what loops say of themselves
};

/// Random bits by Philox4x32-10, as gpt.random defines them: a float in [0, 1) from the element's
/// number and the four words of the key.
mlir::Value emitRandom(mlir::OpBuilder &builder, mlir::Location loc, mlir::Type type,
                       mlir::Value element, mlir::ValueRange key, llvm::StringRef stream);

// The schedules: each fills the function of a kernel.
llvm::LogicalResult emitRowSchedule(plan::KernelOp kernel, mlir::ModuleOp module);
llvm::LogicalResult emitColumnSchedule(plan::KernelOp kernel, mlir::ModuleOp module);
llvm::LogicalResult emitSegmentedSum(plan::KernelOp kernel, mlir::ModuleOp module);
llvm::LogicalResult emitAttention(plan::KernelOp kernel, mlir::ModuleOp module,
                                  unsigned vectorBits);
llvm::LogicalResult emitAttentionGrad(plan::KernelOp kernel, mlir::ModuleOp module,
                                      unsigned vectorBits);

} // namespace gptc::codegen

#endif // GPTC_LIB_CODEGEN_SCALAREMITTER_H
