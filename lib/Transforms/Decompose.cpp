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
  DecomposePattern(MLIRContext *context, ArrayRef<std::string> ops, ArrayRef<std::string> keep)
      : OpInterfaceRewritePattern(context) {
    for (const std::string &op : ops)
      names.insert(op);
    for (const std::string &op : keep)
      kept.insert(op);
  }

  LogicalResult matchAndRewrite(gpt::DecomposableOpInterface op,
                                PatternRewriter &rewriter) const override {
    StringRef name = op->getName().stripDialect();
    if (kept.contains(name) || (names.empty() ? op.hasKernel() : !names.contains(name)))
      return rewriter.notifyMatchFailure(op, "is not among the operations to decompose");
    rewriter.replaceOp(op, op.decompose(rewriter));
    return success();
  }

  llvm::StringSet<> names, kept;
};

struct DecomposePass : gptc::impl::DecomposePassBase<DecomposePass> {
  using Base::Base;

  LogicalResult initialize(MLIRContext *context) override {
    for (const std::string &op : llvm::concat<const std::string>(ops, keep)) {
      auto name = RegisteredOperationName::lookup("gpt." + op, context);
      if (!name || !name->hasInterface<gpt::DecomposableOpInterface>())
        return emitError(UnknownLoc::get(context))
               << "gpt-decompose: no operation gpt." << op << " that decomposes";
    }
    RewritePatternSet set(context);
    populateDecomposePatterns(set, ops, keep);
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
        ->walk([&](gpt::DecomposableOpInterface op) {
          bool stays = op.hasKernel() || llvm::is_contained(keep, op->getName().stripDialect());
          return stays ? WalkResult::advance() : WalkResult::interrupt();
        })
        .wasInterrupted();
  }

  FrozenRewritePatternSet patterns;
};
} // namespace

void gptc::populateDecomposePatterns(RewritePatternSet &patterns, ArrayRef<std::string> ops,
                                     ArrayRef<std::string> keep) {
  patterns.add<DecomposePattern>(patterns.getContext(), ops, keep);
}
