// Graphs as plans against the interpreter.
#include "PlanHarness.h"

#include "Tolerance.h"
#include "gptc/CodeGen/CpuCompiler.h"
#include "gptc/CodeGen/CudaSource.h"
#include "gptc/Dialect/GPT/GPTOps.h"
#include "gptc/Dialect/Plan/PlanOps.h"
#include "gptc/Pipelines/Pipelines.h"
#include "gptc/Plan/PlanWriter.h"
#include "gptc/Reference/Interpreter.h"
#include "gptc/Transforms/Passes.h"
#include "runtime/execute/Session.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <fmt/format.h>
#include <functional>
#include <random>

using namespace gptc;
using namespace gptc::test;
using reference::Environment;
using reference::Precision;
using reference::Tensor;

namespace {
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
} // namespace

static bool testsCuda() {
  const char *device = std::getenv("GPTC_TEST_DEVICE");
  return device && std::string_view(device) == "cuda";
}

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

/// The values that variables start with. Near copies of them (`perturbation` relative) show how
/// much rounding matters.
static Environment firstValues(const RandomGraph &graph, double perturbation = 0) {
  Environment environment;
  std::mt19937 random(graph.variables.size()), other(1);
  for (const RandomVariable &variable : graph.variables) {
    int64_t count = reference::countElements(variable.shape);
    if (variable.isInteger()) {
      std::vector<int32_t> values(count);
      for (int32_t &value : values)
        value = std::uniform_int_distribution<int32_t>(variable.lowest, variable.limit - 1)(random);
      values.back() = variable.limit - 1;
      environment[variable.name] = Tensor(variable.shape, std::move(values));
      continue;
    }
    std::vector<double> values(count);
    std::uniform_real_distribution<double> uniform(-1, 1);
    for (double &value : values)
      value = static_cast<float>(uniform(random)) * (1 + perturbation * uniform(other));
    environment[variable.name] = Tensor(variable.shape, std::move(values));
  }
  return environment;
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

static bool lower(mlir::ModuleOp module, bool noReuse, TrainingPrecision precision) {
  mlir::PassManager manager(module.getContext());
  buildOptimizePipeline(manager, {.precision = precision});
  buildPlanPipeline(manager, {noReuse});
  return succeeded(manager.run(module));
}

/// The plan as a file for the CPU, and for the emulator where that is tested; empty on failure.
static std::pair<std::vector<char>, std::vector<char>> finish(mlir::ModuleOp plan) {
  llvm::FailureOr<CompiledKernels> kernels = compileKernels(plan, CpuTarget::host());
  if (failed(kernels))
    return {};
  PlanMetadata metadata;
  metadata.model = "random";
  metadata.settings = "{}";
  PlanMetadata cuda = metadata;
  metadata.cpuFeatures = kernels->requiredFeatures;
  metadata.object = std::move(kernels->object);
  metadata.matmulTile = kernels->matmulTile;
  std::pair<std::vector<char>, std::vector<char>> texts;
  if (testsCuda()) {
    llvm::FailureOr<CudaSource> source = emitCudaSource(plan);
    if (failed(source))
      return {};
    cuda.target = "cuda";
    cuda.cuda = std::move(*source);
    texts.second = serializePlan(plan, cuda);
  }
  texts.first = serializePlan(plan, metadata);
  return texts;
}

/// Fails with an empty plan for the CPU; diagnostics say why.
static DevicePlans compile(mlir::ModuleOp module, TrainingPrecision precision) {
  mlir::OwningOpRef<mlir::ModuleOp> shared = module.clone(), separate = module.clone();
  if (!lower(*shared, false, precision) || !lower(*separate, true, precision))
    return {};
  auto [cpu, cuda] = finish(*shared);
  auto [separateCpu, separateCuda] = finish(*separate);
  if (cpu.empty() || separateCpu.empty())
    return {};
  return {{cpu, separateCpu}, {cuda, separateCuda}};
}

static Outcome run(runtime::Session &session, const RandomGraph &graph) {
  Environment values = firstValues(graph);
  auto fails = [](const runtime::Status &status) {
    return Outcome{{}, "runtime: " + status.message()};
  };
  for (const RandomVariable &variable : graph.variables) {
    const runtime::TensorInfo *tensor = session.plan().findTensor(variable.name);
    if (!tensor || !session.holds(*tensor))
      continue;
    const Tensor &value = values[variable.name];
    runtime::Status status;
    if (variable.isInteger()) {
      status = session.write(*tensor, std::span(value.integers().data(), value.integers().size()));
    } else {
      std::vector<float> reals(value.reals().begin(), value.reals().end());
      status = session.write(*tensor, std::span<const float>(reals));
    }
    if (!status.ok())
      return fails(status);
  }
  if (runtime::Status status = session.run(graph.entry); !status.ok())
    return fails(status);
  Outcome outcome;
  for (const RandomVariable &variable : graph.variables) {
    const runtime::TensorInfo *tensor = session.plan().findTensor(variable.name);
    outcome.variables.emplace_back();
    if (!tensor || !session.holds(*tensor))
      continue;
    // All of the tensor's memory, as if it had one axis.
    runtime::TensorInfo raw = *tensor;
    raw.shape = {static_cast<int64_t>(tensor->bytes / 4)};
    raw.strides = {1};
    raw.type = runtime::DataType::int32;
    std::vector<int32_t> words(tensor->bytes / 4);
    if (runtime::Status status = session.read(raw, std::span(words)); !status.ok())
      return fails(status);
    outcome.variables.back().assign(words.begin(), words.end());
  }
  return outcome;
}

/// Runs every graph `times` times in one session.
static std::vector<std::vector<Outcome>> run(const std::vector<char> &bytes,
                                             const std::vector<RandomGraph> &graphs,
                                             const runtime::DeviceOptions &device, int times) {
  std::vector<std::vector<Outcome>> outcomes(times, std::vector<Outcome>(graphs.size()));
  auto failAll = [&](const runtime::Status &status) {
    for (Outcome &outcome : outcomes.front())
      outcome.error = "runtime: " + status.message();
    return outcomes;
  };
  auto owner = std::make_shared<std::vector<char>>(bytes);
  auto plan =
      runtime::Plan::parse(std::as_bytes(std::span<const char>(*owner)), owner, "random.plan");
  if (!plan.ok())
    return failAll(plan.status());
  std::vector<std::string> entries;
  for (const RandomGraph &graph : graphs)
    entries.push_back(graph.entry);
  auto session = runtime::Session::create(*plan, entries, {.device = device});
  if (!session.ok())
    return failAll(session.status());
  for (std::vector<Outcome> &round : outcomes)
    for (size_t i = 0; i < graphs.size(); ++i)
      round[i] = run(*session, graphs[i]);
  return outcomes;
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
  buildOptimizePipeline(manager, {.precision = graph.precision});
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
    all = compile(*module, graphs.front().precision);
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
