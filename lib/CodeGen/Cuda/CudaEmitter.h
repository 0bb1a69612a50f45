// Emits the scalars of a kernel graph as EmitC operations inside the CUDA function of a kernel, at
// whatever loop a schedule has opened.
//
// Arithmetic is EmitC, so that upstream forms expressions of it and prints it. Loops, loads and
// stores are lines with names of their own, since names are what makes the source readable; what a
// line names is an emitc.literal from there on.
#ifndef GPTC_LIB_CODEGEN_CUDA_CUDAEMITTER_H
#define GPTC_LIB_CODEGEN_CUDA_CUDAEMITTER_H

#include "../KernelGraph.h"
#include "CudaLaunches.h"

#include "mlir/Dialect/EmitC/IR/EmitC.h"
#include "llvm/ADT/StringSet.h"

namespace gptc::codegen {

class CudaEmitter {
public:
  /// Creates `GPTC_DEVICE void symbol_block(operands…, rows, block)` at the end of `module`, with a
  /// view of each operand under its name.
  CudaEmitter(plan::KernelOp kernel, const KernelGraph &graph, const KernelUse &use,
              mlir::ModuleOp module);
  /// Creates `GPTC_DEVICE void symbol_element(operands…, row, column, value)` instead, which does
  /// the work of an element: operand `given` is not read, but has that value there.
  CudaEmitter(plan::KernelOp kernel, const KernelGraph &graph, const KernelUse &use,
              mlir::ModuleOp module, unsigned given);

  mlir::Location getLoc() const { return loc; }
  mlir::OpBuilder &getBuilder() { return builder; }
  /// int where all offsets fit, else a 64-bit type: "int32_t" or "int64_t".
  llvm::StringRef getIndexName() const;

  /// Names the number of the launch's rows, and of the block among those of the instance.
  void declareRows();
  void declareBlock();
  /// Names the row, the column and the given value of an element: "row", "column", "given".
  void declareElement();
  /// A line of source; `{}` stands for the values in order, `{{` for a brace.
  void line(const llvm::Twine &text, mlir::ValueRange values = {});
  /// A line that opens a block. What is evaluated in a block is forgotten at its end.
  void open(const llvm::Twine &text, mlir::ValueRange values = {});
  void close();

  /// The name of an operand's view.
  const std::string &operand(unsigned number) const { return names[number]; }

  /// What a name stands for.
  mlir::Value name(llvm::StringRef text, mlir::Type type);
  /// The same of a float that `type` is rounded from.
  mlir::Value nameFloat(llvm::StringRef text, mlir::Type type);
  mlir::Value indexName(llvm::StringRef text) { return name(text, indexType); }
  mlir::Value createIndex(int64_t value);
  /// A name that is not taken: `base`, or `base` with a number.
  std::string freshName(llvm::StringRef base);
  /// Gives `value` a name of its own, so that it is computed here.
  mlir::Value bind(llvm::StringRef base, mlir::Value value);

  /// The index of each axis in the loops around the insertion point.
  std::vector<mlir::Value> axes;
  /// What nodes are there already.
  std::vector<mlir::Value> values;

  /// Sets the indices of some axes, outermost first, from their row-major index.
  void splitIndex(mlir::Value index, llvm::ArrayRef<unsigned> axes);

  /// Evaluates the node and what it is computed from, unless it is there. Reductions must be there.
  mlir::Value evaluate(unsigned node);
  /// Writes to an output, or adds to it.
  void store(const Output &output, mlir::Value value);
  /// Reads and writes a value that is no output at an output's element.
  mlir::Value loadPlain(const Output &output, mlir::Type type);
  void storePlain(const Output &output, mlir::Value value);

  /// What a reduction starts from, as text, and "sum", "max" or "min".
  static llvm::StringRef neutralOf(mlir::Operation *reduce);
  static llvm::StringRef kindOf(mlir::Operation *reduce);
  /// The line that adds `value` to the accumulator of that name.
  void accumulate(mlir::Operation *reduce, llvm::StringRef accumulator, mlir::Value value);

private:
  CudaEmitter(plan::KernelOp kernel, const KernelGraph &graph, const KernelUse &use,
              mlir::ModuleOp module, std::optional<unsigned> given);
  void createViews();
  void createTables();
  int64_t extentOf(unsigned operand);
  mlir::Value createLinear(const LinearIndex &index);
  mlir::Value load(const Node &node);

  plan::KernelOp kernel;
  const KernelGraph &graph;
  const KernelUse &use;
  std::optional<unsigned> given; ///< of an element's function
  mlir::Location loc;
  mlir::OpBuilder builder;
  mlir::emitc::FuncOp function;
  mlir::Type indexType;
  llvm::SmallVector<std::string> names; ///< of the operands, then of the tables
  llvm::StringSet<> taken;
  std::vector<std::vector<mlir::Value>> outside; ///< `values` around each open block
};

/// The name of a type in C++.
llvm::StringRef cudaTypeName(mlir::Type type);
/// What stands for a type in EmitC: numbers of 16 bits are structs of the device header.
mlir::Type cudaType(mlir::Type type);
/// Whether a type is bf16 or f16, or stands for one.
bool isHalf(mlir::Type type);
/// The element type of an operand.
mlir::Type elementOf(plan::KernelOp kernel, unsigned operand);
/// A number of 16 bits as a float, and a float rounded to `type`; others stay as they are.
mlir::Value emitCudaWidening(mlir::OpBuilder &builder, mlir::Value value, mlir::Location loc);
mlir::Value emitCudaRounding(mlir::OpBuilder &builder, mlir::Value value, mlir::Type type,
                             mlir::Location loc);

/// The arith or math operation of a node on its inputs. Emits an error on what CUDA kernels do not
/// do, and gives null.
mlir::Value emitCudaScalar(mlir::OpBuilder &builder, const Node &node, mlir::ValueRange inputs,
                           mlir::Location loc);
/// A constant; infinities and NaN by their bits.
mlir::Value emitCudaConstant(mlir::OpBuilder &builder, mlir::TypedAttr value, mlir::Location loc);

/// C++'s conversion; nothing where the type is the same.
mlir::Value emitCudaCast(mlir::OpBuilder &builder, mlir::Type type, mlir::Value value,
                         mlir::Location loc);

// The schedules: each writes the function of a kernel and says how it is launched.
llvm::FailureOr<CudaGeometry> emitCudaRows(plan::KernelOp kernel, const KernelUse &use,
                                           mlir::ModuleOp module);
llvm::FailureOr<CudaGeometry> emitCudaColumns(plan::KernelOp kernel, const KernelUse &use,
                                              mlir::ModuleOp module);
llvm::FailureOr<CudaGeometry> emitCudaSegmentedSum(plan::KernelOp kernel, const KernelUse &use,
                                                   mlir::ModuleOp module);
llvm::FailureOr<CudaGeometry> emitCudaAttention(plan::KernelOp kernel, const KernelUse &use,
                                                mlir::ModuleOp module);
llvm::FailureOr<CudaGeometry> emitCudaAttentionGrad(plan::KernelOp kernel, const KernelUse &use,
                                                    mlir::ModuleOp module);

/// Writes the function of an element of a row kernel, `symbol_element`, where operand `given` is a
/// value; nothing, and false, if the kernel does not compute element by element from that one.
llvm::FailureOr<bool> emitCudaElement(plan::KernelOp kernel, const KernelUse &use, unsigned given,
                                      mlir::ModuleOp module);

} // namespace gptc::codegen

#endif // GPTC_LIB_CODEGEN_CUDA_CUDAEMITTER_H
