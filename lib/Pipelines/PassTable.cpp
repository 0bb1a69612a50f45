// The table of optimisations.
#include "gptc/Pipelines/PassTable.h"

using namespace gptc;

static const OptimizationPass passes[] = {
    {"gpt-form-flash-attention", "attention without a matrix of scores", true, true, ""},
    {"gpt-inline-scalars", "no launches for single numbers", true, true, ""},
    {"canonicalize", "simpler expressions", true, true, ""},
    {"cse", "nothing is computed twice by mistake", true, true, ""},
    {"gpt-inline-conversions", "maps that round and widen by themselves", true, true, ""},
    {"gpt-pad", "sizes that products like", true, true, ""},
    {"gpt-chunk-rows", "logits in pieces: less memory", true, true, ""},
    {"gpt-split-column-sums", "sums over rows within kernels that have the rows", true, true, ""},
    {"gpt-rematerialize", "cheap values again instead of kept: less memory", true, true, ""},
    {"gpt-form-kernels", "operations gathered into kernels", true, true, ""},
    {"gpt-fuse-epilogues", "kernels on products that are still in the cache", true, true, ""},
    {"gpt-remove-roundings", "values that are not rounded on their way to the next operation", true,
     true, ""},
    {"plan-share-operands", "outputs in place of dead inputs", true, true, ""},
    {"plan-fold-roundings", "products round variables while they read them", true, false,
     "a GPU's products read what is stored"},
    {"plan-merge-launches", "one launch for all parameters", true, true, ""},
    {"plan-generate-matmuls", "large float32 products by functions of the plan", true, false,
     "a GPU has its own"},
    {"plan-assign-buffers", "memory shared by buffers that never meet", true, true, ""},
};

llvm::ArrayRef<OptimizationPass> gptc::optimizationPasses() { return passes; }

const OptimizationPass *gptc::findOptimization(llvm::StringRef name) {
  for (const OptimizationPass &pass : passes)
    if (name == pass.name)
      return &pass;
  return nullptr;
}
