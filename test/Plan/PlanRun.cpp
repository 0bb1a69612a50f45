// Plans of random graphs, from the pipelines to the runtime.
#include "PlanRun.h"

#include "gptc/CodeGen/CpuCompiler.h"
#include "gptc/CodeGen/CudaSource.h"
#include "gptc/Plan/PlanWriter.h"
#include "runtime/execute/Session.h"

#include <cstdlib>
#include <random>
#include <string_view>

using namespace gptc;
using namespace gptc::test;
using reference::Environment;
using reference::Tensor;

bool gptc::test::testsCuda() {
  const char *device = std::getenv("GPTC_TEST_DEVICE");
  return device && std::string_view(device) == "cuda";
}

Environment gptc::test::firstValues(const RandomGraph &graph, double perturbation) {
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

OptimizeOptions gptc::test::optimizeOptionsOf(const RandomGraph &graph) {
  OptimizeOptions options;
  options.padMultiple = graph.padMultiple;
  options.padGrowth = unlimitedGrowth;
  options.precision = graph.precision;
  return options;
}

static bool lower(mlir::ModuleOp module, bool noReuse, const OptimizeOptions &options) {
  mlir::PassManager manager(module.getContext());
  buildOptimizePipeline(manager, options);
  // A GPU's products read what is stored.
  buildPlanPipeline(manager,
                    {.noReuse = noReuse, .foldRoundings = !testsCuda(), .leastGenerated = 0});
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

DevicePlans gptc::test::compile(mlir::ModuleOp module, const RandomGraph &graph) {
  OptimizeOptions options = optimizeOptionsOf(graph);
  mlir::OwningOpRef<mlir::ModuleOp> shared = module.clone(), separate = module.clone();
  if (!lower(*shared, false, options) || !lower(*separate, true, options))
    return {};
  auto [cpu, cuda] = finish(*shared);
  auto [separateCpu, separateCuda] = finish(*separate);
  if (cpu.empty() || separateCpu.empty())
    return {};
  return {{cpu, separateCpu}, {cuda, separateCuda}};
}

static Outcome runOnce(runtime::Session &session, const RandomGraph &graph) {
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

std::vector<std::vector<Outcome>> gptc::test::run(const std::vector<char> &bytes,
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
      round[i] = runOnce(*session, graphs[i]);
  return outcomes;
}
