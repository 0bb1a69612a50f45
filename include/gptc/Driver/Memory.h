// What a plan will take of memory, before anything runs.
#ifndef GPTC_DRIVER_MEMORY_H
#define GPTC_DRIVER_MEMORY_H

#include "gptc/Driver/Compile.h"

#include <cstdint>
#include <string>
#include <vector>

namespace gptc {

struct MemoryReport {
  struct Segment {
    std::string name;
    uint64_t bytes;
  };
  std::vector<Segment> segments; ///< in the plan's order, `transient` by the largest of its entries
  std::vector<Segment> transient; ///< of each entry
  uint64_t total = 0;
};

/// Reads a module at Stage::plan: the bytes that the runtime will allocate to run all of its
/// entries.
MemoryReport reportMemory(mlir::ModuleOp plan);

/// The largest batch size whose plan takes at most `bytes`, 0 if not even one example fits.
/// Compiles a few plans.
runtime::Result<int64_t> largestBatch(const CompileOptions &options, uint64_t bytes);

} // namespace gptc

#endif // GPTC_DRIVER_MEMORY_H
