// gpt-split-reductions: a reduction over the last and other axes becomes one over the last, then
// the others.
//
// What it must show: every gpt.reduce after it reduces the last axis alone, or leading axes alone;
// a sum over everything has a fixed order, whatever the number of threads.
#include "gptc/Transforms/Passes.h"

#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace gptc {
#define GEN_PASS_DEF_SPLITREDUCTIONSPASS
#include "gptc/Transforms/Passes.h.inc"
} // namespace gptc

using namespace mlir;
using namespace gptc;

namespace {
// reduce sum x [0, 1, 2] : [a, b, c]  =>  reduce sum (reduce sum (reduce sum x [2]) [1]) [0]
// reduce sum x []                     =>  x
struct SplitReduction : OpRewritePattern<gpt::ReduceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(gpt::ReduceOp op, PatternRewriter &rewriter) const override {
    ArrayRef<int64_t> axes = op.getAxes();
    int64_t last = cast<RankedTensorType>(op.getInput().getType()).getRank() - 1;
    if (axes.empty()) {
      rewriter.replaceOp(op, op.getInput());
      return success();
    }
    if (axes.back() != last || axes.size() == 1)
      return rewriter.notifyMatchFailure(op, "reduces the last axis alone, or leading axes alone");
    Value value = op.getInput();
    while (!axes.empty() && axes.back() == last) {
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
