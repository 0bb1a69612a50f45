// The passes of lib/Transforms; declared in Passes.td.
#ifndef GPTC_TRANSFORMS_PASSES_H
#define GPTC_TRANSFORMS_PASSES_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Pass/Pass.h"

#include "gptc/Dialect/GPT/GPTOps.h"
#include "gptc/Transforms/Optimizer.h"
#include "gptc/Transforms/Precision.h"

namespace gptc {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "gptc/Transforms/Passes.h.inc"

/// Patterns that replace operations by their decompositions; only operations of these names
/// (without dialect), or all that have no kernel of their own if there are no names, but for those
/// of `keep`.
void populateDecomposePatterns(mlir::RewritePatternSet &patterns,
                               llvm::ArrayRef<std::string> ops = {},
                               llvm::ArrayRef<std::string> keep = {});
} // namespace gptc

#endif // GPTC_TRANSFORMS_PASSES_H
