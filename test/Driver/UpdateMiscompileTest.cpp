// Miscompiles of the optimizer's step.
#include "Miscompile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::test;

static constexpr const char *pass = "gpt-insert-optimizer";
static constexpr StringLiteral entry = "update";

static gpt::ReadOp findRead(ModuleOp module, StringRef variable) {
  return find<gpt::ReadOp>(module, entry, 0,
                           [&](gpt::ReadOp op) { return op.getVariable() == variable; });
}

static bool swapReads(ModuleOp module, StringRef one, StringRef other) {
  gpt::ReadOp first = findRead(module, one), second = findRead(module, other);
  if (!first || !second)
    return false;
  first.setVariable(other);
  second.setVariable(one);
  return true;
}

static gpt::AdamWOp findStep(ModuleOp module, bool decayed) {
  return find<gpt::AdamWOp>(module, entry, 0,
                            [&](gpt::AdamWOp op) { return op.getDecayed() == decayed; });
}

static const Miscompile miscompiles[] = {
    {"BetasExchanged", "gpt2", pass,
     [](ModuleOp module) { return swapReads(module, "step:beta1", "step:beta2"); }, "gpt."},
    {"BiasCorrectionMissing", "gpt2", pass,
     [](ModuleOp module) {
       gpt::ReadOp read = findRead(module, "step:correction1");
       read.getValue().replaceAllUsesWith(makeOne(read));
       return true;
     },
     "gpt."},
    {"DecayDropped", "gpt2", pass,
     [](ModuleOp module) { return setFlag(findStep(module, true), "decayed", false); },
     "gpt.adamw"},
    {"BiasDecayed", "gpt2", pass,
     [](ModuleOp module) { return setFlag(findStep(module, false), "decayed", true); },
     "gpt.adamw"},
    {"ClipIgnored", "mlp", pass,
     [](ModuleOp module) {
       gpt::AdamWOp step = findStep(module, false);
       step.getClipMutable().assign(makeOne(step));
       return true;
     },
     "gpt.adamw"},
    {"EpsilonIsDecay", "mlp", pass,
     [](ModuleOp module) {
       return readInstead(module, entry, "step:epsilon", "step:weight_decay");
     },
     "gpt."},
    {"MomentsExchanged", "mlp", pass,
     [](ModuleOp module) { return swapOperands(findStep(module, true), 2, 3); }, "gpt.adamw"},
    {"NormLeavesOneOut", "mlp", pass,
     [](ModuleOp module) {
       find<gpt::GlobalNormOp>(module, entry)->eraseOperand(1);
       return true;
     },
     "gpt.global_norm"},
    {"MomentsWrittenToEachOther", "mlp", pass,
     [](ModuleOp module) {
       auto first = findWrite(module, entry, "moment1:hidden.bias"),
            second = findWrite(module, entry, "moment2:hidden.bias");
       first.setVariable("moment2:hidden.bias");
       second.setVariable("moment1:hidden.bias");
       return true;
     },
     "gpt.write"},
    {"GradientOfAnother", "gpt2", pass,
     [](ModuleOp module) {
       return readInstead(module, entry, "moment1:transformer.h.0.ln_1.bias",
                          "moment1:transformer.h.0.ln_2.bias");
     },
     "ln_1.bias"},
    {"ClipEpsilon", "mlp", pass,
     [](ModuleOp module) { return changeConstant(module, entry, 1e-6, 1e-5); }, "gpt."},
    {"ClipIsLargest", "mlp", pass,
     [](ModuleOp module) {
       return become<arith::MaximumFOp>(find<arith::MinimumFOp>(module, entry));
     },
     "gpt."},
    {"ParameterNotWritten", "mlp", pass,
     [](ModuleOp module) {
       findWrite(module, entry, "output.bias").erase();
       return true;
     }},
    {"SgdDecaySign",
     "mlp",
     pass,
     [](ModuleOp module) { return become<arith::AddFOp>(find<arith::SubFOp>(module, entry, 1)); },
     "gpt.map",
     {},
     Optimizer::sgd},
    {"SgdRateIsDecay",
     "mlp",
     pass,
     [](ModuleOp module) { return swapReads(module, "step:learning_rate", "step:weight_decay"); },
     "gpt.",
     {},
     Optimizer::sgd},
    {"StaleParameter", "gpt2", "canonicalize (training)",
     [](ModuleOp module) {
       return readInstead(module, entry, "transformer.h.0.attn.c_proj.weight",
                          "transformer.h.1.attn.c_proj.weight");
     },
     "gpt.adamw"},
};

class UpdateMiscompile : public testing::TestWithParam<Miscompile> {};
TEST_P(UpdateMiscompile, IsCaught) { expectCaught(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Verify, UpdateMiscompile, testing::ValuesIn(miscompiles),
                         [](const auto &info) { return std::string(info.param.name); });
