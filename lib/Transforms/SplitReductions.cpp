// gpt-split-reductions: a reduction over the last and other axes becomes one over the last, then
// the others.
//
// What it must show: every gpt.reduce after it reduces the last axis alone, or leading axes alone;
// a sum over everything has a fixed order, whatever the number of threads, and over little is one
// reduction.
#include "gptc/Transforms/Passes.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace gptc {
#define GEN_PASS_DEF_SPLITREDUCTIONSPASS
#include "gptc/Transforms/Passes.h.inc"
} // namespace gptc

using namespace mlir;
using namespace gptc;

/// Elements up to which one thread, or one block of a GPU's threads, reduces everything in about
/// the time of a launch.
static constexpr int64_t fewElements = 64 * 1024;

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

static gpt::MapOp getMovableMap(Value value);

/// Whether `value` is what reductions of rows give, or maps of that: the kernel that computes it
/// works on longer rows and cannot reduce its last axis on the way.
static bool isOfRows(Value value, int depth = 0) {
  constexpr int deepest = 8;
  Operation *source = value.getDefiningOp();
  if (isa_and_present<gpt::ReduceOp>(source))
    return true;
  return isa_and_present<gpt::MapOp>(source) && depth < deepest &&
         llvm::any_of(source->getOperands(), [&](Value operand) {
           return shapeOf(operand) == shapeOf(value) && isOfRows(operand, depth + 1);
         });
}

/// Whether all elements of `value` can lie at one distance, so that one reduction takes them: those
/// of integers do, and those of what is computed for this use alone can. Rows of stored reals are
/// padded.
static bool isFlat(Value value) {
  Operation *source = value.getDefiningOp();
  if (shapeOf(value).size() <= 1 || !source || getMovableMap(value))
    return true;
  if (isa<gpt::ReadOp>(source))
    return getElementTypeOrSelf(value).isInteger();
  return isOfRows(value) && llvm::hasNItemsOrLess(value.getUses(), 1);
}

/// The map that computes `value`, if it may as well compute it along one axis: nobody else uses it,
/// and its operands are scalars, or flat and used element by element.
static gpt::MapOp getMovableMap(Value value) {
  auto map = value.getDefiningOp<gpt::MapOp>();
  bool moves =
      map && map->hasOneUse() && map->getNumResults() == 1 &&
      llvm::all_of(map.getOperands(), [&](Value operand) {
        return shapeOf(operand).empty() || (shapeOf(operand) == shapeOf(value) && isFlat(operand));
      });
  return moves ? map : gpt::MapOp();
}

// reshape x : [4, 64] -> [256]       reshape map(x, y) => map(reshape x, reshape y)
/// All elements of `value` along one axis. A map that nobody else uses is computed there: what is
/// computed for a reduction stays in its kernel.
static Value flatten(PatternRewriter &rewriter, Location loc, Value value) {
  int64_t size = ShapedType::getNumElements(shapeOf(value));
  if (gpt::MapOp map = getMovableMap(value)) {
    IRMapping mapping;
    for (Value operand : map.getOperands())
      if (!shapeOf(operand).empty() && !mapping.contains(operand))
        mapping.map(operand, flatten(rewriter, loc, operand));
    Operation *flat = rewriter.clone(*map, mapping);
    auto type = cast<RankedTensorType>(map.getResult(0).getType());
    flat->getResult(0).setType(RankedTensorType::get({size}, type.getElementType()));
    return flat->getResult(0);
  }
  return gpt::ReshapeOp::create(rewriter, loc,
                                RankedTensorType::get({size}, getElementTypeOrSelf(value)), value);
}

namespace {
// reduce sum x [0, 1, 2] : [a, b, c]  =>  reduce sum (reshape (reduce sum x [2]) : [a·b]) [0]
// reduce sum x []                     =>  x
struct SplitReduction : OpRewritePattern<gpt::ReduceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(gpt::ReduceOp op, PatternRewriter &rewriter) const override {
    ArrayRef<int64_t> axes = op.getAxes();
    int64_t last = shapeOf(op.getInput()).size() - 1;
    if (axes.empty()) {
      rewriter.replaceOp(op, op.getInput());
      return success();
    }
    if (axes.back() != last || axes.size() == 1)
      return rewriter.notifyMatchFailure(op, "reduces the last axis alone, or leading axes alone");
    Value value = op.getInput();
    while (!axes.empty() && axes.back() == last) {
      bool all = static_cast<int64_t>(axes.size()) == last + 1;
      if (all && last > 0 && isFlat(value) &&
          ShapedType::getNumElements(shapeOf(value)) <= fewElements) {
        value = flatten(rewriter, op.getLoc(), value);
        axes = axes.take_front(1);
        last = 0;
      }
      value = gpt::ReduceOp::create(rewriter, op.getLoc(), op.getKind(), value,
                                    ArrayRef<int64_t>{last--});
      axes = axes.drop_back();
    }
    if (!axes.empty())
      value = gpt::ReduceOp::create(rewriter, op.getLoc(), op.getKind(), value, axes);
    rewriter.replaceOp(op, value);
    return success();
  }
};

struct SplitReductionsPass : gptc::impl::SplitReductionsPassBase<SplitReductionsPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<SplitReduction>(&getContext());
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};
} // namespace
