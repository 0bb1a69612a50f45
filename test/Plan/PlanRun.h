// Plans of random graphs: compiled, and run on devices.
#ifndef GPTC_TEST_PLAN_PLANRUN_H
#define GPTC_TEST_PLAN_PLANRUN_H

#include "RandomGraph.h"
#include "gptc/Pipelines/Pipelines.h"
#include "gptc/Reference/Interpreter.h"
#include "runtime/device/Device.h"

#include "mlir/IR/BuiltinOps.h"

namespace gptc::test {

/// The bits of all variables of a graph after a run, padding included.
struct Outcome {
  std::vector<std::vector<uint32_t>> variables;
  std::string error;
  bool operator==(const Outcome &) const = default;
};

/// Plans with memory shared and not shared, of one module.
struct Plans {
  std::vector<char> shared, separate;
};

/// The plans of one module for each device; those for a GPU only if it is tested.
struct DevicePlans {
  Plans cpu, cuda;
};

/// Whether GPTC_TEST_DEVICE=cuda is in the environment.
bool testsCuda();

/// The values that variables start with. Near copies of them (`perturbation` relative) show how
/// much rounding matters.
reference::Environment firstValues(const RandomGraph &graph, double perturbation = 0);

/// How graphs like this one are compiled.
OptimizeOptions optimizeOptionsOf(const RandomGraph &graph);

/// The plans of a module that holds graphs like `graph`. Fails with an empty plan for the CPU;
/// diagnostics say why.
DevicePlans compile(mlir::ModuleOp module, const RandomGraph &graph);

/// Runs every graph `times` times in one session.
std::vector<std::vector<Outcome>> run(const std::vector<char> &plan,
                                      const std::vector<RandomGraph> &graphs,
                                      const runtime::DeviceOptions &device, int times);

} // namespace gptc::test

#endif // GPTC_TEST_PLAN_PLANRUN_H
