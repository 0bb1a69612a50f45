// gptc-lsp-server: completion, hover and diagnostics in an editor for MLIR files of the gpt
// dialect.
#include "Registration.h"

#include "mlir/Support/LogicalResult.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  gptc::registerDialects(registry);
  return failed(mlir::MlirLspServerMain(argc, argv, registry));
}
