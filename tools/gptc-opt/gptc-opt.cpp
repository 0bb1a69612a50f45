// gptc-opt: runs passes on MLIR text. What lit tests and people who debug a pass use.
//
// Timing (--mlir-timing), crash reproducers (--mlir-pass-pipeline-crash-reproducer), remarks and IR
// printing come with MLIR's own main.
#include "Registration.h"

#include "gptc/Transforms/PassFilter.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/ToolOutputFile.h"
#include "llvm/Support/WithColor.h"

static int fail(const llvm::Twine &message) {
  llvm::WithColor::error(llvm::errs(), "gptc-opt") << message << "\n";
  return 1;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  mlir::DialectRegistry registry;
  gptc::registerDialects(registry);
  gptc::registerPasses();

  llvm::cl::list<std::string> disabled("disable-pass", llvm::cl::CommaSeparated,
                                       llvm::cl::value_desc("name,..."),
                                       llvm::cl::desc("Skip the passes of these names"));
  auto [input, output] =
      mlir::registerAndParseCLIOptions(argc, argv, "Passes on the IR of gptc\n", registry);

  mlir::MlirOptMainConfig commandLine = mlir::MlirOptMainConfig::createFromCLOptions();
  mlir::MlirOptMainConfig config = commandLine;
  if (!disabled.empty())
    config.setPassPipelineSetupFn([&](mlir::PassManager &manager) -> llvm::LogicalResult {
      if (llvm::Error error = gptc::disablePasses(*manager.getContext(), disabled)) {
        fail(llvm::toString(std::move(error)));
        return llvm::failure();
      }
      return commandLine.setupPassPipeline(manager);
    });

  std::string message;
  std::unique_ptr<llvm::MemoryBuffer> buffer = mlir::openInputFile(input, &message);
  if (!buffer)
    return fail(message);
  std::unique_ptr<llvm::ToolOutputFile> file = mlir::openOutputFile(output, &message);
  if (!file)
    return fail(message);
  if (failed(mlir::MlirOptMain(file->os(), std::move(buffer), registry, config)))
    return 1;
  file->keep();
  return 0;
}
