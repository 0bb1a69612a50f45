// Lives of an entry's buffers, from its commands.
#include "MemoryTimeline.h"

#include "gptc/Dialect/Plan/Locations.h"
#include "gptc/Plan/Passes.h"

#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace gptc;

namespace {
struct Life {
  plan::BufferOp buffer;
  int first, last;
  Operation *maker; ///< the command that touches it first
};
} // namespace

static uint64_t alignUp(uint64_t bytes) { return (bytes + 63) / 64 * 64; }

/// Calls `visit` for each view that a command holds, in whatever attribute.
static void visitViews(Operation *command, llvm::function_ref<void(plan::ViewAttr)> visit) {
  for (NamedAttribute attribute : command->getAttrDictionary())
    attribute.getValue().walk([&](plan::ViewAttr view) { visit(view); });
}

static std::string commandName(Operation *command) {
  if (auto launch = dyn_cast<plan::LaunchOp>(command))
    return launch.getKernel().str();
  return command->getName().stripDialect().str();
}

MemoryReport::Timeline gptc::timelineOf(plan::EntryOp entry, uint64_t gradientBytes) {
  MemoryReport::Timeline timeline;
  timeline.entry = entry.getSymName().str();
  timeline.border = gradientBytes;
  timeline.end = gradientBytes + entry->getAttrOfType<IntegerAttr>("transient_bytes").getInt();
  llvm::MapVector<StringAttr, Life> lives;
  SymbolTableCollection tables;
  int firstGradient = -1;
  for (auto [index, command] : llvm::enumerate(entry.getBody().front())) {
    int at = index;
    timeline.commands.push_back(commandName(&command));
    visitViews(&command, [&](plan::ViewAttr view) {
      StringAttr name = view.getBuffer().getAttr();
      auto buffer = tables.lookupNearestSymbolFrom<plan::BufferOp>(entry, name);
      bool isGradient = buffer.getSegment() == "gradients" && !buffer->hasAttr(plan::lentMark);
      if (isGradient && firstGradient < 0)
        firstGradient = at;
      if (!isGradient && buffer.getSegment() != "transient" && !buffer->hasAttr(plan::lentMark))
        return;
      auto [it, isNew] = lives.insert({name, {buffer, at, at, &command}});
      it->second.last = at;
    });
  }

  std::vector<int64_t> change(timeline.commands.size() + 1, 0);
  for (auto &[name, life] : lives) {
    MemoryReport::Block block;
    block.name = name.str();
    block.first = life.first;
    block.last = life.last;
    block.bytes = alignUp(life.buffer.getBytes());
    bool transient = life.buffer.getSegment() == "transient";
    block.address = *life.buffer.getOffset() + (transient ? gradientBytes : 0);
    if (!transient && !life.buffer->hasAttr(plan::lentMark)) {
      block.category = MemoryCategory::gradients;
      block.last = timeline.commands.size() - 1; // the optimizer reads it
    } else {
      bool saved = life.first < firstGradient && firstGradient < life.last;
      block.category = saved ? MemoryCategory::saved : MemoryCategory::temporary;
    }
    if (transient) {
      change[block.first] += block.bytes;
      change[block.last + 1] -= block.bytes;
    }
    block.part = plan::modelPath(life.maker->getLoc());
    block.lines = plan::sourceLines(life.maker->getLoc());
    timeline.blocks.push_back(std::move(block));
  }
  int64_t live = 0;
  for (size_t at = 0; at < timeline.commands.size(); ++at)
    if (live += change[at]; static_cast<uint64_t>(live) > timeline.peakBytes) {
      timeline.peakBytes = live;
      timeline.peak = at;
    }
  for (const MemoryReport::Block &block : timeline.blocks)
    if (block.category != MemoryCategory::gradients && block.address < gradientBytes &&
        block.first <= timeline.peak && timeline.peak <= block.last)
      timeline.borrowedBytes += block.bytes;
  return timeline;
}
