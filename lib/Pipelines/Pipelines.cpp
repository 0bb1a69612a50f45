// The pipelines, pass by pass.
#include "gptc/Pipelines/Pipelines.h"

#include "gptc/Autodiff/Passes.h"
#include "gptc/CodeGen/Passes.h"
#include "gptc/Plan/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassOptions.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace gptc;

static void addCleanup(OpPassManager &manager) {
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
}

void gptc::buildForwardPipeline(OpPassManager &manager) {
  manager.addPass(createExpandRepeatsPass());
  DecomposePassOptions attention;
  attention.ops = {"attention"};
  manager.addPass(createDecomposePass(attention));
  addCleanup(manager);
  manager.addNestedPass<func::FuncOp>(createFormFlashAttentionPass());
  addCleanup(manager);
}

void gptc::buildTrainingPipeline(OpPassManager &manager, const TrainingOptions &options) {
  manager.addPass(createDifferentiatePass());
  InsertOptimizerPassOptions optimizer;
  optimizer.optimizer = options.optimizer;
  manager.addPass(createInsertOptimizerPass(optimizer));
  buildInferencePipeline(manager);
}

void gptc::buildInferencePipeline(OpPassManager &manager) {
  manager.addPass(createDeriveEntriesPass());
  addCleanup(manager);
}

void gptc::buildOptimizePipeline(OpPassManager &manager, const OptimizeOptions &options) {
  DecomposePassOptions decompose;
  decompose.keep = {"global_norm"}; // the plan sums over all gradients' memory at once
  manager.addPass(createDecomposePass(decompose));
  manager.addPass(createInlineScalarsPass());
  manager.addPass(createSplitReductionsPass());
  addCleanup(manager);
  PadPassOptions pad;
  pad.multiple = options.padMultiple;
  pad.growth = options.padGrowth;
  manager.addPass(createPadPass(pad));
  if (options.chunkBytes) {
    ChunkRowsPassOptions chunks;
    chunks.bytes = options.chunkBytes;
    manager.addPass(createChunkRowsPass(chunks));
  }
  manager.addPass(createSplitColumnSumsPass());
  // Behind the last pass that would join equal operations again.
  manager.addPass(createRematerializePass());
  manager.addNestedPass<func::FuncOp>(createFormKernelsPass());
  manager.addPass(createFuseEpiloguesPass());
}

void gptc::buildPlanPipeline(OpPassManager &manager, const PlanOptions &options) {
  manager.addPass(createLowerToPlanPass());
  if (!options.noReuse)
    manager.addPass(createShareOperandsPass());
  manager.addPass(createMergeLaunchesPass());
  AssignBuffersPassOptions buffers;
  buffers.noReuse = options.noReuse;
  manager.addPass(createAssignBuffersPass(buffers));
}

namespace {
struct TrainingPipelineOptions : PassPipelineOptions<TrainingPipelineOptions> {
  Option<Optimizer> optimizer{
      *this, "optimizer", llvm::cl::desc("how parameters are updated"),
      llvm::cl::init(Optimizer::adamw),
      llvm::cl::values(clEnumValN(Optimizer::adamw, "adamw", "Adam with decoupled weight decay"),
                       clEnumValN(Optimizer::sgd, "sgd", "stochastic gradient descent"))};
};

struct OptimizePipelineOptions : PassPipelineOptions<OptimizePipelineOptions> {
  Option<int64_t> padMultiple{*this, "pad-multiple",
                              llvm::cl::desc("what axes of parameters are padded to multiples of"),
                              llvm::cl::init(OptimizeOptions().padMultiple)};
  Option<int64_t> padGrowth{*this, "pad-growth",
                            llvm::cl::desc("most that an axis may grow, in percent"),
                            llvm::cl::init(OptimizeOptions().padGrowth)};
  Option<uint64_t> chunkBytes{*this, "chunk-bytes",
                              llvm::cl::desc("the largest product that is kept whole; 0 keeps all"),
                              llvm::cl::init(0)};
};

struct PlanPipelineOptions : PassPipelineOptions<PlanPipelineOptions> {
  Option<bool> noReuse{*this, "no-reuse", llvm::cl::desc("give every buffer memory of its own"),
                       llvm::cl::init(false)};
};
} // namespace

void gptc::registerPipelines() {
  PassPipelineRegistration<>("gptc-forward", "From the graph stage to the forward stage",
                             buildForwardPipeline);
  PassPipelineRegistration<TrainingPipelineOptions>(
      "gptc-training", "From the forward stage to the training stage",
      [](OpPassManager &manager, const TrainingPipelineOptions &options) {
        buildTrainingPipeline(manager, {options.optimizer});
      });
  PassPipelineRegistration<>("gptc-inference",
                             "From the forward stage to the entries that evaluate and sample",
                             buildInferencePipeline);
  PassPipelineRegistration<OptimizePipelineOptions>(
      "gptc-optimize", "From the training stage to the optimized stage",
      [](OpPassManager &manager, const OptimizePipelineOptions &options) {
        buildOptimizePipeline(manager,
                              {options.padMultiple, options.padGrowth, options.chunkBytes});
      });
  PassPipelineRegistration<PlanPipelineOptions>(
      "gptc-plan", "From the optimized stage to the plan stage",
      [](OpPassManager &manager, const PlanPipelineOptions &options) {
        buildPlanPipeline(manager, {options.noReuse});
      });
}
