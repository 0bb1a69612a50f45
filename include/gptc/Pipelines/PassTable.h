// Which optimisations there are, and for which target each is on.
//
// A plan could do without any of them: they change what a step moves, launches and takes, not what
// it computes. Whether one is on is decided here, from what `gptc ledger` has measured, and never
// while a model is compiled. The driver leaves those out that are off.
#ifndef GPTC_PIPELINES_PASSTABLE_H
#define GPTC_PIPELINES_PASSTABLE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace gptc {

enum class Target { cpu, cuda };

struct OptimizationPass {
  const char *name; ///< its argument
  const char *buys; ///< what it is for, in a line
  bool cpu, cuda;   ///< whether it is on
  const char *why;  ///< where it is off; else empty

  bool isOn(Target target) const { return target == Target::cpu ? cpu : cuda; }
};

/// In the order of the pipelines.
llvm::ArrayRef<OptimizationPass> optimizationPasses();

/// Null if it is no optimisation: either a pass that every plan needs, or none at all.
const OptimizationPass *findOptimization(llvm::StringRef name);

} // namespace gptc

#endif // GPTC_PIPELINES_PASSTABLE_H
