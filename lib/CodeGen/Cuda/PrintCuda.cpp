// plan-print-cuda: the source of a plan's kernels, to read and to test.
#include "gptc/CodeGen/CudaSource.h"
#include "gptc/CodeGen/Passes.h"

#include "llvm/Support/raw_ostream.h"

namespace gptc {
#define GEN_PASS_DEF_PRINTCUDAPASS
#include "gptc/CodeGen/Passes.h.inc"
} // namespace gptc

using namespace mlir;
using namespace gptc;

namespace {
struct PrintCudaPass : gptc::impl::PrintCudaPassBase<PrintCudaPass> {
  void runOnOperation() override {
    FailureOr<CudaSource> source = emitCudaSource(getOperation());
    if (failed(source))
      return signalPassFailure();
    for (const CudaKernelSource &kernel : source->kernels)
      llvm::outs() << kernel.source << "\n";
    for (const CudaEpilogueSource &epilogue : source->epilogues)
      llvm::outs() << epilogue.source << "\n";
    markAllAnalysesPreserved();
  }
};
} // namespace
