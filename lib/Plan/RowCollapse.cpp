// Merging the row axes of a kernel, so that it serves any tensor whose rows lie at one distance.
//
//   map(x, b) : [4, 64, 768], [768]   =>   map(x, b) : [256, 768], [768]
#include "RowCollapse.h"

#include "gptc/Dialect/GPT/BlockSums.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::plan;

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

SmallVector<int64_t> gptc::plan::spaceOf(Block &body) {
  // Tables of a gather and vectors along the last axis may be larger than the space; results are
  // not.
  SmallVector<int64_t> space;
  auto consider = [&](ArrayRef<int64_t> shape) {
    int64_t size = ShapedType::getNumElements(shape), best = ShapedType::getNumElements(space);
    if (size > best || (size == best && shape.size() > space.size()))
      space.assign(shape.begin(), shape.end());
  };
  for (Operation &op : body.without_terminator()) {
    if (isa<arith::ConstantOp, gpt::IotaOp>(op) || gpt::isViewOfBlockSum(&op))
      continue;
    if (std::optional<gpt::BlockSum> sum = gpt::matchBlockSum(&op)) {
      consider(shapeOf(sum->getInput()));
      continue;
    }
    for (Value result : op.getResults())
      consider(shapeOf(result));
    if (auto reduce = dyn_cast<gpt::ReduceOp>(op))
      consider(shapeOf(reduce.getInput()));
  }
  return space;
}

namespace {
/// How a value's shape changes when the row axes merge.
class Collapser {
public:
  explicit Collapser(ArrayRef<int64_t> space)
      : space(space), rows(space.drop_back()), count(ShapedType::getNumElements(rows)) {}

  /// The new shape of a value with the space's row axes; none if it has other axes.
  std::optional<SmallVector<int64_t>> rowShape(ArrayRef<int64_t> shape) const {
    if (shape == space)
      return SmallVector<int64_t>{count, space.back()};
    if (shape == rows)
      return SmallVector<int64_t>{count};
    if (shape.size() == space.size() && shape.back() == 1 && shape.drop_back() == rows)
      return SmallVector<int64_t>{count, 1};
    return std::nullopt;
  }

  /// The new shape of an operand that is the same for every row; none if it is not.
  std::optional<SmallVector<int64_t>> sharedShape(ArrayRef<int64_t> shape) const {
    if (shape.empty())
      return SmallVector<int64_t>{};
    if (!llvm::all_of(shape.drop_back(), [](int64_t size) { return size == 1; }))
      return std::nullopt;
    return SmallVector<int64_t>{shape.back()};
  }

private:
  ArrayRef<int64_t> space, rows;
  int64_t count;
};
} // namespace

/// Whether a map's operand is used at the row of the result, or is the same for all rows. All axes
/// of a result with `onlyRows` merge.
static bool operandFits(ArrayRef<int64_t> operand, ArrayRef<int64_t> result, bool onlyRows) {
  if (operand == result)
    return true;
  auto isOne = [](int64_t size) { return size == 1; };
  if (onlyRows)
    return llvm::all_of(operand, isOne);
  bool row = operand.size() == result.size() && operand.back() == 1 &&
             operand.drop_back() == result.drop_back();
  bool shared = operand.empty() || ((operand.back() == result.back() || operand.back() == 1) &&
                                    llvm::all_of(operand.drop_back(), isOne));
  return row || shared;
}

std::optional<CollapsedBody> gptc::plan::collapseRows(Block &body, ArrayRef<Strides> strides) {
  SmallVector<int64_t> space = spaceOf(body);
  if (space.size() < 2)
    return std::nullopt;
  Collapser collapser(space);
  // Decide the new shape of every value.
  DenseMap<Value, SmallVector<int64_t>> shapes;
  DenseSet<Value> rowValues;
  auto setRow = [&](Value value) {
    auto shape = collapser.rowShape(shapeOf(value));
    if (shape) {
      shapes[value] = *shape;
      rowValues.insert(value);
    }
    return shape.has_value();
  };
  for (Operation &op : body.without_terminator()) {
    if (isa<arith::ConstantOp>(op)) {
      // Maps stretch equal elements; other operations want them all.
      bool stretched = llvm::all_of(op.getUsers(), llvm::IsaPred<gpt::MapOp>);
      auto shape = stretched ? collapser.sharedShape(shapeOf(op.getResult(0)))
                             : collapser.rowShape(shapeOf(op.getResult(0)));
      auto splat = dyn_cast<SplatElementsAttr>(cast<arith::ConstantOp>(op).getValue());
      if (!shape && !(splat && stretched))
        return std::nullopt;
      shapes[op.getResult(0)] = shape ? *shape : SmallVector<int64_t>{};
      continue;
    }
    if (!isa<gpt::MapOp, gpt::ReduceOp, gpt::ReshapeOp, gpt::EmbeddingOp>(op))
      return std::nullopt;
    bool ofBlocks = gpt::isViewOfBlockSum(&op) || gpt::matchBlockSum(&op);
    for (Value result : op.getResults()) {
      if (ofBlocks) { // its blocks are there already, and there are as many as the rows say
        shapes[result] = SmallVector<int64_t>(shapeOf(result));
        rowValues.insert(result);
      } else if (!setRow(result)) {
        return std::nullopt;
      }
    }
    for (Value operand : op.getOperands()) {
      auto gather = dyn_cast<gpt::EmbeddingOp>(op);
      if (gather && operand == gather.getTable()) {
        if (operand.getDefiningOp())
          return std::nullopt;
        shapes[operand] = SmallVector<int64_t>(shapeOf(operand));
        continue;
      }
      if (isa<gpt::MapOp>(op) && !operandFits(shapeOf(operand), shapeOf(op.getResult(0)),
                                              shapeOf(op.getResult(0)).size() < space.size()))
        return std::nullopt;
      if (operand.getDefiningOp() || shapes.contains(operand))
        continue;
      if (setRow(operand))
        continue;
      auto shared = isa<gpt::MapOp>(op) ? collapser.sharedShape(shapeOf(operand)) : std::nullopt;
      if (!shared)
        return std::nullopt;
      shapes[operand] = *shared;
    }
  }
  // Rows must lie at one distance.
  CollapsedBody result;
  SmallVector<Value> border(body.getArguments());
  llvm::append_range(border, body.getTerminator()->getOperands());
  for (auto [value, old] : llvm::zip(border, strides)) {
    if (!shapes.contains(value))
      return std::nullopt; // an operand that nothing uses
    std::optional<Strides> merged = reshapeStrides(shapeOf(value), old, shapes[value]);
    if (!merged)
      return std::nullopt;
    result.strides.push_back(*merged);
  }
  result.block = std::make_unique<Block>();
  IRMapping mapping;
  auto newType = [&](Value value) {
    return RankedTensorType::get(shapes[value], getElementTypeOrSelf(value));
  };
  auto remember = [&](Value from, Value to) {
    if (rowValues.contains(from))
      result.rowValues.insert(to);
  };
  for (BlockArgument argument : body.getArguments()) {
    Value copy = result.block->addArgument(newType(argument), argument.getLoc());
    mapping.map(argument, copy);
    remember(argument, copy);
  }
  OpBuilder builder(body.getTerminator()->getContext());
  builder.setInsertionPointToStart(result.block.get());
  for (Operation &op : body) {
    Operation *copy = builder.clone(op, mapping);
    for (auto [from, to] : llvm::zip(op.getResults(), copy->getResults())) {
      to.setType(newType(from));
      remember(from, to);
    }
    if (auto reduce = dyn_cast<gpt::ReduceOp>(copy))
      reduce.setAxes({1});
    if (auto constant = dyn_cast<arith::ConstantOp>(copy)) {
      auto value = cast<DenseElementsAttr>(constant.getValue());
      auto type = cast<RankedTensorType>(constant.getType());
      constant.setValueAttr(value.isSplat() ? DenseElementsAttr(value.resizeSplat(type))
                                            : value.reshape(type));
    }
  }
  return result;
}
