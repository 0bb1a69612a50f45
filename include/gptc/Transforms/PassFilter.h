// Leaving passes out by name, whatever pipeline they stand in.
//
// `--disable-pass` of every tool, and the ledger, which runs a pipeline with one pass left out, ask
// for the same thing: this pipeline without that pass. Passes are named by their command line
// argument.
#ifndef GPTC_TRANSFORMS_PASSFILTER_H
#define GPTC_TRANSFORMS_PASSFILTER_H

#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace gptc {

/// Makes the pass managers of `context` skip the passes that have one of these argument names, at
/// any depth and in upstream's pipelines too. A later call replaces the names; none lifts the
/// filter. It takes the place of the context's action handler. Fails, and changes nothing, on a
/// name that no registered pass has.
llvm::Error disablePasses(mlir::MLIRContext &context, llvm::ArrayRef<std::string> names);

} // namespace gptc

#endif // GPTC_TRANSFORMS_PASSFILTER_H
