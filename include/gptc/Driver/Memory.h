// What a plan will take of memory, before anything runs.
#ifndef GPTC_DRIVER_MEMORY_H
#define GPTC_DRIVER_MEMORY_H

#include "gptc/Driver/Compile.h"

#include <cstdint>
#include <string>
#include <vector>

namespace gptc {

/// What memory is for. "saved" is written before the first gradient of an entry and read after it;
/// "unused" are gaps between buffers when most of them live.
enum class MemoryCategory {
  parameters,
  gradients,
  optimizer,
  inputs,
  outputs,
  step,
  saved,
  temporary,
  unused
};
constexpr size_t memoryCategories = 9;
/// "saved for backward", and so on.
const char *nameOf(MemoryCategory category);

struct MemoryReport {
  struct Segment {
    std::string name;
    uint64_t bytes;
  };
  /// A buffer during the commands [first, last] of an entry. Addresses count the gradients' segment
  /// first, whose memory an entry may borrow, then the transient one.
  struct Block {
    std::string name;
    MemoryCategory category;
    int first, last;
    uint64_t address, bytes;
    std::string part;  ///< of the model, as "transformer.h.0.mlp"; of the command that writes it
    std::string lines; ///< of the description
  };
  /// What lies in memory while an entry runs.
  struct Timeline {
    std::string entry;
    std::vector<std::string> commands; ///< kernels and library calls, by name
    std::vector<Block> blocks;
    uint64_t border = 0, end = 0; ///< addresses: where the transient segment starts, and its end
    int peak = 0;                 ///< the command while which most bytes live
    uint64_t peakBytes = 0;       ///< in the transient segment
    uint64_t borrowedBytes = 0;   ///< then, in the gradients' segment
  };
  std::vector<Segment> segments; ///< in the plan's order, `transient` by the largest of its entries
  std::vector<Segment> transient;  ///< of each entry
  std::vector<Segment> categories; ///< all of `total`, when most of it is in use, and "scratch"
  Timeline largest;                ///< of the entry that takes most
  /// What generated products of a CPU compute with, beside the segments; part of all totals.
  uint64_t scratchPerThread = 0;
  int threads = 1;
  uint64_t scratch() const { return scratchPerThread * threads; }
  uint64_t total = 0;           ///< to train, evaluate and draw samples
  uint64_t train = 0;           ///< to train alone, with one micro-batch a step
  uint64_t trainAccumulate = 0; ///< with several
};

/// Reads a module at Stage::plan: the bytes that the runtime will allocate on a device for that
/// target, on a CPU with as many threads as loops of the calling thread have (setThreadCount).
MemoryReport reportMemory(mlir::ModuleOp plan, llvm::StringRef target);

struct BatchFit {
  int64_t batch = 0;        ///< 0 if not even one example fits
  uint64_t bytes = 0;       ///< that it takes
  uint64_t bytesOfNext = 0; ///< that one example more would take; 0 if it fits in no way
};

/// The largest batch size whose plan takes at most `bytes`. With a memory budget, whatever it is,
/// as much is computed again as that needs, and logits do not count. Compiles a few plans.
runtime::Result<BatchFit> largestBatch(const CompileOptions &options, uint64_t bytes);

} // namespace gptc

#endif // GPTC_DRIVER_MEMORY_H
