// gpt-decompose: named operations become the maps, reductions and matmuls they stand for.
#include "gptc/Transforms/Passes.h"

#include "mlir/Transforms/WalkPatternRewriteDriver.h"
#include "llvm/ADT/StringSet.h"

namespace gptc {
#define GEN_PASS_DEF_DECOMPOSEPASS
#include "gptc/Transforms/Passes.h.inc"
} // namespace gptc

using namespace mlir;
using namespace gptc;

namespace {
struct DecomposePattern : OpInterfaceRewritePattern<gpt::DecomposableOpInterface> {
  DecomposePattern(MLIRContext *context, ArrayRef<std::string> ops)
      : OpInterfaceRewritePattern(context) {
    for (const std::string &op : ops)
      names.insert(op);
  }

  LogicalResult matchAndRewrite(gpt::DecomposableOpInterface op,
                                PatternRewriter &rewriter) const override {
    if (!names.empty() && !names.contains(op->getName().stripDialect()))
      return rewriter.notifyMatchFailure(op, "is not among the operations to decompose");
    rewriter.replaceOp(op, op.decompose(rewriter));
    return success();
  }

  llvm::StringSet<> names;
};

struct DecomposePass : gptc::impl::DecomposePassBase<DecomposePass> {
  using Base::Base;

  LogicalResult initialize(MLIRContext *context) override {
    for (const std::string &op : ops) {
      auto name = RegisteredOperationName::lookup("gpt." + op, context);
      if (!name || !name->hasInterface<gpt::DecomposableOpInterface>())
        return emitError(UnknownLoc::get(context))
               << "gpt-decompose: no operation gpt." << op << " that decomposes";
    }
    RewritePatternSet set(context);
    populateDecomposePatterns(set, ops);
    patterns = std::move(set);
    return success();
  }

  void runOnOperation() override {
    // A composition may hold named operations itself, as attention holds a softmax.
    do
      walkAndApplyPatterns(getOperation(), patterns);
    while (ops.empty() && holdsDecomposable());
  }

  bool holdsDecomposable() {
    return getOperation()
        ->walk([](gpt::DecomposableOpInterface) { return WalkResult::interrupt(); })
        .wasInterrupted();
  }

  FrozenRewritePatternSet patterns;
};
} // namespace

void gptc::populateDecomposePatterns(RewritePatternSet &patterns, ArrayRef<std::string> ops) {
  patterns.add<DecomposePattern>(patterns.getContext(), ops);
}
