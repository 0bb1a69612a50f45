// gpt-split-column-sums: a sum over all rows becomes sums over blocks of rows, and the sum of
// those.
//
// What it must show: the gradients of biases and of a norm's weights cost no further reading of the
// tensors that they are sums of; sums that no row kernel could take along stay as they are.
#include "gptc/Transforms/Passes.h"

#include "FusionCost.h"

#include "gptc/Dialect/GPT/BlockSums.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Remarks.h"

namespace gptc {
#define GEN_PASS_DEF_SPLITCOLUMNSUMSPASS
#include "gptc/Transforms/Passes.h.inc"
} // namespace gptc

using namespace mlir;
using namespace gptc;

/// Blocks that there should be: enough for a GPU's processors, each of which takes some at once.
static constexpr int64_t wantedBlocks = 512;
/// Rows of a block. With fewer than 4, writing and reading the parts costs about as much as reading
/// the tensor again, which pays only where a launch costs more. With more than 64, few blocks are
/// left for a GPU.
static constexpr int64_t fewestRows = 2, fewestOfLarge = 4, usualFewest = 8, mostRows = 64;
/// Shorter rows are not worth a loop.
static constexpr int64_t fewestColumns = 8;

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

/// The largest height that is wanted, or less, of blocks that the innermost of the axes `rows`, or
/// several of them whole and a part of the next, divide into: then no block cuts an axis in another
/// way than the tensor itself. 0 if there is none.
static int64_t chooseRows(ArrayRef<int64_t> rows) {
  int64_t count = ShapedType::getNumElements(rows);
  int64_t wanted = std::clamp(count / wantedBlocks, usualFewest, mostRows);
  int64_t whole = 1, best = 0;
  for (int64_t size : llvm::reverse(rows)) {
    for (int64_t part = 1; part <= size && whole * part <= wanted; ++part)
      if (size % part == 0 && whole * part < count)
        best = whole * part;
    whole *= size;
    if (whole > wanted)
      break;
  }
  // The view must be one: [P, R, C] of a tensor of just this shape would be the tensor.
  if (rows.size() == 2 && best == rows.back())
    best /= best % 2 == 0 ? 2 : 1;
  bool isView = rows.size() != 2 || best != rows.back();
  return best >= fewestRows && isView ? best : 0;
}

namespace {
struct SplitColumnSumsPass : gptc::impl::SplitColumnSumsPassBase<SplitColumnSumsPass> {
  void runOnOperation() override {
    SmallVector<gpt::ReduceOp> sums;
    getOperation()->walk([&](gpt::ReduceOp reduce) {
      if (isSumOfRows(reduce))
        sums.push_back(reduce);
    });
    for (gpt::ReduceOp sum : sums)
      split(sum);
  }

  static bool isSumOfRows(gpt::ReduceOp reduce) {
    ArrayRef<int64_t> shape = shapeOf(reduce.getInput());
    return reduce.getKind() == gpt::ReduceKind::sum && shape.size() >= 2 &&
           reduce.getAxes().size() == shape.size() - 1 &&
           llvm::equal(reduce.getAxes(), llvm::seq<int64_t>(0, shape.size() - 1)) &&
           shape.back() >= fewestColumns;
  }

  void split(gpt::ReduceOp reduce) {
    Value input = reduce.getInput();
    ArrayRef<int64_t> shape = shapeOf(input);
    if (input.getDefiningOp<gpt::ReshapeOp>() || !isInRowKernel(input, reduce, 0))
      return miss(reduce, "no kernel over rows computes or reads what it sums");
    int64_t rows = chooseRows(shape.drop_back());
    if (rows == 0 || (rows < fewestOfLarge && bytesOf(input) / rows > launchPrice))
      return miss(reduce, "no divisor of the number of rows is a sensible height of blocks");
    int64_t count = ShapedType::getNumElements(shape.drop_back()), columns = shape.back();
    Type element = getElementTypeOrSelf(input);
    OpBuilder builder(reduce);
    Location loc = reduce.getLoc();
    Value blocks = gpt::ReshapeOp::create(
        builder, loc, RankedTensorType::get({count / rows, rows, columns}, element), input);
    Value parts =
        gpt::ReduceOp::create(builder, loc, gpt::ReduceKind::sum, blocks, ArrayRef<int64_t>{1});
    Value sum =
        gpt::ReduceOp::create(builder, loc, gpt::ReduceKind::sum, parts, ArrayRef<int64_t>{0});
    remark::passed(loc, options(reduce, "SplitColumnSum"))
        << remark::metric("rows", rows) << remark::metric("bytes", bytesOf(input))
        << remark::metric("bytes_of_parts", bytesOf(parts));
    reduce.replaceAllUsesWith(sum);
    reduce.erase();
  }

  /// Whether some row kernel will have `value`, of which `sum` is a sum: it is computed by one, or
  /// read by one, or a map that only the sum uses computes it from such a tensor.
  static bool isInRowKernel(Value value, Operation *sum, int depth) {
    constexpr int deepest = 4;
    ArrayRef<int64_t> shape = shapeOf(value);
    for (Operation *user : value.getUsers())
      if (user != sum && worksOnRows(user, value))
        return true;
    auto map = value.getDefiningOp<gpt::MapOp>();
    if (!map)
      return isa_and_present<gpt::EmbeddingOp, gpt::RandomOp>(value.getDefiningOp());
    // Its other users do not work on rows: are there any, it is a kernel.
    if (!value.hasOneUse())
      return true;
    return llvm::any_of(map.getOperands(), [&](Value operand) {
      return shapeOf(operand) == shape && depth < deepest && isInRowKernel(operand, map, depth + 1);
    });
  }

  static bool worksOnRows(Operation *user, Value value) {
    ArrayRef<int64_t> shape = shapeOf(value);
    if (auto map = dyn_cast<gpt::MapOp>(user))
      return map.getShape() == shape;
    auto reduce = dyn_cast<gpt::ReduceOp>(user);
    return reduce && reduce.getAxes().size() == 1 &&
           reduce.getAxes().front() == static_cast<int64_t>(shape.size()) - 1;
  }

  static remark::RemarkOpts options(Operation *op, StringRef name) {
    return remark::RemarkOpts::name(name)
        .category("gpt-split-column-sums")
        .function(op->getParentOfType<func::FuncOp>().getName());
  }

  void miss(gpt::ReduceOp reduce, StringRef why) {
    remark::missed(reduce.getLoc(), options(reduce, "ColumnSumNotSplit"))
        << remark::metric("bytes", bytesOf(reduce.getInput())) << remark::reason("{0}", why);
  }
};
} // namespace
