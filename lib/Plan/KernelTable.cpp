// Kernels by what they do: schedule, names, and sharing of equal ones.
#include "KernelTable.h"

#include "RowCollapse.h"

#include "gptc/Dialect/GPT/BlockSums.h"

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
enum class Schedule { row, column, segmentedSum, attention, attentionGrad };

Schedule scheduleOf(Block &body) {
  for (Operation &op : body.without_terminator()) {
    if (isa<gpt::EmbeddingGradOp>(op))
      return Schedule::segmentedSum;
    if (isa<gpt::FlashAttentionOp>(op))
      return Schedule::attention;
    if (isa<gpt::FlashAttentionGradOp>(op))
      return Schedule::attentionGrad;
    if (auto reduce = dyn_cast<gpt::ReduceOp>(op); reduce && !gpt::matchBlockSum(&op))
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
  case Schedule::attention:
    return "attention";
  case Schedule::attentionGrad:
    return "attention_grad";
  }
  llvm_unreachable("all schedules have names");
}

/// The rows of a launch, and about how many elements are computed for one.
struct Extent {
  int64_t rows = 1, width = 1;
};

Extent extentOf(Schedule schedule, Block &body) {
  if (schedule == Schedule::row) {
    SmallVector<int64_t> space = spaceOf(body);
    int64_t width = space.empty() ? 1 : space.pop_back_val();
    return {ShapedType::getNumElements(space), width};
  }
  ArrayRef<int64_t> shape = shapeOf(body.getTerminator()->getOperand(0));
  if (schedule == Schedule::attention) {
    auto attention = body.getTerminator()->getOperand(0).getDefiningOp<gpt::FlashAttentionOp>();
    int64_t blocks = llvm::divideCeil(shape[2], attentionBlock);
    return {shape[0] * shape[1] * blocks, attentionBlock * shapeOf(attention.getKey())[2]};
  }
  if (schedule == Schedule::attentionGrad) {
    auto grad = body.getTerminator()->getOperand(0).getDefiningOp<gpt::FlashAttentionGradOp>();
    ArrayRef<int64_t> key = shapeOf(grad.getKey());
    return {key[0] * key[1], shape[1] / key[1] * shape[2] * key[2]};
  }
  int64_t rows = ShapedType::getNumElements(shape.drop_back()), columns = shape.back();
  if (schedule == Schedule::segmentedSum)
    return {rows, columns};
  auto reduce = cast<gpt::ReduceOp>(body.getTerminator()->getOperand(0).getDefiningOp());
  int64_t width = columnBlock;
  for (int64_t axis : reduce.getAxes())
    width *= shapeOf(reduce.getInput())[axis];
  return {rows * static_cast<int64_t>(llvm::divideCeil(columns, columnBlock)), width};
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

  auto [rows, width] = extentOf(schedule, body);

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
  if (schedule == Schedule::row)
    grain = llvm::alignTo(grain, gpt::findRowsOfBlockSums(body));
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
