// Memory by segment, by entry and by purpose.
#include "gptc/Driver/Memory.h"

#include "MemoryTimeline.h"

#include "gptc/Dialect/GPT/GPTOps.h"

#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace gptc;

static uint64_t alignUp(uint64_t bytes) { return (bytes + 63) / 64 * 64; }

const char *gptc::nameOf(MemoryCategory category) {
  static constexpr const char *names[memoryCategories] = {"parameters", "gradients", "optimizer",
                                                          "inputs",     "outputs",   "step",
                                                          "saved",      "temporary", "unused"};
  return names[static_cast<size_t>(category)];
}

static MemoryCategory categoryOf(gpt::VariableKind kind) {
  switch (kind) {
  case gpt::VariableKind::parameter:
  case gpt::VariableKind::state:
    return MemoryCategory::parameters;
  case gpt::VariableKind::gradient:
    return MemoryCategory::gradients;
  case gpt::VariableKind::moment:
    return MemoryCategory::optimizer;
  case gpt::VariableKind::input:
    return MemoryCategory::inputs;
  case gpt::VariableKind::output:
    return MemoryCategory::outputs;
  case gpt::VariableKind::step:
    return MemoryCategory::step;
  }
  llvm_unreachable("all kinds have a category");
}

MemoryReport gptc::reportMemory(ModuleOp module) {
  MemoryReport report;
  uint64_t categories[memoryCategories] = {};
  plan::EntryOp largest;
  uint64_t transient = 0, ofTraining = 0, ofAccumulation = 0;
  for (auto entry : module.getOps<plan::EntryOp>()) {
    uint64_t bytes = entry->getAttrOfType<IntegerAttr>("transient_bytes").getInt();
    StringRef name = entry.getSymName();
    report.transient.push_back({name.str(), bytes});
    if (name == "update" || name.starts_with("accumulate_"))
      ofAccumulation = std::max(ofAccumulation, bytes);
    if (name == "update" || name == "accumulate_first")
      ofTraining = std::max(ofTraining, bytes);
    if (!largest || bytes > transient) {
      transient = bytes;
      largest = entry;
    }
  }
  DenseMap<StringRef, MemoryCategory> variables;
  for (auto tensor : module.getOps<plan::TensorOp>())
    variables[tensor.getPlace().getBuffer().getValue()] =
        categoryOf(cast<gpt::VariableKindAttr>(tensor.getVariable().get("kind")).getValue());

  llvm::MapVector<StringRef, uint64_t> segments;
  for (auto buffer : module.getOps<plan::BufferOp>()) {
    auto category = variables.find(buffer.getSymName());
    if (category == variables.end()) // transient, wherever it lies
      continue;
    uint64_t &end = segments[buffer.getSegment()];
    end = std::max<uint64_t>(end, *buffer.getOffset() + alignUp(buffer.getBytes()));
    categories[static_cast<size_t>(category->second)] += alignUp(buffer.getBytes());
  }
  for (auto &[name, bytes] : segments)
    report.segments.push_back({name.str(), bytes});
  report.segments.push_back({"transient", transient});
  uint64_t others = 0;
  for (const MemoryReport::Segment &segment : report.segments) {
    report.total += segment.bytes;
    if (StringRef(segment.name).starts_with("io:"))
      others += segment.bytes;
  }
  report.train = report.total - others - transient + ofTraining;
  report.trainAccumulate = report.total - others - transient + ofAccumulation;

  auto at = [&](MemoryCategory category) -> uint64_t & {
    return categories[static_cast<size_t>(category)];
  };
  if (largest) {
    auto gradients = segments.find("gradients");
    report.largest = timelineOf(largest, gradients == segments.end() ? 0 : gradients->second);
    for (const MemoryReport::Block &block : report.largest.blocks)
      if (block.first <= report.largest.peak && report.largest.peak <= block.last &&
          block.address >= report.largest.border)
        at(block.category) += block.bytes;
    at(MemoryCategory::unused) = transient - report.largest.peakBytes;
  }
  for (size_t i = 0; i < memoryCategories; ++i)
    report.categories.push_back({nameOf(static_cast<MemoryCategory>(i)), categories[i]});
  return report;
}
