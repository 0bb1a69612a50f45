// Memory by segment and by entry, and the batch that fits.
#include "gptc/Driver/Memory.h"

#include "gptc/Dialect/Plan/PlanOps.h"

#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace gptc;
using runtime::Result;

static uint64_t alignUp(uint64_t bytes) { return (bytes + 63) / 64 * 64; }

MemoryReport gptc::reportMemory(ModuleOp module) {
  llvm::MapVector<StringRef, uint64_t> segments;
  for (auto buffer : module.getOps<plan::BufferOp>())
    if (buffer.getSegment() != "transient") {
      uint64_t &bytes = segments[buffer.getSegment()];
      bytes = std::max<uint64_t>(bytes, *buffer.getOffset() + alignUp(buffer.getBytes()));
    }
  MemoryReport report;
  uint64_t transient = 0;
  for (auto entry : module.getOps<plan::EntryOp>()) {
    uint64_t bytes = entry->getAttrOfType<IntegerAttr>("transient_bytes").getInt();
    report.transient.push_back({entry.getSymName().str(), bytes});
    transient = std::max(transient, bytes);
  }
  for (auto &[name, bytes] : segments)
    report.segments.push_back({name.str(), bytes});
  report.segments.push_back({"transient", transient});
  for (const MemoryReport::Segment &segment : report.segments)
    report.total += segment.bytes;
  return report;
}

Result<int64_t> gptc::largestBatch(const CompileOptions &options, uint64_t bytes) {
  auto needed = [&](int64_t batch) -> Result<uint64_t> {
    CompileOptions trial = options;
    trial.load.batchSize = batch;
    Compilation compilation(trial);
    GPTC_RETURN_IF_ERROR(compilation.runTo(Stage::plan));
    return reportMemory(compilation.module()).total;
  };
  // Memory grows with the batch: double until it is too much, then halve the gap.
  int64_t fits = 0, tooLarge = 1;
  constexpr int64_t largest = int64_t{1} << 20;
  while (tooLarge <= largest) {
    GPTC_ASSIGN(uint64_t size, needed(tooLarge));
    if (size > bytes)
      break;
    fits = tooLarge;
    tooLarge *= 2;
  }
  while (tooLarge - fits > 1) {
    int64_t middle = fits + (tooLarge - fits) / 2;
    GPTC_ASSIGN(uint64_t size, needed(middle));
    (size <= bytes ? fits : tooLarge) = middle;
  }
  return fits;
}
