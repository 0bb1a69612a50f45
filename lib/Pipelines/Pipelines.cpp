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
  DifferentiatePassOptions gradients;
  InsertOptimizerPassOptions optimizer;
  optimizer.optimizer = options.optimizer;
  if (options.scaling) {
    gradients.lossScale = options.scaling->initialScale;
    optimizer.growthInterval = options.scaling->growthInterval;
  }
  manager.addPass(createDifferentiatePass(gradients));
  manager.addPass(createInsertOptimizerPass(optimizer));
  buildInferencePipeline(manager);
}

void gptc::buildInferencePipeline(OpPassManager &manager) {
  manager.addPass(createDeriveEntriesPass());
  addCleanup(manager);
}

void gptc::buildGraphPipeline(OpPassManager &manager, const OptimizeOptions &options) {
  if (options.precision != TrainingPrecision::fp32) {
    AssignPrecisionPassOptions precision;
    precision.precision = options.precision;
    manager.addPass(createAssignPrecisionPass(precision));
  }
  DecomposePassOptions decompose;
  decompose.keep = {"global_norm"}; // the plan sums over all gradients' memory at once
  manager.addPass(createDecomposePass(decompose));
  manager.addPass(createInlineScalarsPass());
  manager.addPass(createSplitReductionsPass());
  addCleanup(manager);
  // Behind the cleanup, which would join equal conversions again.
  if (options.precision != TrainingPrecision::fp32)
    manager.addPass(createInlineConversionsPass());
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
}

void gptc::buildRecomputePipeline(OpPassManager &manager, const OptimizeOptions &options) {
  if (options.save.empty())
    return;
  RecomputePassOptions recompute;
  recompute.save.assign(options.save.begin(), options.save.end());
  manager.addPass(createRecomputePass(recompute));
}

void gptc::buildKernelPipeline(OpPassManager &manager, const OptimizeOptions &options) {
  FormKernelsPassOptions kernels;
  if (!options.fuse)
    kernels.limit = 0; // more values cross the border of any kernel
  manager.addNestedPass<func::FuncOp>(createFormKernelsPass(kernels));
  manager.addPass(createFuseEpiloguesPass());
  if (options.precision != TrainingPrecision::fp32)
    manager.addPass(createRemoveRoundingsPass());
}

void gptc::buildOptimizePipeline(OpPassManager &manager, const OptimizeOptions &options) {
  buildGraphPipeline(manager, options);
  buildRecomputePipeline(manager, options);
  buildKernelPipeline(manager, options);
}

void gptc::buildPlanPipeline(OpPassManager &manager, const PlanOptions &options) {
  manager.addPass(createLowerToPlanPass());
  if (options.generateMatmuls) {
    GenerateMatmulsPassOptions matmuls;
    matmuls.leastWork = options.leastGenerated.value_or(matmuls.leastWork);
    manager.addPass(createGenerateMatmulsPass(matmuls));
  }
  if (!options.noReuse)
    manager.addPass(createShareOperandsPass());
  if (options.foldRoundings)
    manager.addPass(createFoldRoundingsPass());
  manager.addPass(createMergeLaunchesPass());
  AssignBuffersPassOptions buffers;
  buffers.noReuse = options.noReuse || !options.overlay;
  manager.addPass(createAssignBuffersPass(buffers));
}

namespace {
struct TrainingPipelineOptions : PassPipelineOptions<TrainingPipelineOptions> {
  Option<Optimizer> optimizer{
      *this, "optimizer", llvm::cl::desc("how parameters are updated"),
      llvm::cl::init(Optimizer::adamw),
      llvm::cl::values(clEnumValN(Optimizer::adamw, "adamw", "Adam with decoupled weight decay"),
                       clEnumValN(Optimizer::sgd, "sgd", "stochastic gradient descent"))};
  Option<double> lossScale{*this, "loss-scale",
                           llvm::cl::desc("the first scale of dynamic loss scaling; 0: none"),
                           llvm::cl::init(0)};
  Option<int64_t> growthInterval{
      *this, "growth-interval",
      llvm::cl::desc("steps without an overflow after which the loss scale doubles"),
      llvm::cl::init(LossScaling().growthInterval)};
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
  Option<TrainingPrecision> precision{
      *this, "precision", llvm::cl::desc("what products are computed in"),
      llvm::cl::init(TrainingPrecision::fp32),
      llvm::cl::values(clEnumValN(TrainingPrecision::fp32, "fp32", "float32"),
                       clEnumValN(TrainingPrecision::tf32, "tf32", "TensorFloat-32"),
                       clEnumValN(TrainingPrecision::bf16, "bf16", "bfloat16"),
                       clEnumValN(TrainingPrecision::fp16, "fp16", "float16"))};
  ListOption<std::string> save{
      *this, "save", llvm::cl::desc("the bytes that an entry is to take less, as ENTRY=BYTES")};
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
        TrainingOptions training{options.optimizer, {}};
        if (options.lossScale != 0)
          training.scaling = LossScaling{options.lossScale, options.growthInterval};
        buildTrainingPipeline(manager, training);
      });
  PassPipelineRegistration<>("gptc-inference",
                             "From the forward stage to the entries that evaluate and sample",
                             buildInferencePipeline);
  PassPipelineRegistration<OptimizePipelineOptions>(
      "gptc-optimize", "From the training stage to the optimized stage",
      [](OpPassManager &manager, const OptimizePipelineOptions &options) {
        buildOptimizePipeline(manager, {options.padMultiple,
                                        options.padGrowth,
                                        options.chunkBytes,
                                        options.precision,
                                        /*fuse=*/true,
                                        {options.save.begin(), options.save.end()}});
      });
  PassPipelineRegistration<PlanPipelineOptions>(
      "gptc-plan", "From the optimized stage to the plan stage",
      [](OpPassManager &manager, const PlanPipelineOptions &options) {
        buildPlanPipeline(manager, {options.noReuse});
      });
}
