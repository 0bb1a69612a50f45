// The named pipelines: each takes a module from one stage to the next.
//
//   graph ──forward──▶ forward ──training──▶ training ──optimize──▶ optimized ──plan──▶ plan
#ifndef GPTC_PIPELINES_PIPELINES_H
#define GPTC_PIPELINES_PIPELINES_H

#include "gptc/Transforms/Passes.h"

#include "mlir/Pass/PassManager.h"

#include <optional>
#include <string>
#include <vector>

namespace gptc {

struct TrainingOptions {
  Optimizer optimizer = Optimizer::adamw;
  /// Dynamic loss scaling, or none.
  std::optional<LossScaling> scaling;
};

/// For OptimizeOptions: pad whatever it adds.
inline constexpr int64_t unlimitedGrowth = 1'000'000;

struct OptimizeOptions {
  /// Axes of parameters are padded to a multiple of this where that adds at most `padGrowth`
  /// percent; 1 pads nothing.
  int64_t padMultiple = 1;
  int64_t padGrowth = 2;
  /// The largest product, in bytes, that is kept whole where it could be computed by pieces of
  /// rows; 0 keeps all.
  uint64_t chunkBytes = 0;
  TrainingPrecision precision = TrainingPrecision::fp32;
  /// Whether kernels hold more than one operation.
  bool fuse = true;
  /// The bytes that entries are to take less, by computing values again: "ENTRY=BYTES" of each.
  std::vector<std::string> save = {};
};

struct PlanOptions {
  /// Every buffer gets memory of its own, and nothing is computed in place of a dead value.
  bool noReuse = false;
  /// Products round variables while they read them (plan-fold-roundings): for CPUs.
  bool foldRoundings = false;
  /// Buffers that never live at the same time share memory.
  bool overlay = true;
  /// Functions of the plan may compute float32 products (plan-generate-matmuls): for CPUs.
  bool generateMatmuls = true;
  /// Multiplications from which on a float32 product is generated for the CPU; if not set,
  /// plan-generate-matmuls decides.
  std::optional<int64_t> leastGenerated;
};

/// graph → forward: copies of blocks are expanded, attention is written out.
void buildForwardPipeline(mlir::OpPassManager &manager);

/// forward → training: gradients, optimizer, all entries. `@train` must be there.
void buildTrainingPipeline(mlir::OpPassManager &manager, const TrainingOptions &options);

/// forward → training for a module that only evaluates or samples.
void buildInferencePipeline(mlir::OpPassManager &manager);

/// training → optimized: products get their precision, named operations are decomposed, parameters
/// padded, operations gathered into kernels.
void buildOptimizePipeline(mlir::OpPassManager &manager, const OptimizeOptions &options = {});

/// The parts of buildOptimizePipeline(): what changes the graph; what computes values again, and
/// does nothing where nothing is to be saved; what makes kernels.
void buildGraphPipeline(mlir::OpPassManager &manager, const OptimizeOptions &options);
void buildRecomputePipeline(mlir::OpPassManager &manager, const OptimizeOptions &options);
void buildKernelPipeline(mlir::OpPassManager &manager, const OptimizeOptions &options);

/// optimized → plan: places, commands, buffers.
void buildPlanPipeline(mlir::OpPassManager &manager, const PlanOptions &options);

/// Makes the pipelines known by name: gptc-forward, gptc-training, gptc-inference, gptc-optimize,
/// gptc-plan.
void registerPipelines();

} // namespace gptc

#endif // GPTC_PIPELINES_PIPELINES_H
