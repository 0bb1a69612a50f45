// plan-assign-buffers: every buffer gets its offset.
//
// What it must show: transient buffers that live at the same time do not overlap, the others share;
// the result does not depend on anything but the plan; with no-reuse nothing is shared.
#include "Accesses.h"

#include "gptc/Plan/Passes.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"

namespace gptc {
#define GEN_PASS_DEF_ASSIGNBUFFERSPASS
#include "gptc/Plan/Passes.h.inc"
} // namespace gptc

using namespace mlir;
using namespace gptc;
using namespace gptc::plan;

namespace {
constexpr int64_t alignment = 64; // bytes: a cache line, and the widest vector

int64_t alignUp(int64_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

/// The commands of an entry, by number, between which a buffer holds something.
struct Life {
  BufferOp buffer;
  int first, last;
};

struct AssignBuffersPass : gptc::impl::AssignBuffersPassBase<AssignBuffersPass> {
  using Base::Base;

  void runOnOperation() override {
    llvm::StringMap<int64_t> ends;
    for (auto buffer : getOperation().getOps<BufferOp>())
      if (buffer.getSegment() != "transient") {
        int64_t &end = ends[buffer.getSegment()];
        buffer.setOffset(end);
        end += alignUp(buffer.getBytes());
      }
    SymbolTableCollection tables;
    for (auto entry : getOperation().getOps<EntryOp>())
      assign(entry, tables);
    for (auto buffer : llvm::make_early_inc_range(getOperation().getOps<BufferOp>()))
      if (!buffer.getOffset()) // no command touches it
        buffer.erase();
  }

  void assign(EntryOp entry, SymbolTableCollection &tables) {
    llvm::MapVector<StringAttr, Life> lives;
    for (auto [index, op] : llvm::enumerate(entry.getBody().front()))
      visitAccesses(&op, tables, [&, at = static_cast<int>(index)](StringAttr name, bool) {
        auto buffer = tables.lookupNearestSymbolFrom<BufferOp>(entry, name);
        if (buffer.getSegment() != "transient")
          return;
        auto [it, isNew] = lives.insert({name, {buffer, at, at}});
        it->second.last = at;
      });
    // The largest first; of equal ones, the first to be born.
    SmallVector<std::tuple<int64_t, size_t, Life>> order;
    for (auto &[name, life] : lives)
      order.emplace_back(-static_cast<int64_t>(life.buffer.getBytes()), order.size(), life);
    llvm::sort(order, [](auto &a, auto &b) {
      return std::tie(std::get<0>(a), std::get<1>(a)) < std::tie(std::get<0>(b), std::get<1>(b));
    });
    int64_t end = 0;
    SmallVector<Life> placed; // by offset
    for (auto &[negativeBytes, number, life] : order) {
      int64_t offset = noReuse ? end : smallestGap(life, placed);
      life.buffer.setOffset(offset);
      end = std::max(end, offset + alignUp(life.buffer.getBytes()));
      auto at = llvm::upper_bound(placed, offset, [](int64_t value, const Life &other) {
        return value < static_cast<int64_t>(*const_cast<Life &>(other).buffer.getOffset());
      });
      placed.insert(at, life);
    }
    entry->setAttr("transient_bytes", IntegerAttr::get(IntegerType::get(&getContext(), 64), end));
  }

  /// The offset of the smallest gap, between buffers that live at the same time, that `life` fits
  /// in; behind them all if there is none. `placed` is sorted by offset.
  static int64_t smallestGap(Life &life, ArrayRef<Life> placed) {
    int64_t size = alignUp(life.buffer.getBytes());
    int64_t end = 0, best = -1, bestGap = std::numeric_limits<int64_t>::max();
    for (Life other : placed) {
      if (other.last < life.first || life.last < other.first)
        continue;
      int64_t offset = *other.buffer.getOffset(), gap = offset - end;
      if (gap >= size && gap < bestGap) {
        best = end;
        bestGap = gap;
      }
      end = std::max<int64_t>(end, offset + alignUp(other.buffer.getBytes()));
    }
    return best >= 0 ? best : end;
  }
};
} // namespace
