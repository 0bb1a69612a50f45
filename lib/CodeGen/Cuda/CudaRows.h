// The emitter of row kernels on a GPU: see CudaRows.cpp, and CudaRowSums.cpp for sums over rows.
#ifndef GPTC_LIB_CODEGEN_CUDA_CUDAROWS_H
#define GPTC_LIB_CODEGEN_CUDA_CUDAROWS_H

#include "../RowPhases.h"
#include "CudaEmitter.h"

namespace gptc::codegen {

/// Columns of a block of rows that a block of threads takes, one a thread.
inline constexpr int64_t columnsTogether = 256;

/// Writes the function of one kernel.
class CudaRows {
public:
  CudaRows(plan::KernelOp kernel, const KernelGraph &graph, const KernelUse &use,
           mlir::ModuleOp module);
  llvm::FailureOr<CudaGeometry> run();

private:
  /// What works on a row.
  enum class Shape { element, thread, warp, block };

  CudaGeometry getGeometry() const;
  /// The parts of a row that a block without reductions takes.
  int64_t countParts() const { return llvm::divideCeilSigned(columns, columnsTogether); }
  unsigned threadsOfRow() const { return columns <= 8 * cudaWarpColumns ? 256 : 1024; }

  void emitItems(const CudaGeometry &geometry);
  void emitWarps();
  void emitRow(unsigned lanes);
  /// The values of the row that are known before phase `phase`, and the outputs that they are.
  void emitRowValues(unsigned phase);
  void emitPhase(unsigned number, unsigned lanes);
  void emitElement(unsigned number, llvm::ArrayRef<std::string> accumulators);
  /// A loop over columns in which each thread comes to every `lanes`-th of them.
  std::string openColumns(llvm::StringRef first, unsigned lanes);

  mlir::Value evaluate(unsigned node);
  void createScratch(int64_t rows);
  /// The row's part of scratch memory.
  mlir::Value scratchIndex();
  mlir::Value read(unsigned node, const RowPhases::Place &place);
  void write(unsigned node, const RowPhases::Place &place);

  // CudaRowSums.cpp: a block of rows, and their sums.
  void emitBlockOfRows(const CudaGeometry &geometry);
  void emitColumnsOfRows(const std::string &index, const std::string &height);
  void startSharedSums(unsigned lanes);
  void finishSharedSums(const std::string &index, const std::string &height, unsigned threads);
  /// Writes a sum that is there as text, or adds it to an output that accumulates.
  void storeSum(unsigned number, const std::string &text);
  void addToSum(unsigned number, mlir::Value value);

  plan::KernelOp kernel;
  const KernelGraph &graph;
  CudaRowMemory memory;
  RowPhases phases;
  CudaEmitter emit;
  std::optional<unsigned> elementAxis;
  int64_t columns;
  Shape shape;
  llvm::DenseMap<unsigned, std::string> scratch, sumNames; ///< of sums by output
  llvm::SmallVector<unsigned> sums;                        ///< outputs that are summed over rows
  bool failed = false;
};

} // namespace gptc::codegen

#endif // GPTC_LIB_CODEGEN_CUDA_CUDAROWS_H
