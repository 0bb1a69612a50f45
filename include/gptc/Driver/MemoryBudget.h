// A limit on the memory of training, which is met by computing values again.
#ifndef GPTC_DRIVER_MEMORYBUDGET_H
#define GPTC_DRIVER_MEMORYBUDGET_H

#include "gptc/Pipelines/Pipelines.h"

#include "runtime/base/Status.h"

#include "mlir/IR/BuiltinOps.h"

#include <cstdint>
#include <string>
#include <vector>

namespace gptc {

/// What training and evaluation may take: every segment that they allocate, with several
/// micro-batches a step. Logits, which are there while samples are drawn, come on top.
struct MemoryBudget {
  enum class Kind {
    bytes,
    share,   ///< of what is taken without recomputation
    smallest ///< as little as there is a way to
  };
  Kind kind = Kind::bytes;
  uint64_t bytes = 0;
  double share = 1;
};

/// What a budget costs.
struct Recomputation {
  struct Entry {
    std::string name;
    uint64_t bytes = 0;        ///< of its transient buffers
    uint64_t bytesWithout = 0; ///< the same, had nothing been computed again
    int64_t flops = 0;         ///< of what is computed again
    int64_t flopsWithout = 0;  ///< of all else
  };
  uint64_t budget = 0;  ///< in bytes
  uint64_t without = 0; ///< bytes without recomputation
  uint64_t total = 0;   ///< bytes with it
  std::vector<Entry> entries;
};

/// Finds how much entries have to save (OptimizeOptions::save) for the plan of `training`, a module
/// at Stage::training, which is left alone. Makes a few plans. An error of code outOfMemory says
/// the smallest budget that can be met.
runtime::Result<Recomputation> meetBudget(mlir::ModuleOp training, const MemoryBudget &budget,
                                          OptimizeOptions &options, const PlanOptions &plan,
                                          llvm::StringRef target);

} // namespace gptc

#endif // GPTC_DRIVER_MEMORYBUDGET_H
