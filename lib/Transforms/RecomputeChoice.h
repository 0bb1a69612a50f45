// What it takes to compute a value again later instead of keeping it.
//
// What it must show: a choice names every operation that has to run again, none whose result is
// there anyway, and what its results take of memory meanwhile.
#ifndef GPTC_LIB_TRANSFORMS_RECOMPUTECHOICE_H
#define GPTC_LIB_TRANSFORMS_RECOMPUTECHOICE_H

#include "Liveness.h"
#include "Versions.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSet.h"

namespace gptc {

/// A value that lies idle from `lastNear` to `firstFar`, where operations can compute it again.
struct RecomputeChoice {
  mlir::Value value;
  int lastNear = 0, firstFar = 0; ///< positions of uses
  /// Originals of what is computed again, in order; the last one makes the value.
  llvm::SmallVector<mlir::Operation *> chain;
  /// For originals that the chain uses, a version that is in memory or will be kept.
  llvm::DenseMap<mlir::Value, mlir::Value> sources;
  /// Versions that are kept longer for it, and the last position at which they were.
  llvm::SmallVector<std::pair<mlir::Value, int>> held;
  int64_t freed = 0;   ///< bytes less between `lastNear` and `firstFar`
  int64_t working = 0; ///< the most bytes of the chain's results at a time, but for the value
  int64_t work = 0;    ///< what the chain costs, in FLOPs and bytes
};

/// Memory over time, and room in it.
struct MemoryCurve {
  llvm::SmallVector<int64_t> bytes; ///< at each position
  int64_t limit = 0;                ///< up to which values may be kept longer
  int peak = 0;                     ///< where most lies

  int64_t peakBytes() const { return bytes[peak]; }
  void findPeak();
  /// The most at positions between `after` and `before`.
  int64_t mostBetween(int after, int before) const;
};

class RecomputeChooser {
public:
  RecomputeChooser(mlir::Block &block, const Versions &versions);

  /// What it takes to compute `stored`, which lies idle at the peak, again; otherwise says in
  /// `obstacle` why it cannot be, empty if it is not idle.
  std::optional<RecomputeChoice> choose(const Liveness::Stored &stored, const Liveness &liveness,
                                        const MemoryCurve &curve, llvm::StringRef &obstacle) const;

private:
  struct Search;
  bool gather(mlir::Value operand, Search &search) const;
  static int64_t workingBytes(const RecomputeChoice &choice);

  const Versions &versions;
  llvm::StringSet<> written; ///< variables
};

/// Whether an operation gives the same results whenever it runs.
bool isRepeatable(mlir::Operation *op);

} // namespace gptc

#endif // GPTC_LIB_TRANSFORMS_RECOMPUTECHOICE_H
