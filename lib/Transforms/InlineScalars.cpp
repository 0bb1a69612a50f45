// gpt-inline-scalars: scalars are computed in each map that uses them.
//
// What it must show: no launch computes a scalar that only maps use; what they compute from it is
// the same bits.
#include "gptc/Dialect/GPT/GPTOps.h"
#include "gptc/Transforms/Passes.h"

#include "mlir/IR/IRMapping.h"

namespace gptc {
#define GEN_PASS_DEF_INLINESCALARSPASS
#include "gptc/Transforms/Passes.h.inc"
} // namespace gptc

using namespace mlir;
using namespace gptc;

/// Whether every user of the scalar is a map over more than scalars, which computes what depends on
/// scalars alone once, not once an element.
static bool isForMaps(gpt::MapOp scalar) {
  return scalar.getShape().empty() && !scalar->use_empty() &&
         llvm::all_of(scalar->getUsers(), [](Operation *user) {
           auto map = dyn_cast<gpt::MapOp>(user);
           return map && !map.getShape().empty();
         });
}

/// The map with the scalar's region in front of its own.
///
///   %c = gpt.map(%a) : f(a)
///   %y = gpt.map(%x, %c) : g(x, c)      =>     %y = gpt.map(%x, %a) : g(x, f(a))
static void inlineInto(gpt::MapOp scalar, gpt::MapOp user) {
  llvm::SmallSetVector<Value, 8> operands;
  for (Value operand : user.getOperands())
    if (operand.getDefiningOp() != scalar)
      operands.insert(operand);
  operands.insert_range(scalar.getOperands());

  OpBuilder builder(user);
  Location location = builder.getFusedLoc({scalar.getLoc(), user.getLoc()});
  auto clone = [](OpBuilder &inner, Block *body, ValueRange arguments) {
    IRMapping mapping;
    mapping.map(body->getArguments(), arguments);
    for (Operation &op : body->without_terminator())
      inner.clone(op, mapping);
    return llvm::map_to_vector(body->getTerminator()->getOperands(),
                               [&](Value value) { return mapping.lookup(value); });
  };
  auto whole = gpt::MapOp::create(
      builder, location, user.getShape(), operands.getArrayRef(),
      [&](OpBuilder &inner, Location, ValueRange arguments) {
        auto argumentOf = [&](Value operand) {
          return arguments[std::distance(operands.begin(), llvm::find(operands, operand))];
        };
        SmallVector<Value> values =
            clone(inner, scalar.getBlock(), llvm::map_to_vector(scalar.getOperands(), argumentOf));
        SmallVector<Value> own;
        for (Value operand : user.getOperands())
          own.push_back(operand.getDefiningOp() == scalar
                            ? values[cast<OpResult>(operand).getResultNumber()]
                            : argumentOf(operand));
        return clone(inner, user.getBlock(), own);
      });
  whole->setDiscardableAttrs(user->getDiscardableAttrDictionary());
  user.replaceAllUsesWith(whole.getResults());
  user.erase();
}

namespace {
struct InlineScalarsPass : gptc::impl::InlineScalarsPassBase<InlineScalarsPass> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<gpt::MapOp> scalars;
    getOperation()->walk([&](gpt::MapOp map) {
      auto operations = map.getBlock()->without_terminator();
      if (map.getShape().empty() && std::distance(operations.begin(), operations.end()) <= limit)
        scalars.push_back(map);
    });
    // The last first: what goes into one scalar may go into maps once that one has.
    for (gpt::MapOp scalar : llvm::reverse(scalars)) {
      if (!isForMaps(scalar))
        continue;
      llvm::SmallSetVector<Operation *, 8> users(llvm::from_range, scalar->getUsers());
      for (Operation *user : users)
        inlineInto(scalar, cast<gpt::MapOp>(user));
      scalar.erase();
    }
  }
};
} // namespace
