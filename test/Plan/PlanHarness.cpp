// Graphs as plans against the interpreter.
#include "PlanHarness.h"

#include "PlanRun.h"
#include "Tolerance.h"
#include "gptc/Dialect/GPT/GPTOps.h"
#include "gptc/Dialect/Plan/PlanOps.h"
#include "gptc/Transforms/Passes.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <fmt/format.h>

using namespace gptc;
using namespace gptc::test;
using reference::Environment;
using reference::Precision;
using reference::Tensor;

static mlir::MLIRContext &getContext() {
  static mlir::MLIRContext *context = [] {
    mlir::DialectRegistry registry;
    registry.insert<gpt::GPTDialect, plan::PlanDialect, mlir::func::FuncDialect>();
    auto *made = new mlir::MLIRContext(registry, mlir::MLIRContext::Threading::DISABLED);
    made->loadAllAvailableDialects();
    return made;
  }();
  return *context;
}

static std::string interpret(mlir::ModuleOp module, const RandomGraph &graph, Precision precision,
                             Environment &environment) {
  auto results = reference::evaluate(module, graph.entry, environment,
                                     {.precision = precision, .fallback = {}});
  return results ? "" : llvm::toString(results.takeError());
}

/// The largest difference of two variables, in units of what rounding explains; above 1, or not a
/// number, it is an error.
static double compare(const Tensor &value, const Tensor &exact, const Tensor &single,
                      const Tensor &perturbed) {
  if (!exact.isReal())
    return value.integers() == exact.integers() ? 0 : INFINITY;
  double difference = 0;
  // Where float16 overflows, by the interpreter's opinion, there is nothing to compare.
  if (!llvm::all_of(single.reals(), [](double element) { return std::isfinite(element); }))
    return 0;
  for (int64_t i = 0; i < exact.getNumElements(); ++i) {
    if (!std::isfinite(value.reals()[i]))
      return INFINITY;
    difference = std::max(difference, std::fabs(value.reals()[i] - exact.reals()[i]));
  }
  return difference / allowedDifference(exact, single, perturbed);
}

/// The logical values of a variable among the words of its memory; says in `error` if padding is
/// not 0.
static Tensor unpack(const RandomVariable &variable, const runtime::TensorInfo &info,
                     std::vector<uint32_t> words, std::string &error) {
  std::vector<int32_t> values;
  std::vector<int64_t> index(variable.shape.size(), 0);
  for (int64_t count = reference::countElements(variable.shape); count > 0; --count) {
    int64_t at = 0;
    for (size_t axis = 0; axis < index.size(); ++axis)
      at += index[axis] * info.strides[axis];
    values.push_back(std::exchange(words[at], 0));
    for (size_t axis = index.size(); axis-- > 0;) {
      if (++index[axis] < variable.shape[axis])
        break;
      index[axis] = 0;
    }
  }
  // A zero of either sign: −1 · 0 is −0.
  uint32_t sign = variable.isInteger() ? 0 : 0x80000000;
  if (std::any_of(words.begin(), words.end(), [&](uint32_t word) { return (word & ~sign) != 0; }))
    error += "padding of " + variable.name + " is not 0\n";
  if (variable.isInteger())
    return Tensor(variable.shape, values);
  std::vector<double> reals;
  for (int32_t word : values)
    reals.push_back(std::bit_cast<float>(word));
  return Tensor(variable.shape, reals);
}

/// The operations with the roundings of a precision, which the interpreter does in float32.
static mlir::OwningOpRef<mlir::ModuleOp> round(mlir::ModuleOp module, TrainingPrecision precision) {
  mlir::OwningOpRef<mlir::ModuleOp> rounded = module.clone();
  mlir::PassManager manager(module.getContext());
  AssignPrecisionPassOptions options;
  options.precision = precision;
  manager.addPass(createAssignPrecisionPass(options));
  return succeeded(manager.run(*rounded)) ? std::move(rounded) : nullptr;
}

static std::string checkValues(mlir::ModuleOp module, const RandomGraph &graph,
                               const runtime::Plan &plan, const Outcome &outcome) {
  Environment exact = firstValues(graph), single = firstValues(graph),
              perturbed = firstValues(graph, 0x1p-23);
  std::string error = interpret(module, graph, Precision::float64, exact);
  mlir::OwningOpRef<mlir::ModuleOp> rounded = round(module, graph.precision);
  error += rounded ? interpret(*rounded, graph, Precision::float32, single)
                   : "it cannot be given its precision";
  error += interpret(module, graph, Precision::float64, perturbed);
  if (!error.empty())
    return "interpreter: " + error;
  for (size_t i = 0; i < graph.variables.size(); ++i) {
    const RandomVariable &variable = graph.variables[i];
    const runtime::TensorInfo *info = plan.findTensor(variable.name);
    if (!info || outcome.variables[i].empty())
      continue;
    Tensor value = unpack(variable, *info, outcome.variables[i], error);
    double excess =
        compare(value, exact[variable.name], single[variable.name], perturbed[variable.name]);
    if (!(excess <= 1))
      error += fmt::format("{} differs by {:.3g} times the tolerance\n", variable.name, excess);
  }
  return error;
}

/// The same operations once they are gathered into kernels, interpreted: where this fails, plans
/// are not to blame.
static std::string checkOptimized(mlir::ModuleOp module, const RandomGraph &graph) {
  mlir::OwningOpRef<mlir::ModuleOp> optimized = module.clone();
  mlir::PassManager manager(module.getContext());
  buildOptimizePipeline(manager, optimizeOptionsOf(graph));
  if (failed(manager.run(*optimized)))
    return "it cannot be optimized\n";
  Environment before = firstValues(graph), after = firstValues(graph);
  std::string error = interpret(module, graph, Precision::float64, before);
  error += interpret(*optimized, graph, Precision::float64, after);
  for (const RandomVariable &variable : graph.variables)
    if (Tensor &value = before[variable.name]; error.empty() && value.isReal())
      for (int64_t i = 0; i < value.getNumElements(); ++i)
        if (!(std::fabs(value.reals()[i] - after[variable.name].reals()[i]) < 1e-6)) {
          error += variable.name + " differs after optimization already\n";
          break;
        }
  return error;
}

/// With CUDA graphs (captured, then replayed on dirty memory), kernel by kernel, and with memory
/// not shared, all bits must be the same. What the graphs give is in `outcomes`.
static void runOnCuda(const Plans &plans, const std::vector<RandomGraph> &graphs,
                      std::vector<Outcome> &outcomes, std::vector<std::string> &errors) {
  auto graph = run(plans.shared, graphs, {.device = "cuda"}, 2),
       launches = run(plans.shared, graphs, {.device = "cuda", .graphs = false}, 1),
       separate = run(plans.separate, graphs, {.device = "cuda"}, 1);
  outcomes = graph[0];
  for (size_t i = 0; i < graphs.size(); ++i) {
    if (graph[1][i] != graph[0][i])
      errors[i] += "on CUDA another run in the same session gives other bits\n";
    if (launches[0][i] != graph[0][i])
      errors[i] += "on CUDA there are other bits without graphs\n";
    if (separate[0][i] != graph[0][i])
      errors[i] += "on CUDA there are other bits without reuse of memory\n";
  }
}

std::vector<std::string> gptc::test::checkGraphs(const std::vector<RandomGraph> &graphs) {
  std::vector<std::string> errors(graphs.size());
  std::string text, diagnostics;
  for (const RandomGraph &graph : graphs)
    text += graph.text();
  mlir::ScopedDiagnosticHandler handler(&getContext(), [&](mlir::Diagnostic &diagnostic) {
    diagnostics += diagnostic.str() + "\n";
    return mlir::success();
  });
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &getContext());
  DevicePlans all;
  if (module)
    all = compile(*module, graphs.front());
  const Plans &plans = all.cpu;
  auto plan = runtime::Plan::parse(std::as_bytes(std::span<const char>(plans.shared)), nullptr,
                                   "random.plan");
  if (plans.shared.empty() || !plan.ok()) {
    // Which of them is to blame is found one by one.
    std::string reason = !module                ? "parser: " + diagnostics
                         : plans.shared.empty() ? "compiler: " + diagnostics
                                                : "runtime: " + plan.status().message() + "\n";
    for (size_t i = 0; i < graphs.size(); ++i)
      errors[i] = graphs.size() > 1 ? checkGraph(graphs[i]) : reason;
    return errors;
  }
  runtime::DeviceOptions one{.device = "cpu", .threads = 1}, two{.device = "cpu", .threads = 2};
  auto twice = run(plans.shared, graphs, two, 2), separate = run(plans.separate, graphs, two, 1);
  auto alone = run(plans.shared, graphs, one, 1);
  std::vector<Outcome> onCuda;
  if (testsCuda())
    runOnCuda(all.cuda, graphs, onCuda, errors);
  for (size_t i = 0; i < graphs.size(); ++i) {
    const Outcome &outcome = twice[0][i];
    if (!outcome.error.empty()) {
      errors[i] = outcome.error;
      continue;
    }
    if (testsCuda() && !onCuda[i].error.empty()) {
      errors[i] = "on CUDA: " + onCuda[i].error;
      continue;
    }
    errors[i] += checkValues(*module, graphs[i], *plan, outcome);
    if (testsCuda())
      if (std::string wrong = checkValues(*module, graphs[i], *plan, onCuda[i]); !wrong.empty())
        errors[i] += "on CUDA:\n" + wrong;
    if (twice[1][i] != outcome)
      errors[i] += "another run in the same session gives other bits\n";
    if (separate[0][i] != outcome)
      errors[i] += "without reuse of memory there are other bits\n";
    if (!graphs[i].holds("gpt.matmul") && alone[0][i] != outcome)
      errors[i] += "with one thread there are other bits\n";
    if (!errors[i].empty())
      errors[i] += checkOptimized(*module, graphs[i]);
  }
  return errors;
}

int gptc::test::countPadded(const RandomGraph &graph) {
  auto module = mlir::parseSourceString<mlir::ModuleOp>(graph.text(), &getContext());
  mlir::PassManager manager(&getContext());
  buildOptimizePipeline(manager, optimizeOptionsOf(graph));
  if (!module || failed(manager.run(*module)))
    return -1;
  return llvm::count_if(module->getOps<gpt::VariableOp>(),
                        [](gpt::VariableOp variable) { return variable->hasAttr("padded"); });
}

std::string gptc::test::checkGraph(const RandomGraph &graph) {
  return checkGraphs({graph}).front();
}

RandomGraph gptc::test::shrink(RandomGraph graph) {
  bool smaller = true;
  while (smaller) {
    smaller = false;
    for (size_t i = graph.statements.size(); i-- > 0;) {
      const std::vector<std::string> &makes = graph.statements[i].makes;
      bool used = std::any_of(
          graph.statements.begin() + i, graph.statements.end(), [&](const Statement &later) {
            return std::find_first_of(later.uses.begin(), later.uses.end(), makes.begin(),
                                      makes.end()) != later.uses.end();
          });
      RandomGraph candidate = graph;
      candidate.statements.erase(candidate.statements.begin() + i);
      if (used || checkGraph(candidate).empty())
        continue;
      graph = std::move(candidate);
      smaller = true;
    }
  }
  // Variables that nothing names any more.
  std::erase_if(graph.variables, [&](const RandomVariable &variable) {
    return !graph.holds("@" + variable.name + " ") && !graph.holds("@" + variable.name + ",");
  });
  return graph;
}
