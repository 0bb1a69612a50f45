// plan-assign-buffers: every buffer gets its offset.
//
// What it must show: buffers that hold something at the same time do not overlap, the others share;
// the result does not depend on anything but the plan; with no-reuse nothing is shared.
#include "Accesses.h"
#include "BufferPacking.h"
#include "PadClearing.h"

#include "gptc/Plan/Passes.h"

#include "mlir/IR/Remarks.h"
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
constexpr int forever = std::numeric_limits<int>::max();

int64_t alignUp(int64_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

/// The commands of an entry, by number, between which a buffer holds something.
struct Life {
  BufferOp buffer;
  int first, last;
};

struct AssignBuffersPass : gptc::impl::AssignBuffersPassBase<AssignBuffersPass> {
  using Base::Base;

  void runOnOperation() override {
    PadClearing pads(getOperation());
    orderGradients(pads);
    llvm::StringMap<int64_t> ends;
    auto place = [&](BufferOp buffer) {
      int64_t &end = ends[buffer.getSegment()];
      buffer.setOffset(end);
      end += alignUp(buffer.getBytes());
    };
    for (BufferOp gradient : gradients)
      place(gradient);
    for (auto buffer : getOperation().getOps<BufferOp>())
      if (!llvm::is_contained({"transient", "gradients"}, buffer.getSegment()))
        place(buffer);
    gradientBytes = ends.lookup("gradients");
    SymbolTableCollection tables;
    for (auto entry : getOperation().getOps<EntryOp>())
      assign(entry, tables, pads);
    for (auto buffer : llvm::make_early_inc_range(getOperation().getOps<BufferOp>()))
      if (!buffer.getOffset()) // no command touches it
        buffer.erase();
    gradients.clear();
    lenders.clear();
  }

  /// Gradients that may lend their memory come first, side by side. Behind the last command the
  /// pads of their rows are cleared, by one launch: so only those of one distance between rows
  /// lend, the distance of those that have most memory together.
  void orderGradients(PadClearing &pads) {
    SmallVector<std::pair<PaddedRows, int64_t>> kinds;
    for (auto buffer : getOperation().getOps<BufferOp>()) {
      if (buffer.getSegment() != "gradients")
        continue;
      gradients.push_back(buffer);
      std::optional<PaddedRows> rows = pads.findRows(buffer);
      if (!rows)
        continue;
      auto kind = llvm::find_if(kinds, [&](auto &known) { return known.first.areAlike(*rows); });
      if (kind == kinds.end())
        kind = kinds.insert(kinds.end(), {*rows, 0});
      kind->second += rows->elements();
    }
    if (kinds.empty())
      return;
    auto best =
        llvm::max_element(kinds, [](const auto &a, const auto &b) { return a.second < b.second; });
    for (BufferOp gradient : gradients)
      if (auto rows = pads.findRows(gradient); rows && rows->areAlike(best->first))
        lenders[gradient] = rows->elements() * 4 / alignment * alignment;
    std::stable_partition(gradients.begin(), gradients.end(),
                          [&](BufferOp gradient) { return lenders.contains(gradient); });
  }

  void assign(EntryOp entry, SymbolTableCollection &tables, PadClearing &pads) {
    llvm::MapVector<StringAttr, Life> lives;
    llvm::DenseMap<StringAttr, int> overwritten; // variables whose old value nobody needs
    DenseSet<StringAttr> touched;
    for (auto [index, op] : llvm::enumerate(entry.getBody().front())) {
      int at = index;
      DenseSet<StringAttr> read;
      visitAccesses(&op, tables, [&](StringAttr name, bool isWrite) {
        auto buffer = tables.lookupNearestSymbolFrom<BufferOp>(entry, name);
        if (buffer.getSegment() == "transient") {
          auto [it, isNew] = lives.insert({name, {buffer, at, at}});
          it->second.last = at;
          return;
        }
        if (!isWrite)
          read.insert(name);
        if (touched.insert(name).second && isWrite && overwrites(&op, name, tables))
          overwritten[name] = at;
      });
      for (StringAttr name : read) // by the command that overwrites it
        if (auto it = overwritten.find(name); it != overwritten.end() && it->second == at)
          overwritten.erase(it);
    }

    // Below the border lie the gradients, of which rows that are overwritten are free until then.
    SmallVector<PackedBlock> blocks, fixed;
    int64_t border = 0;
    bool lend = !noReuse && llvm::any_of(lenders, [&](auto &lender) {
      return overwritten.contains(BufferOp(lender.first).getSymNameAttr());
    });
    if (lend) {
      border = gradientBytes;
      for (BufferOp buffer : gradients) {
        auto it = overwritten.find(buffer.getSymNameAttr());
        int64_t bytes = alignUp(buffer.getBytes()), offset = *buffer.getOffset(),
                lent = it == overwritten.end() ? 0 : lenders.lookup(buffer);
        if (lent > 0)
          fixed.push_back({lent, it->second, forever, offset});
        if (bytes > lent)
          fixed.push_back({bytes - lent, 0, forever, offset + lent});
      }
    }
    for (auto &[name, life] : lives)
      blocks.push_back({alignUp(life.buffer.getBytes()), life.first, life.last});
    Packing packing = noReuse ? sideBySide(blocks) : packBlocks(blocks, fixed, border);
    for (auto [life, offset] : llvm::zip(lives, packing.offsets)) {
      BufferOp buffer = life.second.buffer;
      buffer.setOffset(offset < border ? offset : offset - border);
      if (offset < border) {
        buffer.setSegment("gradients");
        buffer->setAttr(lentMark, UnitAttr::get(&getContext()));
      }
    }
    if (lend)
      clearPads(entry, lives, packing, pads);
    int64_t end = packing.end - border;
    entry->setAttr("transient_bytes", IntegerAttr::get(IntegerType::get(&getContext(), 64), end));
    remark::analysis(entry.getLoc(), remark::RemarkOpts::name("TransientMemory")
                                         .category("plan-assign-buffers")
                                         .function(entry.getSymName()))
        << remark::metric("bytes", end)
        << remark::metric("bound", packingBound(blocks, fixed, border) - border);
  }

  static Packing sideBySide(ArrayRef<PackedBlock> blocks) {
    Packing packing;
    for (const PackedBlock &block : blocks) {
      packing.offsets.push_back(packing.end);
      packing.end += block.size;
    }
    return packing;
  }

  /// Pads of variables are 0 and stay 0: behind the last command those of all lenders are cleared,
  /// if one has lent. Others may have been computed from its memory, pads and all.
  void clearPads(EntryOp entry, llvm::MapVector<StringAttr, Life> &lives, const Packing &packing,
                 PadClearing &pads) {
    bool isDirty = llvm::any_of(gradients, [&](BufferOp gradient) {
      int64_t begin = *gradient.getOffset(), end = begin + lenders.lookup(gradient);
      return llvm::any_of(llvm::zip(lives, packing.offsets), [&](auto pair) {
        auto &[life, offset] = pair;
        return offset < end && begin < offset + alignUp(life.second.buffer.getBytes());
      });
    });
    if (isDirty)
      pads.clear(entry, llvm::filter_to_vector(gradients, [&](BufferOp gradient) {
                   return lenders.contains(gradient);
                 }));
  }

  SmallVector<BufferOp> gradients;
  llvm::DenseMap<Operation *, int64_t> lenders; ///< and how many bytes of each, from its beginning
  int64_t gradientBytes = 0;
};
} // namespace
