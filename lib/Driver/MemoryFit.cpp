// The largest batch that fits into so much memory.
#include "gptc/Driver/Memory.h"

#include <limits>
#include <map>

using namespace gptc;
using runtime::Result;

Result<BatchFit> gptc::largestBatch(const CompileOptions &options, uint64_t bytes) {
  constexpr uint64_t tooMany = std::numeric_limits<uint64_t>::max();
  std::map<int64_t, uint64_t> sizes; // by batch; `tooMany` where the budget cannot be met
  auto needed = [&](int64_t batch) -> Result<uint64_t> {
    if (auto known = sizes.find(batch); known != sizes.end())
      return known->second;
    CompileOptions trial = options;
    trial.load.batchSize = batch;
    if (trial.memoryBudget)
      trial.memoryBudget = MemoryBudget{MemoryBudget::Kind::bytes, bytes};
    Compilation compilation(trial);
    runtime::Status status = compilation.runTo(Stage::plan);
    if (trial.memoryBudget && status.code() == runtime::Code::outOfMemory)
      return sizes[batch] = tooMany;
    GPTC_RETURN_IF_ERROR(status);
    if (compilation.recomputation())
      return sizes[batch] = compilation.recomputation()->total;
    return sizes[batch] = reportMemory(compilation.module(), trial.target).total;
  };
  // Memory grows with the batch, nearly by as much for each example: two sizes say about where the
  // limit is, and the gap between what fits and what does not is closed from there.
  constexpr int64_t largest = int64_t{1} << 20;
  int64_t fits = 0, tooLarge = 1;
  while (tooLarge <= largest) {
    GPTC_ASSIGN(uint64_t size, needed(tooLarge));
    if (size > bytes)
      break;
    int64_t next = tooLarge * 2;
    if (fits > 0 && size > sizes[fits]) {
      double each = static_cast<double>(size - sizes[fits]) / (tooLarge - fits);
      double guess = tooLarge + (bytes - size) / each + 1;
      next = std::clamp<int64_t>(guess < largest ? guess : largest + 1, tooLarge + 1, largest + 1);
    }
    fits = tooLarge;
    tooLarge = next;
  }
  while (tooLarge - fits > 1) {
    int64_t middle = fits + (tooLarge - fits) / 2;
    if (auto low = sizes.find(fits), high = sizes.find(tooLarge);
        low != sizes.end() && high != sizes.end() && high->second > low->second &&
        high->second != tooMany) {
      double share = static_cast<double>(bytes - low->second) / (high->second - low->second);
      middle = std::clamp<int64_t>(fits + share * (tooLarge - fits), fits + 1, tooLarge - 1);
    }
    GPTC_ASSIGN(uint64_t size, needed(middle));
    (size <= bytes ? fits : tooLarge) = middle;
  }
  BatchFit fit{fits, fits ? sizes[fits] : 0, 0};
  if (tooLarge <= largest) {
    GPTC_ASSIGN(uint64_t next, needed(tooLarge));
    fit.bytesOfNext = next == tooMany ? 0 : next;
  }
  return fit;
}
