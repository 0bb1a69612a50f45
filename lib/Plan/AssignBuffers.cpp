// plan-assign-buffers: every buffer gets its offset.
//
// What it must show: buffers that hold something at the same time do not overlap, the others share;
// the result does not depend on anything but the plan; with no-reuse nothing is shared.
#include "Accesses.h"
#include "BufferPacking.h"
#include "PadClearing.h"

#include "gptc/Plan/Passes.h"

#include "mlir/IR/Remarks.h"
#include "llvm/ADT/BitVector.h"
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

/// Variables whose old value nobody needs, and the command that overwrites each.
using Overwritten = llvm::DenseMap<StringAttr, int>;

/// Gradients whose pads one launch can clear.
struct Kind {
  bool hasPads;
  SmallVector<BufferOp> gradients = {};
};

/// How many bytes of a gradient may be lent, from its beginning.
struct Lender {
  int64_t bytes = 0;
  int kind = 0;
};

/// What an entry may use of the gradients' memory.
struct Loan {
  SmallVector<PackedBlock> fixed; ///< what is in use, from when on
  int64_t border = 0;             ///< where the gradients end; 0 if nothing is lent
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
    variableBytes = -gradientBytes; // those are counted with the entries
    for (const auto &segment : ends)
      variableBytes += segment.second;
    SymbolTableCollection tables;
    for (auto entry : getOperation().getOps<EntryOp>())
      assign(entry, tables, pads);
    for (auto buffer : llvm::make_early_inc_range(getOperation().getOps<BufferOp>()))
      if (!buffer.getOffset()) // no command touches it
        buffer.erase();
    gradients.clear();
    kinds.clear();
    lenders.clear();
  }

  /// Gradients that may lend their memory come first, those of a kind side by side: their rows have
  /// one width and lie at one distance. Kinds that have most memory come first, but for rows
  /// without pads, which need no clearing.
  void orderGradients(PadClearing &pads) {
    SmallVector<std::pair<PaddedRows, int64_t>> known; // and the elements of all of them
    for (auto buffer : getOperation().getOps<BufferOp>()) {
      if (buffer.getSegment() != "gradients")
        continue;
      gradients.push_back(buffer);
      std::optional<PaddedRows> rows = pads.findRows(buffer);
      if (!rows)
        continue;
      auto kind = llvm::find_if(known, [&](auto &one) { return one.first.areAlike(*rows); });
      if (kind == known.end())
        kind = known.insert(known.end(), {*rows, 0});
      kind->second += rows->elements();
    }
    llvm::sort(known, [](const auto &a, const auto &b) {
      auto rank = [](const auto &kind) {
        return std::tuple(kind.first.hasPads(), -kind.second, kind.first.width);
      };
      return rank(a) < rank(b);
    });
    for (const auto &[rows, elements] : known)
      kinds.push_back({rows.hasPads()});
    for (BufferOp gradient : gradients)
      if (auto rows = pads.findRows(gradient)) {
        int kind = llvm::find_if(known, [&](auto &one) { return one.first.areAlike(*rows); }) -
                   known.begin();
        lenders[gradient] = {rows->elements() * bytesOfElement(gradient.getElementType()) /
                                 alignment * alignment,
                             kind};
        kinds[kind].gradients.push_back(gradient);
      }
    SmallVector<BufferOp> ordered;
    for (const Kind &kind : kinds)
      llvm::append_range(ordered, kind.gradients);
    llvm::copy_if(gradients, std::back_inserter(ordered),
                  [&](BufferOp gradient) { return !lenders.contains(gradient); });
    gradients = std::move(ordered);
  }

  int kindOf(BufferOp gradient) const {
    auto it = lenders.find(gradient);
    return it == lenders.end() ? kinds.size() : it->second.kind;
  }

  void assign(EntryOp entry, SymbolTableCollection &tables, PadClearing &pads) {
    llvm::MapVector<StringAttr, Life> lives;
    Overwritten overwritten;
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

    SmallVector<PackedBlock> blocks;
    for (auto &[name, life] : lives)
      blocks.push_back({alignUp(life.buffer.getBytes()), life.first, life.last});
    llvm::BitVector lending(kinds.size());
    Loan loan;
    Packing packing;
    if (noReuse) {
      packing = sideBySide(blocks);
    } else {
      loan = lend(overwritten, lending);
      packing = packBlocks(blocks, loan.fixed, loan.border);
      addKinds(overwritten, blocks, lending, loan, packing);
    }
    for (auto [life, offset] : llvm::zip(lives, packing.offsets)) {
      BufferOp buffer = life.second.buffer;
      buffer.setOffset(offset < loan.border ? offset : offset - loan.border);
      if (offset < loan.border) {
        buffer.setSegment("gradients");
        buffer->setAttr(lentMark, UnitAttr::get(&getContext()));
      }
    }
    if (loan.border > 0)
      clearPads(entry, lives, packing, lending, pads);
    int64_t end = packing.end - loan.border;
    entry->setAttr("transient_bytes", IntegerAttr::get(IntegerType::get(&getContext(), 64), end));
    remark::analysis(entry.getLoc(), remark::RemarkOpts::name("TransientMemory")
                                         .category("plan-assign-buffers")
                                         .function(entry.getSymName()))
        << remark::metric("bytes", end)
        << remark::metric("bound", packingBound(blocks, loan.fixed, loan.border) - loan.border);
  }

  /// Which kinds of gradients lend to an entry: those without pads and the one with most memory;
  /// then each that makes the entry smaller by so much that another launch is worth it.
  void addKinds(const Overwritten &overwritten, ArrayRef<PackedBlock> blocks,
                llvm::BitVector &lending, Loan &loan, Packing &packing) {
    constexpr int64_t worthwhilePart = 128;
    for (auto [index, kind] : llvm::enumerate(kinds)) {
      if (packing.end == loan.border) // all that is transient lies in gradients, or there is none
        return;
      lending.set(index);
      Loan more = lend(overwritten, lending);
      Packing smaller = packBlocks(blocks, more.fixed, more.border);
      bool isFirst = !kind.hasPads || index == 0 || !kinds[index - 1].hasPads;
      int64_t saved = (packing.end - loan.border) - (smaller.end - more.border);
      if (saved > 0 && (isFirst || saved * worthwhilePart >= variableBytes + packing.end)) {
        loan = std::move(more);
        packing = std::move(smaller);
      } else {
        lending.reset(index);
      }
    }
  }

  /// Below the border lie the gradients, of which rows that are overwritten are free until then.
  Loan lend(const Overwritten &overwritten, const llvm::BitVector &lending) const {
    Loan loan;
    for (BufferOp buffer : gradients) {
      int kind = kindOf(buffer);
      auto it = overwritten.find(buffer.getSymNameAttr());
      int64_t bytes = alignUp(buffer.getBytes()), offset = *buffer.getOffset(), lent = 0;
      if (it != overwritten.end() && kind < static_cast<int>(kinds.size()) && lending[kind])
        lent = lenders.lookup(buffer).bytes;
      if (lent > 0) {
        loan.border = gradientBytes;
        loan.fixed.push_back({lent, it->second, forever, offset});
      }
      if (bytes > lent)
        loan.fixed.push_back({bytes - lent, 0, forever, offset + lent});
    }
    if (loan.border == 0)
      loan.fixed.clear();
    return loan;
  }

  static Packing sideBySide(ArrayRef<PackedBlock> blocks) {
    Packing packing;
    for (const PackedBlock &block : blocks) {
      packing.offsets.push_back(packing.end);
      packing.end += block.size;
    }
    return packing;
  }

  /// Pads of variables are 0 and stay 0: behind the last command those of all lenders of a kind are
  /// cleared, by one launch, if one of them has lent. Others may have been computed from its
  /// memory, pads and all.
  void clearPads(EntryOp entry, llvm::MapVector<StringAttr, Life> &lives, const Packing &packing,
                 const llvm::BitVector &lending, PadClearing &pads) {
    auto hasLent = [&](BufferOp gradient) {
      int64_t begin = *gradient.getOffset(), end = begin + lenders.lookup(gradient).bytes;
      return llvm::any_of(llvm::zip(lives, packing.offsets), [&](auto pair) {
        auto &[life, offset] = pair;
        return offset < end && begin < offset + alignUp(life.second.buffer.getBytes());
      });
    };
    for (unsigned index : lending.set_bits())
      if (kinds[index].hasPads && llvm::any_of(kinds[index].gradients, hasLent))
        pads.clear(entry, kinds[index].gradients);
  }

  SmallVector<BufferOp> gradients;
  SmallVector<Kind> kinds;
  llvm::DenseMap<Operation *, Lender> lenders;
  int64_t gradientBytes = 0, variableBytes = 0; ///< of their segments
};
} // namespace
