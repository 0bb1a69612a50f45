// Miscompiles of differentiation and of the entries made from it.
#include "Miscompile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::test;

static constexpr StringLiteral pass = "gpt-differentiate";
static constexpr StringLiteral entry = "accumulate_first";
static constexpr StringLiteral tied = "gradient:transformer.wte.weight";

/// Whether an operation stands behind the loss, where the backward computation is.
static bool isBackward(Operation *op) {
  auto function = op->getParentOfType<func::FuncOp>();
  auto loss =
      find<gpt::WriteOp>(function->getParentOfType<ModuleOp>(), function.getSymName(), 0,
                         [](gpt::WriteOp write) { return write.getVariable() == "output:loss"; });
  Operation *top = loss->getBlock()->findAncestorOpInBlock(*op);
  return top && loss->isBeforeInBlock(top);
}

template <typename Op> static Op findBackward(ModuleOp module, int number = 0) {
  return find<Op>(module, entry, number, [](Op op) { return isBackward(op); });
}

static bool swapWrites(ModuleOp module, StringRef function, StringRef one, StringRef other) {
  gpt::WriteOp first = findWrite(module, function, one),
               second = findWrite(module, function, other);
  if (!first || !second)
    return false;
  first.setVariable(other);
  second.setVariable(one);
  return true;
}

static bool replaceByIota(Operation *op) {
  if (!op)
    return false;
  OpBuilder builder(op);
  Value iota = gpt::IotaOp::create(builder, op->getLoc(), op->getResult(0).getType());
  op->getResult(0).replaceAllUsesWith(iota);
  op->erase();
  return true;
}

static const Miscompile miscompiles[] = {
    {"SignInAdjoint", "gpt2", pass.data(),
     [](ModuleOp module) { return swapOperands(findBackward<arith::SubFOp>(module, 6), 0, 1); },
     "gpt.map"},
    {"TermOfGeluDropped", "gpt2", pass.data(),
     [](ModuleOp module) {
       // The map behind the first matmul that makes the wider tensor.
       auto map = find<gpt::MapOp>(module, entry, 0, [](gpt::MapOp op) {
         return isBackward(op) &&
                cast<RankedTensorType>(op->getResult(0).getType()).getShape().back() == 64;
       });
       SmallVector<arith::AddFOp> sums;
       map.walk([&](arith::AddFOp op) { sums.push_back(op); });
       return becomeOperand(sums.back());
     },
     "gpt.map"},
    {"TiedWeightOverwritten", "gpt2", pass.data(),
     [](ModuleOp module) {
       return setFlag(findWrite(module, entry, tied, 1), "accumulate", false);
     },
     "wte.weight"},
    {"TermOfTiedWeightDropped", "gpt2", pass.data(),
     [](ModuleOp module) {
       findWrite(module, entry, tied, 1).erase();
       return true;
     },
     "wte.weight"},
    {"GradientsExchanged", "gpt2", pass.data(),
     [](ModuleOp module) {
       return swapWrites(module, entry, "gradient:transformer.h.0.ln_1.weight",
                         "gradient:transformer.h.0.ln_2.weight");
     },
     "gpt.write"},
    {"ConstantSlightlyOff", "gpt2", pass.data(),
     [](ModuleOp module) {
       auto constant = find<arith::ConstantOp>(module, entry, 0, [](arith::ConstantOp op) {
         auto value = dyn_cast<FloatAttr>(op.getValue());
         return value && value.getValueAsDouble() == 2 && isBackward(op);
       });
       constant.setValueAttr(FloatAttr::get(constant.getType(), 2.0002));
       return true;
     },
     "gpt.map"},
    {"BiasGradientIsMaximum", "gpt2", pass.data(),
     [](ModuleOp module) {
       findBackward<gpt::ReduceOp>(module, 4).setKind(gpt::ReduceKind::max);
       return true;
     },
     "gpt.reduce"},
    {"WeightGradientTransposed", "gpt2", pass.data(),
     [](ModuleOp module) {
       auto product = find<gpt::MatmulOp>(module, entry, 0, [](gpt::MatmulOp op) {
         return isBackward(op) &&
                cast<RankedTensorType>(op.getType()).getShape() == ArrayRef<int64_t>{16, 16};
       });
       return swapOperands(product, 0, 1);
     },
     "gpt.matmul"},
    {"NotScaledByAccumulation", "gpt2", pass.data(),
     [](ModuleOp module) {
       auto read = find<gpt::ReadOp>(module, entry, 0, [](gpt::ReadOp op) {
         return op.getVariable() == "step:inverse_accumulation";
       });
       Value one = makeOne(read);
       read.getValue().replaceUsesWithIf(one,
                                         [](OpOperand &use) { return isBackward(use.getOwner()); });
       return true;
     },
     "gpt."},
    {"ArgsortIsIdentity", "gpt2", pass.data(),
     [](ModuleOp module) { return replaceByIota(find<gpt::ArgsortOp>(module, entry)); }, "gpt."},
    {"NormLosesItsMean", "gpt2", pass.data(),
     [](ModuleOp module) {
       auto map = find<gpt::MapOp>(module, entry, 0,
                                   [](gpt::MapOp op) { return op->getNumOperands() == 7; });
       SmallVector<arith::SubFOp> differences;
       map.walk([&](arith::SubFOp op) { differences.push_back(op); });
       return becomeOperand(differences.back());
     },
     "gpt.map"},
    {"ReluTurnedAround", "micrograd", pass.data(),
     [](ModuleOp module) {
       auto compare = findBackward<arith::CmpFOp>(module);
       if (compare)
         compare.setPredicate(compare.getPredicate() == arith::CmpFPredicate::OGT
                                  ? arith::CmpFPredicate::OLT
                                  : arith::CmpFPredicate::OGT);
       return bool(compare);
     },
     "gpt."},
    {"TanhDerivative", "mlp", pass.data(),
     [](ModuleOp module) { return become<arith::AddFOp>(findBackward<arith::SubFOp>(module, 1)); },
     "gpt.map"},
    {"GradientMissing", "mlp", pass.data(),
     [](ModuleOp module) {
       findWrite(module, entry, "gradient:hidden.bias").erase();
       return true;
     }},
    {"MiddleOverwrites", "gpt2", "gpt-derive-entries",
     [](ModuleOp module) {
       return setFlag(findWrite(module, "accumulate_middle", "gradient:transformer.wpe.weight"),
                      "accumulate", false);
     },
     "wpe.weight"},
    {"LossOverwritten", "gpt2", "gpt-derive-entries",
     [](ModuleOp module) {
       return setFlag(findWrite(module, "accumulate_last", "output:loss"), "accumulate", false);
     },
     "output:loss"},
    {"StateAccumulates", "mlp_batchnorm", "gpt-derive-entries",
     [](ModuleOp module) {
       auto write = find<gpt::WriteOp>(module, "accumulate_middle", 0, [&](gpt::WriteOp op) {
         auto variable = module.lookupSymbol<gpt::VariableOp>(op.getVariable());
         return variable.getKind() == gpt::VariableKind::state;
       });
       return setFlag(write, "accumulate", true);
     },
     "gpt.write"},
    {"OrderIsIdentity", "gpt2", "gpt-derive-entries",
     [](ModuleOp module) {
       return replaceByIota(find<gpt::ReadOp>(module, "accumulate_last", 0, [](gpt::ReadOp op) {
         return op.getVariable() == "order:tokens";
       }));
     },
     "gpt."},
    {"OutputNotWritten", "gpt2", "gpt-derive-entries",
     [](ModuleOp module) {
       findWrite(module, "evaluate", "output:token_losses").erase();
       return true;
     }},
    {"FirstAccumulates", "gpt2", "gpt-derive-entries",
     [](ModuleOp module) { return setFlag(findWrite(module, entry, tied), "accumulate", true); },
     "wte.weight"},
};

class GradientMiscompile : public testing::TestWithParam<Miscompile> {};
TEST_P(GradientMiscompile, IsCaught) { expectCaught(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Verify, GradientMiscompile, testing::ValuesIn(miscompiles),
                         [](const auto &info) { return std::string(info.param.name); });
