// What a kernel's body moves and computes.
#include "gptc/Driver/Costs.h"

#include "gptc/Dialect/GPT/GPTOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace gptc;

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }
static int64_t elementsOf(Value value) { return typeOf(value).getNumElements(); }

static uint64_t elementBytes(Type type) {
  return llvm::divideCeil(getElementTypeOrSelf(type).getIntOrFloatBitWidth(), 8);
}

/// FLOPs of a scalar operation, each time that it runs.
static uint64_t flopsOfScalar(Operation &op) {
  if (op.getNumResults() != 1 || !isa<FloatType>(op.getResult(0).getType()))
    return 0;
  if (isa<math::FmaOp>(op))
    return 2;
  bool arithmetic =
      isa<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp, arith::RemFOp, arith::NegFOp,
          arith::MaximumFOp, arith::MinimumFOp, arith::MaxNumFOp, arith::MinNumFOp>(op);
  return arithmetic || isa<math::MathDialect>(op.getDialect());
}

/// A scalar of a map's region depends on the axes on which the operands do that it is computed
/// from; it is computed once for each index into those.
///
///   map(x, c) : [8, 4], []   { t = c * c; x + t }    =>   1 + 32
static uint64_t flopsOf(gpt::MapOp map) {
  ArrayRef<int64_t> shape = map.getShape();
  DenseMap<Value, SmallVector<int64_t>> extents;
  for (auto [argument, operand] : llvm::zip(map.getBlock()->getArguments(), map.getOperands())) {
    SmallVector<int64_t> &extent = extents[argument];
    extent.assign(shape.size(), 1);
    llvm::copy(llvm::reverse(typeOf(operand).getShape()), extent.rbegin());
  }
  uint64_t flops = 0;
  for (Operation &op : *map.getBlock()) {
    SmallVector<int64_t> extent(shape.size(), 1);
    for (Value operand : op.getOperands())
      for (auto [axis, size] : llvm::enumerate(extents.lookup(operand)))
        extent[axis] = std::max(extent[axis], size);
    flops += flopsOfScalar(op) * ShapedType::getNumElements(extent);
    for (Value result : op.getResults())
      extents[result] = extent;
  }
  return flops;
}

/// How many pairs of a query and a key the mask lets through.
static uint64_t pairsOf(Value query, Value key, bool causal) {
  ArrayRef<int64_t> shape = typeOf(query).getShape();
  uint64_t heads = shape[0] * shape[1], queries = shape[2], keys = typeOf(key).getShape()[2];
  return heads * (causal ? queries * (queries + 1) / 2 : queries * keys);
}

/// For a pair: both products, and scale, maximum, difference, exponential and sum of its score. For
/// a query: the division.
static uint64_t flopsOf(gpt::FlashAttentionOp op) {
  uint64_t head = typeOf(op.getQuery()).getShape()[3], values = typeOf(op.getValue()).getShape()[3];
  return pairsOf(op.getQuery(), op.getKey(), op.getCausal()) * (2 * head + 2 * values + 5) +
         elementsOf(op.getResult());
}

/// For a pair: the score and its exponential (scale, difference, exp), do · v, dv, its difference
/// from δ and two factors, dq and dk. For a query: δ.
static uint64_t flopsOf(gpt::FlashAttentionGradOp op) {
  uint64_t head = typeOf(op.getQuery()).getShape()[3], values = typeOf(op.getValue()).getShape()[3];
  return pairsOf(op.getQuery(), op.getKey(), op.getCausal()) * (6 * head + 4 * values + 6) +
         2 * elementsOf(op.getOutput());
}

static uint64_t flopsOfOperation(Operation &op) {
  if (auto map = dyn_cast<gpt::MapOp>(op))
    return flopsOf(map);
  if (auto reduce = dyn_cast<gpt::ReduceOp>(op))
    return std::max<int64_t>(elementsOf(reduce.getInput()) - elementsOf(reduce.getResult()), 0);
  if (auto sum = dyn_cast<gpt::EmbeddingGradOp>(op))
    return elementsOf(sum.getAdjoint());
  if (auto attention = dyn_cast<gpt::FlashAttentionOp>(op))
    return flopsOf(attention);
  if (auto grad = dyn_cast<gpt::FlashAttentionGradOp>(op))
    return flopsOf(grad);
  return 0; // gathers, generators and rearrangements
}

/// Whether an input of a `row` kernel that serves any number of rows has a row axis. It has none
/// where maps stretch it along their rows, and where rows are looked up in it.
static bool hasRows(Value input) {
  for (OpOperand &use : input.getUses()) {
    if (auto map = dyn_cast<gpt::MapOp>(use.getOwner());
        map && typeOf(input).getRank() < static_cast<int64_t>(map.getShape().size()))
      return false;
    if (auto gather = dyn_cast<gpt::EmbeddingOp>(use.getOwner());
        gather && gather.getTable() == input)
      return false;
  }
  return typeOf(input).getRank() > 0;
}

/// Elements of a border value that the kernel touches on all of its own rows.
static uint64_t touchedElements(Value value, MemRefType layout) {
  auto [strides, offset] = layout.getStridesAndOffset();
  uint64_t elements = 1;
  for (auto [size, stride] : llvm::zip(layout.getShape(), strides))
    elements *= stride == 0 ? std::min<int64_t>(size, 1) : size;
  return elements;
}

namespace {
/// What a kernel touches of its operands, on `rows` rows.
class Border {
public:
  Border(plan::KernelOp kernel, int64_t rows)
      : kernel(kernel), rows(rows), body(kernel.getBody().front()) {}

  uint64_t readOf(BlockArgument input) {
    uint64_t all = touchedElements(input, layoutOf(input.getArgNumber()));
    uint64_t bytes = elementBytes(input.getType());
    if (input.use_empty())
      return 0;
    // Of a table only the rows that are looked up, if nothing else reads it.
    uint64_t lookedUp = 0;
    for (OpOperand &use : input.getUses()) {
      auto gather = dyn_cast<gpt::EmbeddingOp>(use.getOwner());
      if (!gather || gather.getTable() != input)
        return bytes * scaled(all, hasRows(input));
      lookedUp += scaled(elementsOf(gather.getResult()), true);
    }
    return bytes * std::min(all, lookedUp);
  }

  uint64_t writtenOf(unsigned number) {
    Value output = body.getTerminator()->getOperand(number);
    uint64_t elements = touchedElements(output, layoutOf(body.getNumArguments() + number));
    // A segmented sum that adds to its result touches rows that an index names: at most one each.
    if (auto sum = output.getDefiningOp<gpt::EmbeddingGradOp>();
        sum && kernel.getAccumulate()[number])
      elements = std::min<uint64_t>(elements, elementsOf(sum.getAdjoint()));
    return elementBytes(output.getType()) * scaled(elements, true);
  }

  uint64_t flops() {
    uint64_t flops = 0;
    for (Operation &op : body.without_terminator())
      flops += flopsOfOperation(op);
    return scaled(flops, true);
  }

private:
  MemRefType layoutOf(unsigned number) {
    return cast<MemRefType>(cast<TypeAttr>(kernel.getLayouts()[number]).getValue());
  }

  /// All that a `row` kernel computes is made row by row, and its own rows stand for any number.
  uint64_t scaled(uint64_t amount, bool perRow) {
    int64_t own = kernel.getRows();
    return !perRow || rows == own ? amount : amount * rows / own;
  }

  plan::KernelOp kernel;
  int64_t rows;
  Block &body;
};
} // namespace

Cost gptc::costOf(plan::KernelOp kernel, int64_t rows, ArrayAttr operands, Attribute cached) {
  Border border(kernel, rows);
  Block &body = kernel.getBody().front();
  Cost cost;
  // Operands that lie at one place are views of one tensor.
  llvm::SmallMapVector<Attribute, uint64_t, 16> reads;
  for (BlockArgument input : body.getArguments()) {
    uint64_t &bytes = reads[operands[input.getArgNumber()]];
    bytes = std::max(bytes, border.readOf(input));
  }
  for (auto &[place, bytes] : reads)
    if (place != cached)
      cost.read += bytes;
  for (unsigned i = 0, count = body.getTerminator()->getNumOperands(); i < count; ++i) {
    uint64_t bytes = border.writtenOf(i);
    cost.written += bytes;
    if (kernel.getAccumulate()[i])
      cost.read += bytes;
  }
  cost.flops = border.flops();
  return cost;
}
