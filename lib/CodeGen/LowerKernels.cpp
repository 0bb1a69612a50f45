// plan-lower-kernels: each kernel by its schedule.
//
// What it must show: a loop along a row touches disjoint memory in each iteration; what a kernel
// computes does not depend on how a launch is divided into rows, nor on which operands share
// memory.
#include "gptc/CodeGen/Kernels.h"
#include "gptc/CodeGen/Passes.h"

#include "RowPhases.h"
#include "ScalarEmitter.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace gptc {
#define GEN_PASS_DEF_LOWERKERNELSPASS
#include "gptc/CodeGen/Passes.h.inc"
} // namespace gptc

using namespace mlir;
using namespace gptc;
using namespace gptc::codegen;

static LogicalResult lowerKernel(plan::KernelOp kernel, ModuleOp module, unsigned vectorBits) {
  if (kernel.getSchedule() == "row")
    return emitRowSchedule(kernel, module);
  if (kernel.getSchedule() == "column")
    return emitColumnSchedule(kernel, module);
  if (kernel.getSchedule() == "segmented_sum")
    return emitSegmentedSum(kernel, module);
  if (kernel.getSchedule() == "attention")
    return emitAttention(kernel, module, vectorBits);
  if (kernel.getSchedule() == "attention_grad")
    return emitAttentionGrad(kernel, module, vectorBits);
  return kernel.emitOpError("requires schedule row, column, segmented_sum, attention or "
                            "attention_grad, found ")
         << kernel.getScheduleAttr();
}

OwningOpRef<ModuleOp> gptc::lowerKernels(ModuleOp plan, ArrayRef<StringRef> names,
                                         unsigned vectorBits) {
  plan.getContext()
      ->loadDialect<arith::ArithDialect, func::FuncDialect, LLVM::LLVMDialect, math::MathDialect,
                    memref::MemRefDialect, scf::SCFDialect, vector::VectorDialect>();
  OwningOpRef<ModuleOp> module(ModuleOp::create(plan.getLoc()));
  for (auto kernel : plan.getOps<plan::KernelOp>()) {
    if (!names.empty() && !llvm::is_contained(names, kernel.getSymName()))
      continue;
    if (failed(lowerKernel(kernel, *module, vectorBits)))
      return nullptr;
  }
  return module;
}

int64_t gptc::countRows(plan::KernelOp kernel) {
  auto shapeOf = [](Value value) {
    return SmallVector<int64_t>(cast<RankedTensorType>(value.getType()).getShape());
  };
  SmallVector<int64_t> shape = getSpace(kernel);
  if (kernel.getSchedule() != "row")
    shape = shapeOf(kernel.getBody().front().getTerminator()->getOperand(0));
  if (kernel.getSchedule() == "attention")
    return shape[0] * shape[1] * llvm::divideCeil(shape[2], plan::attentionBlock);
  if (kernel.getSchedule() == "attention_grad") {
    SmallVector<int64_t> key = shapeOf(kernel.getBody().getArgument(1));
    return key[0] * key[1];
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
         RowPhases(*graph, findCudaRowMemory(*graph).scratch).mayShareMemory(input, output);
}

namespace {
struct LowerKernelsPass : gptc::impl::LowerKernelsPassBase<LowerKernelsPass> {
  using LowerKernelsPassBase::LowerKernelsPassBase;

  void runOnOperation() override {
    OwningOpRef<ModuleOp> lowered = lowerKernels(getOperation(), {}, vectorBits);
    if (!lowered)
      return signalPassFailure();
    getOperation().getBodyRegion().takeBody(lowered->getBodyRegion());
  }
};
} // namespace
