// Memory by segment, by entry and by purpose.
#include "gptc/Driver/Memory.h"

#include "MemoryTimeline.h"

#include "gptc/CodeGen/CpuCompiler.h"
#include "gptc/Dialect/GPT/GPTOps.h"

#include "runtime/base/Parallel.h"
#include "runtime/device/CpuScratch.h"
#include "runtime/plan/Plan_generated.h"

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

static runtime::fb::DataType dataTypeOf(Type type) {
  return type.isBF16()  ? runtime::fb::DataType::bfloat16
         : type.isF16() ? runtime::fb::DataType::float16
                        : runtime::fb::DataType::float32;
}

/// Bytes that a thread of a CPU computes a product with.
static uint64_t scratchOf(plan::MatmulOp op, const MatmulTile &tile) {
  auto matrix = [&](Type type, Type factor, size_t index, bool transposed) {
    return runtime::ProductShape::Matrix{
        dataTypeOf(type), type.isF32() ? dataTypeOf(factor) : runtime::fb::DataType::float32,
        op.getStrides()[index], transposed};
  };
  runtime::ProductShape shape = {
      static_cast<int64_t>(op.getM()),
      static_cast<int64_t>(op.getN()),
      static_cast<int64_t>(op.getK()),
      matrix(op.getLhsElementType(), op.getLhsFactor(), 0, op.getTransposeLhs()),
      matrix(op.getRhsElementType(), op.getRhsFactor(), 1, op.getTransposeRhs()),
      matrix(op.getResultElementType(), op.getResultElementType(), 2, false)};
  return runtime::scratchOf(shape, {tile.rows, tile.lanes, tile.vectors});
}

MemoryReport gptc::reportMemory(ModuleOp module, StringRef target) {
  MemoryReport report;
  uint64_t categories[memoryCategories] = {};
  plan::EntryOp largest;
  uint64_t transient = 0, ofTraining = 0, ofAccumulation = 0;
  // Per thread; the entries that share the transient memory share this one, too.
  uint64_t scratchOfTraining = 0, scratchOfAccumulation = 0;
  MatmulTile tile = target == "cpu" ? matmulTileOf(module, CpuTarget::host()) : MatmulTile();
  for (auto entry : module.getOps<plan::EntryOp>()) {
    uint64_t bytes = entry->getAttrOfType<IntegerAttr>("transient_bytes").getInt();
    StringRef name = entry.getSymName();
    report.transient.push_back({name.str(), bytes});
    uint64_t scratch = 0;
    if (tile.rows != 0)
      for (auto op : entry.getOps<plan::MatmulOp>())
        if (op.getGenerated())
          scratch = std::max(scratch, scratchOf(op, tile));
    report.scratchPerThread = std::max(report.scratchPerThread, scratch);
    if (name == "update" || name.starts_with("accumulate_")) {
      ofAccumulation = std::max(ofAccumulation, bytes);
      scratchOfAccumulation = std::max(scratchOfAccumulation, scratch);
    }
    if (name == "update" || name == "accumulate_first") {
      ofTraining = std::max(ofTraining, bytes);
      scratchOfTraining = std::max(scratchOfTraining, scratch);
    }
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
  if (report.scratchPerThread > 0)
    report.threads = runtime::threadCount();
  uint64_t fixed = report.total - others - transient;
  report.train = fixed + ofTraining + scratchOfTraining * report.threads;
  report.trainAccumulate = fixed + ofAccumulation + scratchOfAccumulation * report.threads;
  report.total += report.scratch();

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
  report.categories.push_back({"scratch", report.scratch()});
  return report;
}
