// From a module at Stage::plan to a plan file, or to the text of its kernels.
#include "CompilationState.h"

#include "gptc/CodeGen/CpuCompiler.h"
#include "gptc/CodeGen/CudaSource.h"
#include "gptc/Dialect/Plan/PlanOps.h"

#include "llvm/ADT/SetVector.h"

#include <numeric>
#include <span>

using namespace mlir;
using namespace gptc;
using runtime::Code;
using runtime::Result;
using runtime::Status;

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
