// expand-math: math functions as arithmetic.
#include "MathEmitter.h"

#include "gptc/CodeGen/Passes.h"

#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace gptc {
#define GEN_PASS_DEF_EXPANDMATHPASS
#include "gptc/CodeGen/Passes.h.inc"
} // namespace gptc

using namespace mlir;
using namespace gptc;

namespace {
struct ExpandMathPass : gptc::impl::ExpandMathPassBase<ExpandMathPass> {
  LogicalResult initialize(MLIRContext *context) override {
    // Two steps: the first writes rare functions by common ones.
    RewritePatternSet rare(context), common(context);
    math::populateExpansionPatterns(
        rare, {"sinh", "cosh", "tan", "asinh", "acosh", "atanh", "exp2", "fpowi"});
    expansions = FrozenRewritePatternSet(std::move(rare));
    codegen::populateExponentialPatterns(common);
    codegen::populateTrigonometricPatterns(common);
    codegen::populateBfloat16Patterns(common);
    populateMathPolynomialApproximationPatterns(common, [](StringRef name) {
      return llvm::is_contained({"math.tanh", "math.erf", "math.erfc", "math.log2", "math.log1p",
                                 "math.expm1", "math.atan", "math.atan2", "math.asin", "math.acos",
                                 "math.cbrt"},
                                name);
    });
    approximations = FrozenRewritePatternSet(std::move(common));
    return success();
  }

  void runOnOperation() override {
    GreedyRewriteConfig config;
    config.enableConstantCSE(false).setRegionSimplificationLevel(
        GreedySimplifyRegionLevel::Disabled);
    if (failed(applyPatternsGreedily(getOperation(), expansions, config)) ||
        failed(applyPatternsGreedily(getOperation(), approximations, config)))
      signalPassFailure();
  }

  FrozenRewritePatternSet expansions, approximations;
};
} // namespace
