// Uses of a value go over to its copy.
#include "Rematerialized.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace gptc;

void gptc::moveUses(Value old, Value replacement, int first, OpBuilder &builder,
                    const Liveness &liveness, SmallVectorImpl<Operation *> &dead) {
  for (OpOperand &use : llvm::make_early_inc_range(old.getUses())) {
    Operation *user = use.getOwner();
    if (liveness.positionOf(user) >= first) {
      use.set(replacement);
      continue;
    }
    if (!isView(user) || liveness.lastUseOf(user) < first)
      continue;
    IRMapping mapping;
    mapping.map(old, replacement);
    Operation *view = builder.clone(*user, mapping);
    for (auto [from, to] : llvm::zip(user->getResults(), view->getResults()))
      moveUses(from, to, first, builder, liveness, dead);
    if (user->use_empty())
      dead.push_back(user);
  }
}
