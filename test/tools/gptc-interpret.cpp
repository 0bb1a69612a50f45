// gptc-interpret: runs the functions of an MLIR file in the reference interpreter.
//
// The functions without arguments run in order and share their variables, so one may write what the
// next one reads. Operations of the check dialect say what is expected. A pipeline, if one is
// given, runs first: that is how a test shows that a pass keeps the meaning.
#include "test/lib/Check/Check.h"

#include "gptc/Autodiff/Passes.h"
#include "gptc/Transforms/Passes.h"

#include "mlir/IR/AsmState.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/SourceMgr.h"

using namespace gptc::reference;

static void printElements(llvm::raw_ostream &out, const Tensor &tensor) {
  llvm::interleaveComma(tensor.getShape(), out << "[");
  out << "]:";
  if (tensor.isReal())
    for (double value : tensor.reals())
      out << llvm::format(" %.9g", value);
  else
    for (int32_t value : tensor.integers())
      out << " " << value;
  out << "\n";
}

/// Runs one function, prints what it returns, and says whether it ran through.
static bool runFunction(mlir::func::FuncOp function, Environment &environment,
                        const Options &options) {
  llvm::Expected<Tensors> results = evaluate(function, environment, options);
  if (!results) {
    llvm::errs() << "@" << function.getName() << ": " << llvm::toString(results.takeError())
                 << "\n";
    return false;
  }
  for (const Tensor &result : *results)
    printElements(llvm::outs() << "@" << function.getName() << " ", result);
  return true;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  gptc::registerGptcTransformsPasses();
  gptc::registerGptcAutodiffPasses();
  mlir::registerTransformsPasses();
  mlir::registerAsmPrinterCLOptions();

  llvm::cl::opt<std::string> input(llvm::cl::Positional, llvm::cl::Required,
                                   llvm::cl::desc("<file, or - for standard input>"));
  llvm::cl::opt<Precision> precision(
      "precision", llvm::cl::desc("what is computed in"), llvm::cl::init(Precision::float64),
      llvm::cl::values(clEnumValN(Precision::float64, "float64", "double"),
                       clEnumValN(Precision::float32, "float32", "float, or narrower types")));
  mlir::PassPipelineCLParser pipeline("", "Passes to run before");
  llvm::cl::ParseCommandLineOptions(argc, argv, "Runs functions in the reference interpreter\n");

  mlir::DialectRegistry registry;
  registry.insert<gptc::check::CheckDialect, gptc::gpt::GPTDialect, mlir::arith::ArithDialect,
                  mlir::func::FuncDialect, mlir::math::MathDialect>();
  mlir::MLIRContext context(registry);
  mlir::OwningOpRef<mlir::ModuleOp> module = mlir::parseSourceFile<mlir::ModuleOp>(input, &context);
  if (!module)
    return 1;
  mlir::PassManager manager(&context, mlir::ModuleOp::getOperationName(),
                            mlir::PassManager::Nesting::Implicit);
  auto report = [&](const llvm::Twine &message) {
    llvm::errs() << message << "\n";
    return mlir::failure();
  };
  if (failed(pipeline.addToPipeline(manager, report)) || failed(manager.run(*module)))
    return 1;

  Options options;
  options.precision = precision;
  options.fallback = [&](mlir::Operation *op, llvm::ArrayRef<Tensor> operands) {
    return gptc::check::evaluate(op, operands, precision);
  };
  Environment environment;
  bool passed = true, found = false;
  for (auto function : module->getOps<mlir::func::FuncOp>())
    if (function.getNumArguments() == 0) {
      found = true;
      passed &= runFunction(function, environment, options);
    }
  if (!found)
    llvm::errs() << input << ": there is no function without arguments\n";
  return passed && found ? 0 : 1;
}
