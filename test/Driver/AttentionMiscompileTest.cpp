// Miscompiles of attention: where it is found, and where it is differentiated.
#include "Miscompile.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::test;

static constexpr StringLiteral pass = "gpt-form-flash-attention";

static gpt::FlashAttentionOp findAttention(ModuleOp module) {
  return find<gpt::FlashAttentionOp>(module, "train");
}
static gpt::FlashAttentionGradOp findGradient(ModuleOp module) {
  return find<gpt::FlashAttentionGradOp>(module, "accumulate_first");
}

/// Puts `make` of an operand in its place.
static bool replaceOperand(Operation *op, unsigned number,
                           llvm::function_ref<Value(OpBuilder &, Location, Value)> make) {
  if (!op)
    return false;
  OpBuilder builder(op);
  op->setOperand(number, make(builder, op->getLoc(), op->getOperand(number)));
  return true;
}

/// Positions one later: the first one is 0, the last one is lost.
static Value shift(OpBuilder &builder, Location location, Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  Value padded = gpt::PadOp::create(builder, location, value, ArrayRef<int64_t>{0, 0, 1, 0},
                                    ArrayRef<int64_t>{0, 0, 0, 0});
  return gpt::SliceOp::create(builder, location, padded, ArrayRef<int64_t>{0, 0, 0, 0},
                              type.getShape());
}

static Value exchangeAxes(OpBuilder &builder, Location location, Value value,
                          ArrayRef<int64_t> permutation) {
  return gpt::TransposeOp::create(builder, location, value, permutation);
}

static bool setScale(Operation *op, double factor) {
  if (!op)
    return false;
  double scale = op->getAttrOfType<FloatAttr>("scale").getValueAsDouble();
  op->setAttr("scale", Builder(op->getContext()).getF64FloatAttr(scale * factor));
  return true;
}

static bool replaceResult(gpt::FlashAttentionGradOp op, unsigned number, unsigned by) {
  if (op)
    op->getResult(number).replaceAllUsesWith(op->getResult(by));
  return bool(op);
}

static const Miscompile miscompiles[] = {
    {"MaskForgotten", "gpt2", pass.data(),
     [](ModuleOp module) { return setFlag(findAttention(module), "causal", false); },
     "gpt.flash_attention"},
    {"ScaleForgotten", "gpt2", pass.data(),
     [](ModuleOp module) { return setScale(findAttention(module), 2); }, "gpt.flash_attention"},
    {"ScaleSlightlyOff", "gpt2", pass.data(),
     [](ModuleOp module) { return setScale(findAttention(module), 1 + 1e-6); },
     "gpt.flash_attention"},
    {"QueriesAreKeys", "gpt2", pass.data(),
     [](ModuleOp module) { return swapOperands(findAttention(module), 0, 1); },
     "gpt.flash_attention"},
    {"KeysAreValues", "gpt2", pass.data(),
     [](ModuleOp module) { return swapOperands(findAttention(module), 1, 2); },
     "gpt.flash_attention"},
    {"MaskOffByOne", "gpt2", pass.data(),
     [](ModuleOp module) {
       return replaceOperand(findAttention(module), 1, shift) &&
              replaceOperand(findAttention(module), 2, shift);
     }},
    {"TransposeOfKeysDropped", "gpt2", pass.data(),
     [](ModuleOp module) {
       return replaceOperand(findAttention(module), 1, [](OpBuilder &, Location, Value key) {
         return key.getDefiningOp<gpt::TransposeOp>().getInput();
       });
     },
     "gpt.flash_attention"},
    {"PositionsAreElements", "gpt2", pass.data(),
     [](ModuleOp module) {
       return replaceOperand(findAttention(module), 2,
                             [](OpBuilder &builder, Location location, Value value) {
                               return exchangeAxes(builder, location, value, {0, 1, 3, 2});
                             });
     }},
    {"HeadsOfOtherGroups", "modern_gpt", pass.data(),
     [](ModuleOp module) {
       return replaceOperand(
           findAttention(module), 0, [](OpBuilder &builder, Location location, Value query) {
             auto type = cast<RankedTensorType>(query.getType());
             Type split = type.clone({2, 2, 2, 4, 4});
             Value heads = gpt::ReshapeOp::create(builder, location, split, query);
             heads = exchangeAxes(builder, location, heads, {0, 2, 1, 3, 4});
             return gpt::ReshapeOp::create(builder, location, type, heads);
           });
     }},
    {"GradientWithoutMask", "gpt2", "gpt-differentiate",
     [](ModuleOp module) { return setFlag(findGradient(module), "causal", false); },
     "gpt.flash_attention_grad"},
    {"GradientScaledTwice", "gpt2", "gpt-differentiate",
     [](ModuleOp module) { return setScale(findGradient(module), 0.5); },
     "gpt.flash_attention_grad"},
    {"GradientOfQueriesForKeys", "gpt2", "gpt-differentiate",
     [](ModuleOp module) { return replaceResult(findGradient(module), 1, 0); }, "gpt."},
    {"OutputAndItsGradientExchanged", "gpt2", "gpt-differentiate",
     [](ModuleOp module) { return swapOperands(findGradient(module), 3, 5); },
     "gpt.flash_attention_grad"},
    {"CorrectionByOutputMissing", "gpt2", "gpt-differentiate", // delta = 0 for an output of 0
     [](ModuleOp module) {
       return replaceOperand(findGradient(module), 3,
                             [](OpBuilder &builder, Location location, Value output) -> Value {
                               return arith::ConstantOp::create(
                                   builder, location, builder.getZeroAttr(output.getType()));
                             });
     },
     "gpt."},
};

class AttentionMiscompile : public testing::TestWithParam<Miscompile> {};
TEST_P(AttentionMiscompile, IsCaught) { expectCaught(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Verify, AttentionMiscompile, testing::ValuesIn(miscompiles),
                         [](const auto &info) { return std::string(info.param.name); });
