// plan-lower-kernels: each kernel by its schedule.
//
// What it must show: a loop along a row touches disjoint memory in each iteration; what a kernel
// computes does not depend on how a launch is divided into rows, nor on which operands share
// memory.
#include "gptc/CodeGen/Kernels.h"
#include "gptc/CodeGen/Passes.h"

#include "RowPhases.h"
#include "ScalarEmitter.h"

namespace gptc {
#define GEN_PASS_DEF_LOWERKERNELSPASS
#include "gptc/CodeGen/Passes.h.inc"
} // namespace gptc

using namespace mlir;
using namespace gptc;
using namespace gptc::codegen;

static LogicalResult lowerKernel(plan::KernelOp kernel, ModuleOp module) {
  if (kernel.getSchedule() == "row")
    return emitRowSchedule(kernel, module);
  if (kernel.getSchedule() == "column")
    return emitColumnSchedule(kernel, module);
  if (kernel.getSchedule() == "segmented_sum")
    return emitSegmentedSum(kernel, module);
  return kernel.emitOpError("requires schedule row, column or segmented_sum, found ")
         << kernel.getScheduleAttr();
}

OwningOpRef<ModuleOp> gptc::lowerKernels(ModuleOp plan, ArrayRef<StringRef> names) {
  plan.getContext()
      ->loadDialect<arith::ArithDialect, func::FuncDialect, LLVM::LLVMDialect, math::MathDialect,
                    memref::MemRefDialect, scf::SCFDialect>();
  OwningOpRef<ModuleOp> module(ModuleOp::create(plan.getLoc()));
  for (auto kernel : plan.getOps<plan::KernelOp>()) {
    if (!names.empty() && !llvm::is_contained(names, kernel.getSymName()))
      continue;
    if (failed(lowerKernel(kernel, *module)))
      return nullptr;
  }
  return module;
}

int64_t gptc::countRows(plan::KernelOp kernel) {
  SmallVector<int64_t> shape = getSpace(kernel);
  if (kernel.getSchedule() != "row") {
    Value output = kernel.getBody().front().getTerminator()->getOperand(0);
    shape = SmallVector<int64_t>(cast<RankedTensorType>(output.getType()).getShape());
  }
  int64_t columns = shape.empty() ? 1 : shape.pop_back_val();
  int64_t rows = ShapedType::getNumElements(shape);
  return kernel.getSchedule() == "column" ? rows * llvm::divideCeil(columns, plan::columnBlock)
                                          : rows;
}

bool gptc::mayShareMemory(plan::KernelOp kernel, unsigned input, unsigned output) {
  ScopedDiagnosticHandler quiet(kernel.getContext(), [](Diagnostic &) { return success(); });
  unsigned operand = kernel.getBody().getNumArguments() + output;
  if (kernel.getSchedule() != "row" || kernel.getLayouts()[input] != kernel.getLayouts()[operand])
    return false;
  FailureOr<KernelGraph> graph = KernelGraph::build(kernel);
  // A plan does not depend on what runs it: both targets' phases must allow it.
  return succeeded(graph) && RowPhases(*graph, cpuScratch).mayShareMemory(input, output) &&
         RowPhases(*graph, cudaScratch(*graph)).mayShareMemory(input, output);
}

namespace {
struct LowerKernelsPass : gptc::impl::LowerKernelsPassBase<LowerKernelsPass> {
  void runOnOperation() override {
    OwningOpRef<ModuleOp> lowered = lowerKernels(getOperation());
    if (!lowered)
      return signalPassFailure();
    getOperation().getBodyRegion().takeBody(lowered->getBodyRegion());
  }
};
} // namespace
