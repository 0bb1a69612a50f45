// The loops along a row of a row kernel, and what each of them computes.
//
// A value that a reduction over the row goes into cannot be used before the loop that reduces is
// over: the next loop, the next *phase*, uses it. A scalar that a later phase needs again is read
// from the output that holds it, or computed anew where that is cheap, or kept in a row of scratch
// memory, best in an output that is only written later.
//
// None of this looks at which operands share memory, so that the same arithmetic runs whether they
// do or not.
#ifndef GPTC_LIB_CODEGEN_ROWPHASES_H
#define GPTC_LIB_CODEGEN_ROWPHASES_H

#include "KernelGraph.h"

#include <map>

namespace gptc::codegen {

/// What a row may have in scratch memory, in bytes, on a CPU: a part of a thread's stack.
inline constexpr int64_t cpuScratch = 256 * 1024;

/// On a GPU, rows up to this many elements belong to a warp each, several to a block; longer ones
/// have a block to themselves.
inline constexpr int64_t cudaWarpColumns = 1024, cudaWarpsTogether = 4;

/// How rows with reductions use a GPU's shared memory.
struct CudaRowMemory {
  bool warps;      ///< a warp takes a row: rows are short, and the sums of all warps fit
  bool sharedSums; ///< sums over blocks of rows are kept there, for each warp or for the block
  int64_t scratch; ///< bytes that are left for a row's scratch memory
};
CudaRowMemory findCudaRowMemory(const KernelGraph &graph);

class RowPhases {
public:
  RowPhases(const KernelGraph &graph, int64_t scratchLimit);

  /// One loop over the elements of a row.
  struct Phase {
    llvm::SmallVector<unsigned> nodes;      ///< to evaluate, inputs first
    llvm::SmallVector<unsigned> reductions; ///< nodes of kind reduce that finish with this loop
    llvm::SmallVector<unsigned> stores;     ///< outputs, by number
    llvm::SmallVector<unsigned> kept; ///< nodes that are written to their place for later phases
  };

  /// Where a scalar of an earlier phase is read again.
  struct Place {
    std::optional<unsigned> output; ///< in this output's row; otherwise in a row of scratch
  };

  llvm::ArrayRef<Phase> getPhases() const { return phases; }
  /// The first phase in which a node can be computed; for values of a row, the phase before whose
  /// loop.
  unsigned getReady(unsigned node) const { return ready[node]; }
  bool isElement(unsigned node) const { return (graph[node].axes & elementAxes) != 0; }
  bool isElement(const Output &output) const { return (output.axes & elementAxes) != 0; }
  /// Whether the output's memory holds an element of the row, and nothing but that.
  bool holdsValues(const Output &output) const {
    return isElement(output) && !output.accumulate && !output.summed;
  }
  /// Where `node` is read in phase `phase`; null if it is computed there.
  const Place *getPlace(unsigned node, unsigned phase) const;

  /// Whether an output may lie where an operand of the same layout lies: at each element, the
  /// operand is read before anything is written there, and not in a later phase.
  bool mayShareMemory(unsigned operand, unsigned output) const;

private:
  void findReady();
  unsigned getFirstWrite(unsigned output) const;
  unsigned getLastRead(unsigned operand) const;
  void need(unsigned node, unsigned phase);
  bool isWorthKeeping(unsigned node) const;
  unsigned countOperations(unsigned node, llvm::DenseSet<unsigned> &seen) const;
  void choosePlaces();

  const KernelGraph &graph;
  int64_t scratchLimit;
  AxisSet elementAxes;
  std::vector<unsigned> ready;
  llvm::SmallVector<Phase> phases;
  std::vector<llvm::DenseSet<unsigned>> needed; ///< for each phase
  std::map<unsigned, Place> places;             ///< of nodes that later phases read
};

} // namespace gptc::codegen

#endif // GPTC_LIB_CODEGEN_ROWPHASES_H
