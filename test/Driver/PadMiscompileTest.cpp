// Miscompiles of padding: pads that reach other elements, or variables.
#include "Miscompile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::test;

static constexpr const char *pad = "gpt-pad";

/// A map that replaces the pads of its first operand: i < n ? x : c.
static bool isMask(gpt::MapOp map) {
  return map.getNumOperands() == 2 && !map.getBlock()->getOps<arith::SelectOp>().empty() &&
         !map.getBlock()->getOps<arith::CmpIOp>().empty();
}

/// The first mask that an operation of this kind uses.
template <typename Op> static gpt::MapOp findMask(ModuleOp module, StringRef entry) {
  return find<gpt::MapOp>(module, entry, 0, [](gpt::MapOp map) {
    return isMask(map) && llvm::any_of(map->getUsers(), llvm::IsaPred<Op>);
  });
}

template <typename Constant> static bool setConstant(gpt::MapOp map, Attribute value) {
  if (!map)
    return false;
  for (auto constant : map.getBlock()->getOps<arith::ConstantOp>())
    if (isa<Constant>(constant.getValue())) {
      constant.setValueAttr(cast<TypedAttr>(value));
      return true;
    }
  return false;
}

/// The mask of the terms of a sum over a padded axis.
static gpt::MapOp findMaskOfSum(ModuleOp module) {
  return find<gpt::MapOp>(module, "accumulate_first", 0, [](gpt::MapOp map) {
    return isMask(map) && llvm::any_of(map->getUsers(), [](Operation *user) {
             auto reduce = dyn_cast<gpt::ReduceOp>(user);
             return reduce && reduce.getKind() == gpt::ReduceKind::sum;
           });
  });
}

static const Miscompile miscompiles[] = {
    {"SumOfExponentialsIsNotMasked",
     "gpt2",
     pad,
     [](ModuleOp module) { return becomeOperand(findMaskOfSum(module)); },
     "",
     {},
     Optimizer::adamw,
     {},
     16},
    {"SumIsMaskedWithOne",
     "gpt2",
     pad,
     [](ModuleOp module) {
       return setConstant<FloatAttr>(findMaskOfSum(module), Builder(module).getF32FloatAttr(1));
     },
     "",
     {},
     Optimizer::adamw,
     {},
     16},
    {"MaskStartsOneEarly",
     "gpt2",
     pad,
     [](ModuleOp module) {
       return setConstant<IntegerAttr>(findMaskOfSum(module),
                                       Builder(module).getI32IntegerAttr(12));
     },
     "",
     {},
     Optimizer::adamw,
     {},
     16},
    {"MaskStartsOneLate",
     "gpt2",
     pad,
     [](ModuleOp module) {
       return setConstant<IntegerAttr>(findMaskOfSum(module),
                                       Builder(module).getI32IntegerAttr(14));
     },
     "",
     {},
     Optimizer::adamw,
     {},
     16},
    // The rows of the table's gradient that belong to no token.
    {"PadsOfTheGradientAreNotZero",
     "gpt2",
     pad,
     [](ModuleOp module) {
       return becomeOperand(findMask<gpt::ReshapeOp>(module, "accumulate_first"));
     },
     "are not all 0",
     {},
     Optimizer::adamw,
     {},
     16},
    {"SlicedAtTheWrongEnd",
     "gpt2",
     pad,
     [](ModuleOp module) {
       auto slice = find<gpt::SliceOp>(module, "logits", 0, [](gpt::SliceOp op) {
         return op.getSizes() != cast<RankedTensorType>(op.getInput().getType()).getShape();
       });
       if (!slice)
         return false;
       SmallVector<int64_t> offsets;
       for (auto [input, size] : llvm::zip(
                cast<RankedTensorType>(slice.getInput().getType()).getShape(), slice.getSizes()))
         offsets.push_back(input - size);
       slice.setOffsets(offsets);
       return true;
     },
     "",
     {"n_embd=12", "n_head=2"},
     Optimizer::adamw,
     {},
     16},
    {"UpdateMovesPads",
     "mlp",
     pad,
     [](ModuleOp module) {
       auto write = find<gpt::WriteOp>(module, "update", 0, [](gpt::WriteOp op) {
         auto type = cast<RankedTensorType>(op.getValue().getType());
         return type.getRank() == 2;
       });
       auto map = write ? write.getValue().getDefiningOp<gpt::MapOp>() : gpt::MapOp();
       if (!map)
         return false;
       OpBuilder builder(map.getYield());
       Value value = map.getYield().getValues()[0];
       auto one = arith::ConstantOp::create(builder, map.getLoc(), builder.getF32FloatAttr(1e-12f));
       map.getYield().setOperand(
           0, arith::AddFOp::create(builder, map.getLoc(), value, one.getResult()));
       return true;
     },
     "are not all 0",
     {},
     Optimizer::adamw,
     {},
     16},
};

class PadMiscompile : public testing::TestWithParam<Miscompile> {};
TEST_P(PadMiscompile, IsCaught) { expectCaught(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Verify, PadMiscompile, testing::ValuesIn(miscompiles),
                         [](const auto &info) { return std::string(info.param.name); });
