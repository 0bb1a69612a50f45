// gpt-inline-conversions: a map that only rounds or widens goes into the maps beside it.
//
// What it must show: the same roundings of the same numbers; no tensor between two maps is wider
// than what the first was given to compute it from.
#include "gptc/Dialect/GPT/Scalar.h"
#include "gptc/Transforms/Passes.h"

namespace gptc {
#define GEN_PASS_DEF_INLINECONVERSIONSPASS
#include "gptc/Transforms/Passes.h.inc"
} // namespace gptc

using namespace mlir;
using namespace gptc;
using namespace gptc::gpt;

static Type elementOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getElementType();
}

/// Whether the map makes narrower numbers of its operand's, or wider ones.
static bool rounds(Value source, MapOp map) {
  return elementOf(source).getIntOrFloatBitWidth() >
         elementOf(map.getResult(0)).getIntOrFloatBitWidth();
}

//   %x = gpt.map(…) f                       %r = gpt.map(…) truncf(f)
//   %r = gpt.map(%x) truncf           =>
static void inlineRounding(MapOp rounding, Value source) {
  auto producer = source.getDefiningOp<MapOp>();
  if (!producer || !source.hasOneUse())
    return;
  unsigned number = cast<OpResult>(source).getResultNumber();
  YieldOp yield = producer.getYield();
  OpBuilder builder(yield);
  Value rounded = arith::TruncFOp::create(
      builder, rounding.getLoc(), elementOf(rounding.getResult(0)), yield.getValues()[number]);
  yield->setOperand(number, rounded);
  source.setType(rounding.getResult(0).getType());
  rounding.getResult(0).replaceAllUsesWith(source);
  rounding.erase();
}

//   %x = gpt.map(%r) extf                   %y = gpt.map(%r, …) f(extf(r), …)
//   %y = gpt.map(%x, …) f             =>
static void inlineWidening(MapOp widening, Value source) {
  for (OpOperand &use : llvm::make_early_inc_range(widening.getResult(0).getUses())) {
    auto user = dyn_cast<MapOp>(use.getOwner());
    if (!user)
      continue;
    BlockArgument argument = user.getBlock()->getArgument(use.getOperandNumber());
    Type wide = argument.getType();
    argument.setType(elementOf(source));
    // Behind the constants, which stand in front.
    Block::iterator place = user.getBlock()->begin();
    while (isa<arith::ConstantOp>(*place))
      ++place;
    OpBuilder builder(user.getBlock(), place);
    auto extended = arith::ExtFOp::create(builder, widening.getLoc(), wide, argument);
    argument.replaceAllUsesExcept(extended, extended);
    use.set(source);
  }
  if (widening.use_empty())
    widening.erase();
}

namespace {
struct InlineConversionsPass : gptc::impl::InlineConversionsPassBase<InlineConversionsPass> {
  void runOnOperation() override {
    SmallVector<MapOp> conversions;
    getOperation()->walk([&](MapOp map) {
      if (map.getNumResults() == 1 && getConverted(map.getResult(0)))
        conversions.push_back(map);
    });
    for (MapOp map : conversions) {
      Value source = map.getOperand(0);
      if (rounds(source, map))
        inlineRounding(map, source);
      else
        inlineWidening(map, source);
    }
  }
};
} // namespace
