// Kernels by what they do: schedule, names, and sharing of equal ones.
#include "KernelTable.h"

#include "RowCollapse.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/InterleavedRange.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::plan;

/// The number of elements that a thread should take at least: below it, starting a thread costs
/// more.
static constexpr int64_t elementsPerGrain = 16384;

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

namespace {
enum class Schedule { row, column, segmentedSum };

Schedule scheduleOf(Block &body) {
  for (Operation &op : body.without_terminator()) {
    if (isa<gpt::EmbeddingGradOp>(op))
      return Schedule::segmentedSum;
    if (auto reduce = dyn_cast<gpt::ReduceOp>(op))
      if (reduce.getAxes().back() != static_cast<int64_t>(shapeOf(reduce.getInput()).size()) - 1)
        return Schedule::column;
  }
  return Schedule::row;
}

StringRef nameOf(Schedule schedule) {
  switch (schedule) {
  case Schedule::row:
    return "row";
  case Schedule::column:
    return "column";
  case Schedule::segmentedSum:
    return "segmented_sum";
  }
  llvm_unreachable("all schedules have names");
}

/// Writes what a block does, with values numbered. Sizes of row axes longer than 1 are left out.
class KeyWriter {
public:
  KeyWriter(raw_ostream &os, const DenseSet<Value> &rowValues) : os(os), rowValues(rowValues) {}

  void block(Block &block) {
    os << "(";
    for (BlockArgument argument : block.getArguments())
      define(argument);
    os << ")";
    for (Operation &op : block) {
      os << op.getName() << "{";
      for (NamedAttribute attribute : op.getAttrDictionary())
        os << attribute.getName().getValue() << "=" << attributeKey(attribute.getValue()) << ",";
      os << "}";
      for (Value operand : op.getOperands())
        os << numbers.lookup(operand) << ",";
      os << "->";
      for (Value result : op.getResults())
        define(result);
      for (Region &region : op.getRegions())
        for (Block &inner : region)
          this->block(inner);
      os << ";";
    }
  }

private:
  // Attributes are unique in their context, yet their addresses differ from run to run: print them.
  std::string attributeKey(Attribute attribute) {
    std::string text;
    llvm::raw_string_ostream(text) << attribute;
    return text;
  }

  void define(Value value) {
    numbers[value] = numbers.size();
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (!type) {
      os << value.getType() << " ";
      return;
    }
    bool row = rowValues.contains(value);
    for (auto [axis, size] : llvm::enumerate(type.getShape()))
      if (row && axis == 0 && size > 1)
        os << "Rx";
      else
        os << size << "x";
    os << type.getElementType() << " ";
  }

  raw_ostream &os;
  const DenseSet<Value> &rowValues;
  DenseMap<Value, int> numbers;
};
} // namespace

KernelUse KernelTable::get(Location location, StringRef name, Block &original,
                           ArrayRef<Strides> originalStrides, ArrayRef<bool> accumulate,
                           ArrayRef<int64_t> inPlace) {
  Schedule schedule = scheduleOf(original);
  std::optional<CollapsedBody> collapsed;
  if (schedule == Schedule::row)
    collapsed = collapseRows(original, originalStrides);
  Block &body = collapsed ? *collapsed->block : original;
  ArrayRef<Strides> strides = collapsed ? ArrayRef<Strides>(collapsed->strides) : originalStrides;

  int64_t rows = 1, width = 1;
  if (schedule == Schedule::row) {
    SmallVector<int64_t> space = spaceOf(body);
    width = space.empty() ? 1 : space.back();
    for (int64_t size : ArrayRef<int64_t>(space).drop_back(space.empty() ? 0 : 1))
      rows *= size;
  } else {
    ArrayRef<int64_t> shape = shapeOf(body.getTerminator()->getOperand(0));
    for (int64_t size : shape.drop_back())
      rows *= size;
    width = shape.back();
    if (schedule == Schedule::column) {
      rows *= (width + columnBlock - 1) / columnBlock;
      auto reduce = cast<gpt::ReduceOp>(body.getTerminator()->getOperand(0).getDefiningOp());
      width = columnBlock;
      for (int64_t axis : reduce.getAxes())
        width *= shapeOf(reduce.getInput())[axis];
    }
  }

  std::string key;
  llvm::raw_string_ostream os(key);
  static const DenseSet<Value> none;
  KeyWriter(os, collapsed ? collapsed->rowValues : none).block(body);
  SmallVector<Value> border(body.getArguments());
  llvm::append_range(border, body.getTerminator()->getOperands());
  SmallVector<Attribute> layouts;
  for (auto [value, stride] : llvm::zip(border, strides)) {
    // A stride along an axis of size 1 is never used.
    Strides used(stride);
    for (auto [size, s] : llvm::zip(shapeOf(value), used))
      if (size == 1)
        s = 1;
    os << "[" << llvm::interleaved(used) << "]";
    layouts.push_back(TypeAttr::get(layoutType(cast<RankedTensorType>(value.getType()), used)));
  }
  os << "[" << llvm::interleaved(accumulate) << "][" << llvm::interleaved(inPlace) << "]";

  int64_t grain = std::max<int64_t>(1, elementsPerGrain / std::max<int64_t>(width, 1));
  KernelOp &kernel = kernels[key];
  if (!kernel) {
    std::string symbol =
        (name + "_" + llvm::utohexstr(llvm::xxh3_64bits(key), /*LowerCase=*/true, 16)).str();
    kernel = KernelOp::create(builder, location, symbol, nameOf(schedule), rows,
                              builder.getArrayAttr(layouts), accumulate, inPlace);
    Block *block = builder.createBlock(&kernel.getBody());
    IRMapping mapping;
    for (BlockArgument argument : body.getArguments())
      mapping.map(argument, block->addArgument(argument.getType(), location));
    for (Operation &op : body)
      builder.clone(op, mapping);
    builder.setInsertionPointAfter(kernel);
  }
  return {kernel, rows, grain};
}
