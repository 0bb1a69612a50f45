// The compiler behind one function: description, pipelines, kernels, plan.
#include "gptc/Driver/Compile.h"

#include "PassChoice.h"

#include "gptc/Autodiff/Passes.h"
#include "gptc/CodeGen/CpuCompiler.h"
#include "gptc/CodeGen/CudaSource.h"
#include "gptc/CodeGen/Passes.h"
#include "gptc/Dialect/Plan/PlanOps.h"
#include "gptc/Plan/Passes.h"
#include "gptc/Plan/PlanWriter.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/raw_ostream.h"

#include <nlohmann/json.hpp>

#include <numeric>
#include <span>

using namespace mlir;
using namespace gptc;
using runtime::Code;
using runtime::Result;
using runtime::Status;

/// A location's innermost place in a file, as "file:line:column".
static std::string placeOf(Location location) {
  std::string text;
  location->walk([&](Location part) {
    auto line = dyn_cast<FileLineColLoc>(part);
    if (!line)
      return WalkResult::advance();
    text = (line.getFilename().getValue() + ":" + Twine(line.getLine()) + ":" +
            Twine(line.getColumn()))
               .str();
    return WalkResult::interrupt();
  });
  return text;
}

struct Compilation::State {
  explicit State(CompileOptions given)
      : options(std::move(given)), context(MLIRContext::Threading::DISABLED) {
    DialectRegistry registry;
    registry.insert<gpt::GPTDialect, plan::PlanDialect, arith::ArithDialect, math::MathDialect,
                    func::FuncDialect>();
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    if (options.keepRemarks)
      keepRemarks(context, remarks);
    // What passes report is kept for the caller, who decides where it goes.
    handler = context.getDiagEngine().registerHandler([this](mlir::Diagnostic &diagnostic) {
      bool error = diagnostic.getSeverity() == DiagnosticSeverity::Error;
      if (!error && diagnostic.getSeverity() != DiagnosticSeverity::Warning)
        return success();
      std::string &text = error ? errors : warnings;
      std::string place = placeOf(diagnostic.getLocation());
      text += (place.empty() ? options.model : place) + (error ? ": error: " : ": warning: ") +
              diagnostic.str() + "\n";
      return success();
    });
  }
  ~State() { context.getDiagEngine().eraseHandler(handler); }

  Status load();
  Status meetBudget(OptimizeOptions &optimize);
  Status failedPasses() const;
  PlanOptions planOptions() const {
    return {options.noReuse, /*foldRoundings=*/options.target == "cpu", passes.overlay};
  }
  Status advance(Stage target);
  Status failedCodeGeneration();
  Status addImages(PlanMetadata &metadata);
  Result<std::vector<char>> emitCuda(PlanMetadata &metadata);
  Result<std::string> cudaText(const std::string &what, const std::string &kernel);

  CompileOptions options;
  std::vector<KeptRemark> remarks; // outlives the context, which adds to it
  MLIRContext context;
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

Compilation::Compilation(CompileOptions options)
    : state(std::make_unique<State>(std::move(options))) {}
Compilation::~Compilation() = default;

ModuleOp Compilation::module() { return *state->model.module; }
const ModelInfo &Compilation::info() const { return state->model.info; }
const std::string &Compilation::warnings() const { return state->warnings; }
const std::vector<KeptRemark> &Compilation::remarks() const { return state->remarks; }

std::string Compilation::sourceLine(const std::string &file, unsigned line) const {
  auto lineOf = [&](const SourceFile &source) -> std::string {
    bool there = source.path() == file && line >= 1 && line <= source.lineCount();
    return there ? StringRef(source.lineText(line)).trim().str() : "";
  };
  for (const std::unique_ptr<SourceFile> &source : state->model.sources)
    if (std::string text = lineOf(*source); !text.empty())
      return text;
  return lineOf(preludeSource());
}

std::optional<LossScaling> CompileOptions::lossScaling() const {
  if (precision != TrainingPrecision::fp16)
    return std::nullopt;
  LossScaling scaling;
  scaling.initialScale = lossScale.value_or(scaling.initialScale);
  scaling.growthInterval = lossScaleGrowthInterval.value_or(scaling.growthInterval);
  return scaling;
}

/// What precision and target do not allow.
static Status checkPrecision(const CompileOptions &options) {
  if (options.precision == TrainingPrecision::tf32 && options.target == "cpu")
    return {Code::invalidArgument, "--precision tf32: CPUs have no TensorFloat-32; required fp32, "
                                   "bf16 or fp16, or a GPU"};
  const char *flag = options.lossScale                 ? "--loss-scale"
                     : options.lossScaleGrowthInterval ? "--loss-scale-growth-interval"
                                                       : nullptr;
  if (flag && options.precision != TrainingPrecision::fp16)
    return {Code::invalidArgument,
            (Twine(flag) +
             ": only gradients in fp16 are scaled; required --precision fp16, found " +
             nameOf(options.precision))
                .str()};
  return Status::success();
}

Status Compilation::State::load() {
  GPTC_RETURN_IF_ERROR(checkPrecision(options));
  GPTC_ASSIGN(passes, choosePasses(options, context));
  std::string message;
  std::unique_ptr<SourceFile> source = SourceFile::load(options.model, message);
  if (!source)
    return {Code::notFound, message};
  description = source->text();
  gptc::DiagnosticEngine diagnostics;
  model = loadModel(*source, options.load, context, diagnostics);
  if (diagnostics.hasErrors() || !model) {
    // What is wrong with flags alone is a mistake in the call, not in the description.
    bool usage = llvm::all_of(diagnostics.sorted(), [](const gptc::Diagnostic *diagnostic) {
      return diagnostic->severity() == Severity::Warning || !diagnostic->range().isValid();
    });
    return {usage ? Code::invalidArgument : Code::dataError, diagnostics.render()};
  }
  warnings += diagnostics.render();
  for (auto function : llvm::make_early_inc_range(model.module->getOps<func::FuncOp>())) {
    StringRef name = function.getSymName();
    if ((name == "train" && !options.trains) || (name == "evaluate" && !options.evaluates))
      function.erase();
  }
  if (options.trains && !model.info.hasLoss)
    return {Code::failedPrecondition,
            options.model + ": model " + model.info.name + " has no loss to train with"};
  model.sources.push_back(std::move(source));
  loaded = true;
  return Status::success();
}

/// What axes of parameters are padded to. On a GPU: tiles of the tensor cores and the libraries'
/// matmuls are 64 elements or a multiple wide, and one that is cut off costs as much as a whole
/// one. On the CPU: 16 floats are the widest vector and a cache line, in which rows begin anyhow.
static OptimizeOptions optimizeOptions(const CompileOptions &options, bool fuse) {
  if (options.padMultiple)
    return {*options.padMultiple, unlimitedGrowth, options.chunkBytes, options.precision, fuse};
  return {options.target == "cpu" ? 16 : 64, options.padGrowth, options.chunkBytes,
          options.precision, fuse};
}

/// With a memory budget the module at Stage::training says how much has to be saved.
Status Compilation::State::meetBudget(OptimizeOptions &optimize) {
  if (options.noReuse || !passes.overlay)
    return {Code::invalidArgument, "--memory-budget: where no memory is used again (--no-reuse, "
                                   "or without plan-assign-buffers), it cannot be met"};
  if (llvm::is_contained(options.disabledPasses, "gpt-recompute"))
    return {Code::invalidArgument, "--memory-budget: it needs the pass gpt-recompute"};
  Result<Recomputation> found =
      gptc::meetBudget(*model.module, *options.memoryBudget, optimize, planOptions());
  if (!found.ok())
    return found.status().message().empty() ? failedPasses() : found.status();
  recomputation = *found;
  return Status::success();
}

Status Compilation::State::failedPasses() const {
  return {Code::dataError,
          errors.empty() ? options.model + ": error: compilation failed\n" : errors};
}

Status Compilation::State::advance(Stage target) {
  bool recomputes = options.memoryBudget && options.trains;
  if (recomputes && stage < Stage::training && target > Stage::training)
    GPTC_RETURN_IF_ERROR(advance(Stage::training));
  OptimizeOptions optimize = optimizeOptions(options, passes.fuse);
  if (recomputes && stage < Stage::optimized && target >= Stage::optimized)
    GPTC_RETURN_IF_ERROR(meetBudget(optimize));
  PassManager manager(&context);
  if (stage < Stage::forward && target >= Stage::forward)
    buildForwardPipeline(manager);
  if (stage < Stage::training && target >= Stage::training) {
    if (options.trains)
      buildTrainingPipeline(manager, {options.optimizer, options.lossScaling()});
    else
      buildInferencePipeline(manager);
  }
  if (stage < Stage::optimized && target >= Stage::optimized)
    buildOptimizePipeline(manager, optimize);
  if (stage < Stage::plan && target >= Stage::plan)
    buildPlanPipeline(manager, planOptions());
  if (options.instrument)
    options.instrument(manager);
  if (failed(manager.run(*model.module)))
    return failedPasses();
  stage = std::max(stage, target);
  return Status::success();
}

Status Compilation::runTo(Stage stage) {
  if (!state->loaded)
    GPTC_RETURN_IF_ERROR(state->load());
  return state->advance(stage);
}

std::string Compilation::settings() const {
  const ModelInfo &info = state->model.info;
  nlohmann::json settings = {
      {"preset", state->options.load.preset},
      {"set", state->options.load.overrides},
      {"optimizer", state->options.optimizer == Optimizer::sgd ? "sgd" : "adamw"},
      {"precision", nameOf(state->options.precision).str()}};
  if (auto batch = info.freeSize("B"))
    settings["batch_size"] = *batch;
  if (auto length = info.freeSize("T"))
    settings["sequence_length"] = *length;
  nlohmann::json config = nlohmann::json::object();
  for (const ModelInfo::ConfigValue &value : info.config)
    config[value.name] = value.value ? nlohmann::json(*value.value) : nlohmann::json();
  settings["config"] = std::move(config);
  return settings.dump();
}

/// The architecture of a target "cuda:sm_90a", or nothing.
static std::string architectureOf(const std::string &target) {
  return StringRef(target).starts_with("cuda:") ? target.substr(5) : std::string();
}

Status Compilation::State::failedCodeGeneration() {
  return {Code::internal, errors.empty() ? "code generation failed" : errors};
}

/// A serialised plan, which shares `bytes`.
static Result<runtime::Plan> parse(std::vector<char> bytes, const std::string &name) {
  auto owner = std::make_shared<std::vector<char>>(std::move(bytes));
  return runtime::Plan::parse(std::as_bytes(std::span<const char>(*owner)), owner, name);
}

static std::vector<uint32_t> allModules(const CudaSource &source) {
  std::vector<uint32_t> modules(source.modules.size());
  std::iota(modules.begin(), modules.end(), 0);
  return modules;
}

Status Compilation::State::addImages(PlanMetadata &metadata) {
  GPTC_ASSIGN(runtime::Plan plan, parse(serializePlan(*model.module, metadata), options.model));
  // Warnings of the cache wait until no progress is drawn.
  std::string warnings;
  runtime::cuda::CubinCache cache(runtime::cuda::CubinCache::defaultFolder(),
                                  [&](std::string_view text) { warnings += text; });
  metadata.cudaArchitecture = architectureOf(options.target);
  GPTC_ASSIGN(
      std::vector<runtime::cuda::CompiledModule> compiled,
      runtime::cuda::compileModules(
          metadata.cuda->header, runtime::cuda::moduleSources(plan, allModules(*metadata.cuda), ""),
          {.architecture = metadata.cudaArchitecture, .cache = &cache, .note = options.note}));
  if (!warnings.empty() && options.note)
    options.note(warnings);
  for (const runtime::cuda::CompiledModule &module : compiled) {
    metadata.cudaImages.emplace_back(module.cubin.begin(), module.cubin.end());
    for (const runtime::cuda::KernelResources &kernel : module.resources())
      resources.push_back(kernel);
  }
  return Status::success();
}

Result<std::vector<char>> Compilation::State::emitCuda(PlanMetadata &metadata) {
  FailureOr<CudaSource> source = emitCudaSource(*model.module);
  if (failed(source))
    return failedCodeGeneration();
  metadata.target = "cuda";
  metadata.cuda = std::move(*source);
  if (!architectureOf(options.target).empty())
    GPTC_RETURN_IF_ERROR(addImages(metadata));
  return serializePlan(*model.module, metadata);
}

Result<std::vector<char>> Compilation::emitPlan() {
  PlanMetadata metadata;
  metadata.model = state->model.info.name;
  metadata.description = state->description;
  metadata.settings = settings();
  if (state->options.target != "cpu")
    return state->emitCuda(metadata);
  FailureOr<CompiledKernels> kernels = compileKernels(module(), CpuTarget::host());
  if (failed(kernels))
    return state->failedCodeGeneration();
  metadata.cpuFeatures = std::move(kernels->requiredFeatures);
  metadata.object = std::move(kernels->object);
  metadata.matmulTile = kernels->matmulTile;
  return serializePlan(module(), metadata);
}

Result<runtime::Plan> Compilation::makePlan() {
  GPTC_ASSIGN(std::vector<char> bytes, emitPlan());
  return parse(std::move(bytes), state->options.model);
}

const std::optional<Recomputation> &Compilation::recomputation() const {
  return state->recomputation;
}

const std::vector<runtime::cuda::KernelResources> &Compilation::resources() const {
  return state->resources;
}

/// The modules that hold a kernel; all if `kernel` is empty.
static std::vector<uint32_t> modulesOf(const CudaSource &source, const std::string &kernel) {
  llvm::SetVector<uint32_t> modules;
  auto consider = [&](const auto &own) {
    if (kernel.empty() || own.symbol == kernel)
      modules.insert(own.module);
  };
  llvm::for_each(source.kernels, consider);
  llvm::for_each(source.matmuls, consider);
  llvm::for_each(source.epilogues, consider);
  if (source.argsort)
    consider(*source.argsort);
  return {modules.begin(), modules.end()};
}

Result<std::string> Compilation::State::cudaText(const std::string &what,
                                                 const std::string &kernel) {
  FailureOr<CudaSource> source = emitCudaSource(*model.module);
  if (failed(source))
    return failedCodeGeneration();
  if (what == "header")
    return source->header;
  std::vector<uint32_t> modules = modulesOf(*source, kernel);
  if (modules.empty())
    return Status(Code::invalidArgument, "--kernel " + kernel + ": there is none");
  std::string text;
  if (what == "cuda") {
    for (const CudaKernelSource &own : source->kernels)
      if (own.symbol == kernel)
        return own.source;
    for (uint32_t module : modules)
      text += source->modules[module] + "\n";
    return text;
  }
  std::string architecture = architectureOf(options.target);
  if (architecture.empty())
    return Status(Code::invalidArgument,
                  "--as ptx: required an architecture, as --target cuda:sm_90a");
  PlanMetadata metadata;
  metadata.model = model.info.name;
  metadata.settings = "{}";
  metadata.target = "cuda";
  metadata.cuda = *source;
  GPTC_ASSIGN(runtime::Plan plan, parse(serializePlan(*model.module, metadata), options.model));
  for (const runtime::cuda::ModuleSource &module :
       runtime::cuda::moduleSources(plan, modules, "")) {
    GPTC_ASSIGN(std::string ptx, runtime::cuda::compileToPtx(source->header, module, architecture));
    text += ptx;
  }
  return text;
}

Result<std::string> Compilation::emitSource(const std::string &what, const std::string &kernel) {
  if (what == "cuda" || what == "header" || what == "ptx")
    return state->cudaText(what, kernel);
  std::string names;
  bool found = kernel.empty();
  for (auto op : module().getOps<plan::KernelOp>()) {
    names += (names.empty() ? "" : ", ") + op.getSymName().str();
    found |= op.getSymName() == kernel;
  }
  if (!found)
    return Status(Code::invalidArgument,
                  "--kernel " + kernel + ": there is none; there are " + names);
  CpuCompileOptions options;
  if (!kernel.empty())
    options.kernels = {kernel};
  options.keepLoops = what == "loops";
  options.keepLlvm = what == "llvm";
  options.keepAssembly = what == "assembly";
  FailureOr<CompiledKernels> kernels = compileKernels(module(), CpuTarget::host(), options);
  if (failed(kernels))
    return state->failedCodeGeneration();
  std::string text;
  for (const KernelText &part : kernels->texts)
    text += options.keepLoops ? part.loops : options.keepLlvm ? part.llvm : part.assembly;
  return text;
}
