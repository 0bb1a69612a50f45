// What gptc-opt and the language server know: the same dialects, and for gptc-opt every pass.
#ifndef GPTC_TOOLS_GPTC_OPT_REGISTRATION_H
#define GPTC_TOOLS_GPTC_OPT_REGISTRATION_H

#include "mlir/IR/DialectRegistry.h"

namespace gptc {

/// Adds the gpt dialect and those of upstream that gptc's pipelines pass through.
void registerDialects(mlir::DialectRegistry &registry);

/// Adds gptc's passes, and those of upstream that are useful beside them on a command line.
void registerPasses();

} // namespace gptc

#endif // GPTC_TOOLS_GPTC_OPT_REGISTRATION_H
