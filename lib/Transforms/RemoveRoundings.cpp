// gpt-remove-roundings: within a kernel, a value that was rounded and widened again is used as it
// was.
//
// What it must show: results change by roundings that are left out, and by nothing else; no tensor
// takes more memory; every rounding that is gone, and every one that could not go, is in a remark.
#include "gptc/Dialect/GPT/BlockSums.h"
#include "gptc/Dialect/GPT/Scalar.h"
#include "gptc/Transforms/Passes.h"

#include "mlir/IR/Remarks.h"

namespace gptc {
#define GEN_PASS_DEF_REMOVEROUNDINGSPASS
#include "gptc/Transforms/Passes.h.inc"
} // namespace gptc

using namespace mlir;
using namespace gptc;
using namespace gptc::gpt;

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

static remark::RemarkOpts options(Operation *op) {
  auto function = op->getParentOfType<func::FuncOp>();
  return remark::RemarkOpts::name("Rounding")
      .category("gpt-remove-roundings")
      .function(function ? function.getName() : "");
}

//   extf(truncf(%x))  =>  %x
static void visitScalars(MapOp map) {
  for (Operation &op : llvm::make_early_inc_range(map.getBlock()->without_terminator())) {
    auto extension = dyn_cast<arith::ExtFOp>(op);
    auto rounding = extension ? extension.getIn().getDefiningOp<arith::TruncFOp>() : nullptr;
    if (!rounding || rounding.getIn().getType() != extension.getType())
      continue;
    remark::passed(op.getLoc(), options(map)) << remark::metric("type", extension.getType());
    extension.replaceAllUsesWith(rounding.getIn());
    extension.erase();
  }
}

/// The element type that a map widens an operand to, before it does anything else with it; null if
/// it does not.
static Type widenedTo(OpOperand &use) {
  auto map = dyn_cast<MapOp>(use.getOwner());
  if (!map)
    return {};
  Type wide;
  for (Operation *user : map.getBlock()->getArgument(use.getOperandNumber()).getUsers()) {
    auto extension = dyn_cast<arith::ExtFOp>(user);
    if (!extension || (wide && wide != extension.getType()))
      return {};
    wide = extension.getType();
  }
  return wide;
}

/// Gives a map that widens its operand `exact` instead. True if the map is left without a use.
static bool useExact(OpOperand &use, Value exact) {
  auto map = cast<MapOp>(use.getOwner());
  BlockArgument argument = map.getBlock()->getArgument(use.getOperandNumber());
  argument.setType(typeOf(exact).getElementType());
  for (Operation *user : llvm::make_early_inc_range(argument.getUsers())) {
    user->getResult(0).replaceAllUsesWith(argument);
    user->erase();
  }
  use.set(exact);
  remark::passed(map.getLoc(), options(map)) << remark::metric("type", exact.getType());
  if (map.getNumResults() == 1 && map.getResult(0).getType() == exact.getType() &&
      map.getYield().getValues()[0] == argument) { // it did nothing else
    map.getResult(0).replaceAllUsesWith(exact);
    return true;
  }
  return false;
}

/// All of these uses; maps that are left without a use go, once no other of their uses is to come.
static void useExact(ArrayRef<OpOperand *> uses, Value exact) {
  SmallVector<MapOp> idle;
  for (OpOperand *use : uses)
    if (useExact(*use, exact))
      idle.push_back(cast<MapOp>(use->getOwner()));
  for (MapOp map : idle)
    map.erase();
}

//   %r = gpt.map(%x) truncf                    %r = gpt.map(%x) truncf
//   %y = gpt.map(%r) f(extf(r))          =>    %y = gpt.map(%x) f(x)
static void visitTensors(FusedOp kernel) {
  for (auto map : kernel.getBody().front().getOps<MapOp>()) {
    Value exact = map.getNumResults() == 1 ? getConverted(map.getResult(0)) : Value();
    if (!exact ||
        typeOf(exact).getElementTypeBitWidth() <= typeOf(map.getResult(0)).getElementTypeBitWidth())
      continue;
    SmallVector<OpOperand *> uses;
    for (OpOperand &use : map.getResult(0).getUses())
      if (widenedTo(use) == typeOf(exact).getElementType())
        uses.push_back(&use);
    useExact(uses, exact);
  }
}

/// Whether the product, as `wide`, can lie where an output of the kernel will: it has the output's
/// type, and each of its elements is read once, before the output's is written.
static bool hasPlaceForProduct(FusedOp kernel, RankedTensorType wide) {
  for (Operation &op : kernel.getBody().front())
    if (isa<ReduceOp>(op) && !matchBlockSum(&op))
      return false;
  return llvm::is_contained(kernel.getResultTypes(), wide);
}

//   %p = gpt.matmul … -> bf16                  %p = gpt.matmul … -> f32
//   %y = gpt.map(%p) f(extf(p))          =>    %y = gpt.map(%p) f(p)
static void visitProduct(MatmulOp product, FusedOp kernel) {
  RankedTensorType type = typeOf(product.getResult());
  if (type.getElementTypeBitWidth() >= 32)
    return;
  auto missed = [&](StringRef reason) {
    remark::missed(product.getLoc(), options(product)) << remark::reason("{0}", reason);
  };
  Type wide = Float32Type::get(product.getContext());
  auto isWidened = [&](OpOperand &use) { return widenedTo(use) == wide; };
  if (!llvm::all_of(product->getUses(), isWidened))
    return missed("the rounded product is used besides");
  if (!hasPlaceForProduct(kernel, type.clone(wide)))
    return missed("the product would take memory of its own");
  product.getResult().setType(type.clone(wide));
  SmallVector<OpOperand *> uses;
  for (OpOperand &use : product->getUses())
    uses.push_back(&use);
  useExact(uses, product.getResult());
}

namespace {
struct RemoveRoundingsPass : gptc::impl::RemoveRoundingsPassBase<RemoveRoundingsPass> {
  void runOnOperation() override {
    getOperation()->walk([](MapOp map) { visitScalars(map); });
    getOperation()->walk([](FusedOp kernel) {
      visitTensors(kernel);
      for (auto product : llvm::make_early_inc_range(kernel.getBody().front().getOps<MatmulOp>()))
        visitProduct(product, kernel);
    });
  }
};
} // namespace
