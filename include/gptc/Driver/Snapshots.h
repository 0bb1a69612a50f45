// The module behind each pass of a compilation.
#ifndef GPTC_DRIVER_SNAPSHOTS_H
#define GPTC_DRIVER_SNAPSHOTS_H

#include "gptc/Driver/Compile.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace gptc {

/// The module that a pass left.
struct Snapshot {
  /// The pass's argument name; with its stage, as "cse (optimized)", where it ran before. "" for
  /// the description's graph.
  std::string pass;
  mlir::OwningOpRef<mlir::ModuleOp> module; ///< null if the pass changed nothing
  bool changed = true;
};

/// Whether a module is in the plan dialect.
bool isPlan(mlir::ModuleOp module);

/// Watches a compilation and keeps snapshots. Passes on functions count as one when all functions
/// are done.
class Recorder {
public:
  /// Runs a compilation, whose `instrument` calls watch(), up to the plan; keeps its graph and what
  /// each pass left, also if one fails.
  runtime::Status run(Compilation &compilation);

  /// Makes `manager` tell of its passes.
  void watch(mlir::PassManager &manager);

  /// Called behind each pass, before the snapshot is taken; may be empty.
  std::function<void(llvm::StringRef pass, mlir::Operation *module)> afterPass;
  std::vector<Snapshot> snapshots;

  /// A pass has run on a module.
  void record(llvm::StringRef pass, mlir::ModuleOp module);

private:
  std::string stage, lastText;
};

} // namespace gptc

#endif // GPTC_DRIVER_SNAPSHOTS_H
