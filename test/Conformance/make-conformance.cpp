// Makes the files of the conformance suite, which every device runs:
//
//   make-conformance FOLDER [--architecture sm_90a] [--only TEXT]
//
// writes conformance.cpu.plan, conformance.cuda.plan and conformance.safetensors, for
// `gptc-run conformance`. With an architecture, the kernels for GPUs are compiled now as well; with
// a text, only cases with it in their names are made.
#include "CaseText.h"
#include "ConformanceFile.h"
#include "Expectation.h"

#include "gptc/CodeGen/CpuCompiler.h"
#include "gptc/CodeGen/CudaSource.h"
#include "gptc/Dialect/GPT/GPTOps.h"
#include "gptc/Dialect/Plan/PlanOps.h"
#include "gptc/Pipelines/Pipelines.h"
#include "gptc/Plan/PlanWriter.h"
#include "gptc/Transforms/Passes.h"
#include "runtime/base/File.h"
#include "runtime/device/cuda/ModuleCompiler.h"

#include "mlir/Parser/Parser.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"

#include <fmt/format.h>

using namespace mlir;
using namespace gptc;
using namespace gptc::test;

static llvm::cl::opt<std::string> folderOption(llvm::cl::Positional, llvm::cl::Required,
                                               llvm::cl::desc("FOLDER"));
static llvm::cl::opt<std::string>
    architectureOption("architecture", llvm::cl::desc("compile for this GPU: sm_90a"));
static llvm::cl::opt<std::string> onlyOption("only",
                                             llvm::cl::desc("cases with this in their names"));

namespace {
class Suite {
public:
  Suite(std::string folder, std::string architecture)
      : folder(std::move(folder)), architecture(std::move(architecture)),
        context(makeRegistry(), MLIRContext::Threading::DISABLED) {
    context.loadAllAvailableDialects();
    module = ModuleOp::create(UnknownLoc::get(&context));
  }

  /// Evaluates the case's entries and appends them to the module.
  std::string add(const ConformanceModel &model) {
    auto own = parseSourceString<ModuleOp>(model.text, &context);
    if (!own)
      return model.name + " does not parse:\n" + model.text;
    if (model.trains && !run(*own, [](PassManager &manager) {
          buildForwardPipeline(manager);
          buildTrainingPipeline(manager, {});
        }))
      return model.name + " cannot be trained";
    if (model.precision != TrainingPrecision::fp32 && !run(*own, [&](PassManager &manager) {
          AssignPrecisionPassOptions options;
          options.precision = model.precision;
          manager.addPass(createAssignPrecisionPass(options));
        }))
      return model.name + " cannot be given its precision";
    // Otherwise the interpreter sees the operations as they were written.
    auto made = expectEntries(*own, model);
    if (!made)
      return llvm::toString(made.takeError());
    if (!model.trains && !run(*own, [](PassManager &manager) { buildForwardPipeline(manager); }))
      return model.name + " cannot be brought to the forward stage";
    auto builder = OpBuilder::atBlockEnd(module->getBody());
    for (auto variable : own->getOps<gpt::VariableOp>())
      if (!module->lookupSymbol(variable.getSymName())) // scalars of the step are common to all
        builder.clone(*variable);
    for (auto [function, expectation] : llvm::zip(own->getOps<func::FuncOp>(), *made)) {
      auto copy = cast<func::FuncOp>(builder.clone(*function));
      if (model.trains)
        copy.setSymName(expectation.entry = model.name + "." + expectation.entry);
      entries.push_back(std::move(expectation));
    }
    return "";
  }

  std::string write() {
    if (!run(*module, [](PassManager &manager) {
          buildOptimizePipeline(manager);
          buildPlanPipeline(manager, {.leastGenerated = 0});
        }))
      return "the cases cannot be lowered";
    FailureOr<CompiledKernels> kernels = compileKernels(*module, CpuTarget::host());
    FailureOr<CudaSource> source = emitCudaSource(*module);
    if (failed(kernels) || failed(source))
      return "code generation failed";
    PlanMetadata cpu;
    cpu.model = "conformance";
    cpu.settings = "{}";
    PlanMetadata cuda = cpu;
    cpu.cpuFeatures = kernels->requiredFeatures;
    cpu.object = std::move(kernels->object);
    cpu.matmulTile = kernels->matmulTile;
    cuda.target = "cuda";
    cuda.cuda = std::move(*source);
    if (std::string problem = compileImages(cuda); !problem.empty())
      return problem;
    size_t count = cuda.cuda->kernels.size();
    for (const auto &[metadata, name] : {std::pair(&cpu, "cpu"), std::pair(&cuda, "cuda")}) {
      std::vector<char> bytes = serializePlan(*module, *metadata);
      runtime::Status written = runtime::writeFileAtomically(
          path(fmt::format("conformance.{}.plan", name)), [&](runtime::FileWriter &writer) {
            return writer.write(std::as_bytes(std::span<const char>(bytes)));
          });
      if (!written.ok())
        return written.message();
    }
    runtime::Status written = writeConformanceFile(path("conformance.safetensors"), entries);
    fmt::print("{} entries, {} kernels\n", entries.size(), count);
    return written.message();
  }

private:
  static DialectRegistry makeRegistry() {
    DialectRegistry registry;
    registry.insert<gpt::GPTDialect, plan::PlanDialect, arith::ArithDialect, math::MathDialect,
                    func::FuncDialect>();
    return registry;
  }

  std::string path(const std::string &name) const { return folder + "/" + name; }

  bool run(ModuleOp on, llvm::function_ref<void(PassManager &)> build) {
    PassManager manager(&context);
    build(manager);
    return succeeded(manager.run(on));
  }

  std::string compileImages(PlanMetadata &metadata) {
    if (architecture.empty())
      return "";
    std::vector<runtime::cuda::ModuleSource> modules(metadata.cuda->modules.size());
    for (auto [module, text] : llvm::zip(modules, metadata.cuda->modules))
      module.source = text;
    for (const CudaKernelSource &kernel : metadata.cuda->kernels)
      modules[kernel.module].kernels.push_back({kernel.symbol, ""});
    auto compiled = runtime::cuda::compileModules(metadata.cuda->header, modules,
                                                  {.architecture = architecture, .note = {}});
    if (!compiled.ok())
      return compiled.status().message();
    metadata.cudaArchitecture = architecture;
    for (const runtime::cuda::CompiledModule &module : *compiled)
      metadata.cudaImages.emplace_back(module.cubin.begin(), module.cubin.end());
    return "";
  }

  std::string folder, architecture;
  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  std::vector<EntryExpectation> entries;
};
} // namespace

static int fail(const std::string &problem) {
  fmt::print(stderr, "make-conformance: {}\n", problem);
  return 1;
}

int main(int count, char **arguments) {
  llvm::cl::ParseCommandLineOptions(count, arguments,
                                    "Makes the files of the conformance suite.\n");
  // Options do not outlive the linker, which resets all of them.
  std::string folder = folderOption, only = onlyOption;
  if (std::error_code error = llvm::sys::fs::create_directories(folder))
    return fail(folder + ": " + error.message());
  Suite suite(folder, architectureOption);
  for (auto make : {makeRowCases, makeColumnCases, makeGatherCases, makeMatmulCases,
                    makeAttentionCases, makeNeuralCases, makeTrainingCases})
    for (const ConformanceModel &model : make())
      if (model.name.find(only) != std::string::npos)
        if (std::string problem = suite.add(model); !problem.empty())
          return fail(problem);
  if (std::string problem = suite.write(); !problem.empty())
    return fail(problem);
  return 0;
}
