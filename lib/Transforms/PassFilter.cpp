// Skips passes through MLIR's action handler, which may decline to run an action.
#include "gptc/Transforms/PassFilter.h"

#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

llvm::Error gptc::disablePasses(MLIRContext &context, ArrayRef<std::string> names) {
  llvm::StringSet<> disabled;
  for (const std::string &name : names) {
    if (!PassInfo::lookup(name))
      return llvm::createStringError("cannot disable pass '" + name +
                                     "': there is none of that name");
    disabled.insert(name);
  }
  if (disabled.empty()) {
    context.registerActionHandler(nullptr);
    return llvm::Error::success();
  }
  context.registerActionHandler([disabled = std::move(disabled)](llvm::function_ref<void()> run,
                                                                 const tracing::Action &action) {
    auto *execution = dyn_cast<PassExecutionAction>(&action);
    if (!execution || !disabled.contains(execution->getPass().getArgument()))
      run();
  });
  return llvm::Error::success();
}
