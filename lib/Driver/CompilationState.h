// A compilation's module and what goes with it.
#ifndef GPTC_LIB_DRIVER_COMPILATIONSTATE_H
#define GPTC_LIB_DRIVER_COMPILATIONSTATE_H

#include "PassChoice.h"

#include "gptc/Driver/Compile.h"
#include "gptc/Plan/PlanWriter.h"

#include "mlir/IR/Diagnostics.h"

namespace gptc {

struct Compilation::State {
  explicit State(CompileOptions given);
  ~State();

  // Compile.cpp: from stage to stage
  runtime::Status load();
  runtime::Status meetBudget(OptimizeOptions &optimize);
  runtime::Status failedPasses() const;
  runtime::Status advance(Stage target);

  // EmitPlan.cpp: from Stage::plan to files
  runtime::Status failedCodeGeneration();
  runtime::Status addImages(PlanMetadata &metadata);
  runtime::Result<std::vector<char>> emitCuda(PlanMetadata &metadata);
  runtime::Result<std::string> cudaText(const std::string &what, const std::string &kernel);

  CompileOptions options;
  std::vector<KeptRemark> remarks; // outlives the context, which adds to it
  mlir::MLIRContext context;
  mlir::DiagnosticEngine::HandlerID handler;
  LoadedModel model;
  std::string description;
  std::string errors, warnings;
  std::vector<runtime::cuda::KernelResources> resources;
  Stage stage = Stage::graph;
  std::optional<Recomputation> recomputation;
  bool loaded = false;
  PassChoice passes;
};

} // namespace gptc

#endif // GPTC_LIB_DRIVER_COMPILATIONSTATE_H
