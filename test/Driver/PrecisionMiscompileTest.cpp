// Miscompiles of mixed precision and of loss scaling.
#include "Miscompile.h"

#include "gptc/Dialect/GPT/Scalar.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::test;

static Miscompile inPrecision(TrainingPrecision precision, Miscompile miscompile) {
  miscompile.precision = precision;
  return miscompile;
}

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// The scalar that an entry writes to a variable, as the map computes it.
static Operation *writtenScalar(ModuleOp module, StringRef variable) {
  auto result = cast<OpResult>(findWrite(module, "update", variable).getValue());
  auto map = cast<gpt::MapOp>(result.getOwner());
  return map.getYield().getValues()[result.getResultNumber()].getDefiningOp();
}

/// A product of a parameter's gradient.
static gpt::MatmulOp findGradient(ModuleOp module) {
  return find<gpt::MatmulOp>(module, "accumulate_first", 0, [](gpt::MatmulOp op) {
    return typeOf(op.getLhs()).getElementTypeBitWidth() == 16 &&
           typeOf(op.getResult()).getElementType().isF32();
  });
}

/// Sums of 16 bits where float32 is required.
static bool roundGradient(ModuleOp module) {
  gpt::MatmulOp gradient = findGradient(module);
  if (!gradient)
    return false;
  RankedTensorType wide = typeOf(gradient.getResult());
  gradient.getResult().setType(wide.clone(typeOf(gradient.getLhs()).getElementType()));
  OpBuilder builder(gradient);
  builder.setInsertionPointAfter(gradient);
  Value widened = gpt::createConversion(builder, gradient.getLoc(), gradient.getResult(),
                                        wide.getElementType());
  gradient.getResult().replaceAllUsesExcept(widened, widened.getDefiningOp());
  return true;
}

/// Of two values of one type that are rounded one after the other, the second is the first again.
static bool roundAnother(ModuleOp module) {
  SmallVector<gpt::MapOp> roundings;
  module.lookupSymbol("accumulate_first")->walk([&](gpt::MapOp map) {
    Value source = gpt::getConverted(map->getResult(0));
    if (source && typeOf(source).getElementType().isF32())
      roundings.push_back(map);
  });
  for (gpt::MapOp one : roundings)
    for (gpt::MapOp two : roundings)
      if (one->isBeforeInBlock(two) && one.getOperandTypes() == two.getOperandTypes() &&
          two.getOperand(0).getDefiningOp<gpt::MapOp>()) {
        two->setOperand(0, one.getOperand(0));
        return true;
      }
  return false;
}

/// A kernel's map reads the product that is no longer rounded in place of its other operand.
static bool useProductTwice(ModuleOp module) {
  auto map = find<gpt::MapOp>(module, "accumulate_first", 0, [](gpt::MapOp op) {
    if (op.getNumOperands() < 2)
      return false;
    auto product = op.getOperand(0).getDefiningOp<gpt::MatmulOp>();
    return product && op.getOperand(1) != product.getResult() &&
           typeOf(product.getLhs()).getElementTypeBitWidth() == 16 &&
           typeOf(product.getResult()) == typeOf(op.getResult(0)) &&
           typeOf(op.getOperand(1)).getElementType().isF32();
  });
  if (!map)
    return false;
  map.getBlock()->getArgument(1).replaceAllUsesWith(map.getBlock()->getArgument(0));
  return true;
}

static constexpr TrainingPrecision bf16 = TrainingPrecision::bf16, fp16 = TrainingPrecision::fp16;
static constexpr const char *assign = "gpt-assign-precision", *update = "gpt-insert-optimizer";

static const Miscompile miscompiles[] = {
    inPrecision(bf16, {"GradientRounded", "gpt2", assign, roundGradient, "significant bits"}),
    inPrecision(fp16, {"GradientRoundedInHalf", "mlp", assign, roundGradient, "significant bits"}),
    inPrecision(bf16, {"AnotherRounded", "gpt2", assign, roundAnother, "gpt."}),
    inPrecision(bf16, {"ProductUsedTwice", "gpt2", "gpt-remove-roundings", useProductTwice, ""}),
    inPrecision(fp16, {"SeedNotScaled", "mlp", "gpt-differentiate",
                       [](ModuleOp module) {
                         // The read of the scale is one of the map's operands.
                         auto map =
                             find<gpt::MapOp>(module, "accumulate_first", 0, [](gpt::MapOp op) {
                               return llvm::any_of(op.getOperands(), [](Value operand) {
                                 auto read = operand.getDefiningOp<gpt::ReadOp>();
                                 return read && read.getVariable() == "scaler:loss_scale";
                               });
                             });
                         return becomeOperand(map, 0);
                       }}),
    inPrecision(fp16, {"ScaleNotUndone", "mlp", update,
                       [](ModuleOp module) {
                         // The first division is the norm's, the second the clipping's.
                         return becomeOperand(find<arith::DivFOp>(module, "update", 2));
                       }}),
    inPrecision(fp16, {"NormNotUnscaled", "mlp", update,
                       [](ModuleOp module) {
                         return becomeOperand(find<arith::DivFOp>(module, "update", 0));
                       }}),
    inPrecision(fp16, {"NotSkipped", "mlp", update,
                       [](ModuleOp module) {
                         return becomeOperand(writtenScalar(module, "output.bias"), 1);
                       }}),
    inPrecision(fp16, {"MomentNotSkipped", "mlp", update,
                       [](ModuleOp module) {
                         return becomeOperand(writtenScalar(module, "moment2:hidden.weight"), 1);
                       }}),
    inPrecision(fp16, {"AlwaysSkipped", "mlp", update,
                       [](ModuleOp module) {
                         return becomeOperand(writtenScalar(module, "hidden.weight"), 2);
                       }}),
    inPrecision(fp16, {"GoodStepsNotReset", "mlp", update,
                       [](ModuleOp module) {
                         return becomeOperand(writtenScalar(module, "scaler:good_steps"), 1);
                       }}),
    inPrecision(fp16, {"SkippedStepsCounted", "mlp", update,
                       [](ModuleOp module) {
                         return becomeOperand(writtenScalar(module, "scaler:applied_steps"), 1);
                       }}),
    inPrecision(fp16, {"ScaleNotHalved", "mlp", update,
                       [](ModuleOp module) {
                         return becomeOperand(writtenScalar(module, "scaler:loss_scale"), 1);
                       }}),
    inPrecision(fp16,
                {"GrowsLate", "mlp", update,
                 [](ModuleOp module) { return changeConstant(module, "update", 2000, 2001); }}),
    inPrecision(fp16, {"CorrectionOfTheStepBefore", "mlp", update,
                       [](ModuleOp module) {
                         auto expm1 = find<math::ExpM1Op>(module, "update");
                         auto product = expm1.getOperand().getDefiningOp<arith::MulFOp>();
                         return becomeOperand(product.getLhs().getDefiningOp());
                       }}),
    inPrecision(fp16, {"KernelDoesNotSkip", "mlp", "gpt-lower-to-plan",
                       [](ModuleOp module) {
                         bool changed = false;
                         for (auto kernel : module.getOps<plan::KernelOp>())
                           kernel.walk([&](arith::SelectOp select) {
                             auto compare = select.getCondition().getDefiningOp<arith::CmpFOp>();
                             if (changed || !compare ||
                                 compare.getPredicate() != arith::CmpFPredicate::OLT ||
                                 select->getParentOp()->getNumResults() < 2)
                               return;
                             changed = becomeOperand(select, 1);
                           });
                         return changed;
                       }}),
};

class PrecisionMiscompile : public testing::TestWithParam<Miscompile> {};
TEST_P(PrecisionMiscompile, IsCaught) { expectCaught(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Verify, PrecisionMiscompile, testing::ValuesIn(miscompiles),
                         [](const auto &info) { return std::string(info.param.name); });
