// gpt-inline-scalars: scalars are computed in each map that uses them.
//
// What it must show: no launch computes a scalar that only maps use; what they compute from it is
// the same bits.
#include "gptc/Dialect/GPT/GPTOps.h"
#include "gptc/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"

namespace gptc {
#define GEN_PASS_DEF_INLINESCALARSPASS
#include "gptc/Transforms/Passes.h.inc"
} // namespace gptc

using namespace mlir;
using namespace gptc;

static int64_t countOperations(gpt::MapOp map) {
  auto operations = map.getBlock()->without_terminator();
  return std::distance(operations.begin(), operations.end());
}

/// Why the scalar stays: not every user of it is a map over more than scalars, which computes what
/// depends on scalars alone once, not once an element. Empty if nothing is in the way.
static StringRef findObstacle(gpt::MapOp scalar, int64_t limit) {
  if (countOperations(scalar) > limit)
    return "has too many operations";
  for (Operation *user : scalar->getUsers()) {
    auto map = dyn_cast<gpt::MapOp>(user);
    if (!map)
      return isa<gpt::WriteOp>(user) ? "is written" : "is used by other than maps";
    if (map.getShape().empty())
      return "goes into a scalar that stays";
  }
  return "";
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
    getOperation()->walk([&](func::FuncOp function) { inlineAll(function); });
  }

  void inlineAll(func::FuncOp function) {
    SmallVector<gpt::MapOp> scalars;
    function.walk([&](gpt::MapOp map) {
      if (map.getShape().empty() && !map->use_empty())
        scalars.push_back(map);
    });
    auto options = remark::RemarkOpts::name("Inlined")
                       .category("gpt-inline-scalars")
                       .function(function.getName());
    // The last first: what goes into one scalar may go into maps once that one has.
    for (gpt::MapOp scalar : llvm::reverse(scalars)) {
      if (StringRef obstacle = findObstacle(scalar, limit); !obstacle.empty()) {
        remark::missed(scalar.getLoc(), options)
            << remark::metric("operations", countOperations(scalar))
            << remark::reason("{0}", obstacle);
        continue;
      }
      llvm::SmallSetVector<Operation *, 8> users(llvm::from_range, scalar->getUsers());
      remark::passed(scalar.getLoc(), options)
          << remark::metric("operations", countOperations(scalar))
          << remark::metric("maps", users.size());
      for (Operation *user : users)
        inlineInto(scalar, cast<gpt::MapOp>(user));
      scalar.erase();
    }
  }
};
} // namespace
