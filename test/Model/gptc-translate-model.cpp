// Elaborates a description and prints what came of it: the gpt dialect, or with --info what the
// model is besides its graph. Diagnostics go to stderr. For tests.
#include "gptc/Model/Model.h"

#include "mlir/IR/Verifier.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>

namespace cl = llvm::cl;

static cl::opt<std::string> path(cl::Positional, cl::Required, cl::desc("FILE.gpt"));
static cl::opt<std::string> preset("preset", cl::desc("a preset of the file"));
static cl::list<std::string> overrides("set", cl::desc("name=value of the config"));
static cl::opt<int64_t> batchSize("batch-size", cl::desc("the size B"));
static cl::opt<int64_t> sequenceLength("sequence-length", cl::desc("the size T"));
static cl::opt<bool> info("info", cl::desc("print config, variables and inputs"));
static cl::opt<bool> locations("locations", cl::desc("print locations"));
static cl::opt<bool> timing("time", cl::desc("print the milliseconds of the fastest of 20 runs"));

static void printVariables(llvm::StringRef title,
                           const std::vector<gptc::ModelInfo::Variable> &variables) {
  for (const gptc::ModelInfo::Variable &variable : variables) {
    llvm::outs() << title << ' ' << variable.path << ' ';
    llvm::interleave(variable.shape, llvm::outs(), "x");
    llvm::outs() << ' ' << gptc::gpt::stringifyInitKind(variable.init)
                 << llvm::format(" %g %g", variable.a, variable.b)
                 << (variable.decays ? " decays\n" : "\n");
  }
}

static void printInfo(const gptc::ModelInfo &info) {
  llvm::outs() << "model " << info.name << (info.hasLoss ? " with loss\n" : "\n");
  for (const gptc::ModelInfo::ConfigValue &value : info.config)
    if (value.value)
      llvm::outs() << "config " << value.name << llvm::format(" %g\n", *value.value);
    else
      llvm::outs() << "config " << value.name << " none\n";
  printVariables("parameter", info.parameters);
  printVariables("state", info.states);
  for (const gptc::ModelInfo::Input &input : info.inputs) {
    llvm::outs() << "input " << input.name << (input.isInt ? " int " : " real ");
    llvm::interleave(input.shape, llvm::outs(), "x");
    if (input.limit)
      llvm::outs() << " below " << *input.limit;
    llvm::outs() << (input.isOfLoss ? " of loss\n" : "\n");
  }
  for (const gptc::ModelInfo::FreeSize &size : info.freeSizes)
    llvm::outs() << "free " << size.name << ' ' << size.value << '\n';
  if (info.sequenceLimit)
    llvm::outs() << "limit T " << *info.sequenceLimit << '\n';
  llvm::outs() << "parameters " << info.parameterCount() << '\n';
}

static void printTime(const gptc::LoadOptions &options) {
  double best = 1e9;
  for (int i = 0; i < 20; ++i) {
    auto start = std::chrono::steady_clock::now();
    mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
    gptc::DiagnosticEngine diagnostics;
    gptc::LoadedModel model = gptc::loadModel(path, options, context, diagnostics);
    std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
    best = std::min(best, time.count());
  }
  llvm::outs() << llvm::format("%.2f ms\n", best);
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv, "elaborates a description\n");
  gptc::LoadOptions options;
  options.preset = preset;
  options.overrides.assign(overrides.begin(), overrides.end());
  if (batchSize.getNumOccurrences())
    options.batchSize = batchSize;
  if (sequenceLength.getNumOccurrences())
    options.sequenceLength = sequenceLength;
  if (timing) {
    printTime(options);
    return 0;
  }
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  gptc::DiagnosticEngine diagnostics;
  gptc::LoadedModel model = gptc::loadModel(path, options, context, diagnostics);
  llvm::errs() << diagnostics.render();
  if (!model)
    return diagnostics.hasErrors() ? 1 : 2;
  if (mlir::failed(mlir::verify(*model.module)))
    return 2;
  if (info)
    printInfo(model.info);
  else
    model.module->print(llvm::outs(), mlir::OpPrintingFlags().enableDebugInfo(locations));
  return 0;
}
