// Packing blocks greedily in several orders.
#include "BufferPacking.h"

#include "llvm/ADT/STLExtras.h"

#include <limits>
#include <map>

using namespace llvm;
using namespace gptc::plan;

namespace {
enum class Gap { smallest, lowest };

/// Blocks that have an offset, sorted by it.
class Placed {
public:
  Placed(ArrayRef<PackedBlock> fixed, int64_t border) : blocks(fixed) {
    // Nothing fits across a block without bytes that is always there.
    blocks.push_back({0, std::numeric_limits<int>::min(), std::numeric_limits<int>::max(), border});
    llvm::sort(blocks, before);
  }

  int64_t place(PackedBlock block, Gap gap) {
    int64_t end = 0, bestSize = std::numeric_limits<int64_t>::max();
    block.offset = -1;
    for (const PackedBlock &other : blocks) {
      if (other.last < block.first || block.last < other.first)
        continue;
      int64_t size = other.offset - end;
      if (size >= block.size && size < bestSize) {
        block.offset = end;
        bestSize = size;
        if (gap == Gap::lowest)
          break;
      }
      end = std::max(end, other.offset + other.size);
    }
    if (block.offset < 0)
      block.offset = end;
    blocks.insert(llvm::upper_bound(blocks, block, before), block);
    return block.offset;
  }

private:
  static bool before(const PackedBlock &a, const PackedBlock &b) {
    return std::tuple(a.offset, a.size, a.first, a.last) <
           std::tuple(b.offset, b.size, b.first, b.last);
  }

  SmallVector<PackedBlock> blocks;
};
} // namespace

Packing gptc::plan::packBlocks(ArrayRef<PackedBlock> blocks, ArrayRef<PackedBlock> fixed,
                               int64_t border) {
  using Rank = double (*)(const PackedBlock &);
  // What is placed first: by size, by size and life, by life, by birth.
  static constexpr Rank ranks[] = {
      [](const PackedBlock &b) { return -double(b.size); },
      [](const PackedBlock &b) { return -double(b.size) * (b.last - b.first + 1); },
      [](const PackedBlock &b) { return -double(b.last - b.first); },
      [](const PackedBlock &b) { return double(b.first); },
  };
  int64_t bound = packingBound(blocks, fixed, border);
  Packing best;
  best.end = std::numeric_limits<int64_t>::max();
  for (Rank rank : ranks) {
    auto order = llvm::to_vector(llvm::seq<size_t>(0, blocks.size()));
    llvm::sort(order, [&](size_t a, size_t b) {
      return std::tuple(rank(blocks[a]), -blocks[a].size, a) <
             std::tuple(rank(blocks[b]), -blocks[b].size, b);
    });
    for (Gap gap : {Gap::smallest, Gap::lowest}) {
      Placed placed(fixed, border);
      Packing packing{SmallVector<int64_t>(blocks.size(), 0), border};
      for (size_t index : order) {
        packing.offsets[index] = placed.place(blocks[index], gap);
        packing.end = std::max(packing.end, packing.offsets[index] + blocks[index].size);
      }
      if (packing.end < best.end)
        best = std::move(packing);
      if (best.end <= bound)
        return best;
    }
  }
  return best;
}

int64_t gptc::plan::packingBound(ArrayRef<PackedBlock> blocks, ArrayRef<PackedBlock> fixed,
                                 int64_t border) {
  std::map<int, int64_t> change; // of the bytes that live, by command
  for (ArrayRef<PackedBlock> group : {blocks, fixed})
    for (const PackedBlock &block : group) {
      change[block.first] += block.size;
      if (block.last < std::numeric_limits<int>::max())
        change[block.last + 1] -= block.size;
    }
  int64_t live = 0, most = border;
  for (auto [command, bytes] : change)
    most = std::max(most, live += bytes);
  return most;
}
