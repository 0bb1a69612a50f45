// The compiler behind one function: description, pipelines, stage by stage.
#include "CompilationState.h"

#include "gptc/Dialect/Plan/PlanOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"

#include <nlohmann/json.hpp>

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

Compilation::State::State(CompileOptions given)
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

Compilation::State::~State() { context.getDiagEngine().eraseHandler(handler); }

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

/// With a memory budget the module at Stage::training says how much has to be saved.
Status Compilation::State::meetBudget(OptimizeOptions &optimize) {
  if (options.noReuse || !passes.overlay)
    return {Code::invalidArgument, "--memory-budget: where no memory is used again (--no-reuse, "
                                   "or without plan-assign-buffers), it cannot be met"};
  if (llvm::is_contained(options.disabledPasses, "gpt-recompute"))
    return {Code::invalidArgument, "--memory-budget: it needs the pass gpt-recompute"};
  Result<Recomputation> found = gptc::meetBudget(*model.module, *options.memoryBudget, optimize,
                                                 planOptionsOf(options, passes), options.target);
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
  OptimizeOptions optimize = optimizeOptionsOf(options, passes);
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
    buildPlanPipeline(manager, planOptionsOf(options, passes));
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

const std::optional<Recomputation> &Compilation::recomputation() const {
  return state->recomputation;
}
