// A pass instrumentation that numbers operations.
//
//   loc(L)   =>   loc(fused<17>[L])
#include "OperationTags.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassInstrumentation.h"

using namespace mlir;
using namespace gptc;

namespace {
class Tagger : public PassInstrumentation {
public:
  void runBeforePass(Pass *pass, Operation *op) override {
    auto function = dyn_cast<func::FuncOp>(op);
    if (!function || pass->getArgument() != "gpt-form-kernels")
      return;
    Builder builder(op->getContext());
    for (Block &block : function.getBody())
      for (Operation &inner : block)
        inner.setLoc(
            FusedLoc::get({inner.getLoc()}, builder.getI64IntegerAttr(next++), op->getContext()));
  }

private:
  int64_t next = 0;
};
} // namespace

void gptc::tagOperations(PassManager &manager) {
  manager.addInstrumentation(std::make_unique<Tagger>());
}

void gptc::visitTags(Location location, llvm::function_ref<void(int64_t)> visit) {
  location->walk([&](Location part) {
    if (auto fused = dyn_cast<FusedLoc>(part))
      if (auto number = dyn_cast_or_null<IntegerAttr>(fused.getMetadata()))
        visit(number.getInt());
    return WalkResult::advance();
  });
}
