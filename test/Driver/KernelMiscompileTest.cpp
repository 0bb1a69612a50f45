// Miscompiles of decomposition, of reductions split in two, and of operations gathered in kernels.
#include "Miscompile.h"

#include "gptc/Dialect/GPT/BlockSums.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::test;

static constexpr StringLiteral entry = "accumulate_first";
static constexpr const char *decompose = "gpt-decompose (optimized)";
static constexpr const char *kernels = "gpt-form-kernels";

static constexpr const char *epilogues = "gpt-fuse-epilogues";

/// A kernel with a product in it.
static gpt::MatmulOp findProduct(ModuleOp module) {
  return find<gpt::MatmulOp>(module, entry, 0,
                             [](gpt::MatmulOp op) { return isa<gpt::FusedOp>(op->getParentOp()); });
}

/// Two operands or yielded values of a kernel that have one type.
static bool swapAlike(Operation *op) {
  if (!op)
    return false;
  for (unsigned i = 0; i < op->getNumOperands(); ++i)
    for (unsigned j = i + 1; j < op->getNumOperands(); ++j)
      if (op->getOperand(i).getType() == op->getOperand(j).getType())
        return swapOperands(op, i, j);
  return false;
}

static bool setKind(gpt::ReduceOp op, gpt::ReduceKind kind) {
  if (op)
    op.setKind(kind);
  return bool(op);
}

static gpt::ReduceOp findReduce(ModuleOp module, size_t axes, int number) {
  return find<gpt::ReduceOp>(module, entry, number, [&](gpt::ReduceOp op) {
    return op.getKind() == gpt::ReduceKind::sum && op.getAxes().size() == axes;
  });
}

static const Miscompile miscompiles[] = {
    {"ProductWithoutItsEpilogue", "gpt2", epilogues,
     [](ModuleOp module) {
       gpt::MatmulOp product = findProduct(module);
       Operation *yield = product->getBlock()->getTerminator();
       if (yield->getOperand(0).getType() != product.getResult().getType())
         return false;
       yield->setOperand(0, product.getResult());
       return true;
     },
     "gpt."},
    {"ProductOfOtherMatrices", "gpt2", epilogues,
     [](ModuleOp module) {
       // The weight of the next layer in place of this one's.
       auto fused = cast<gpt::FusedOp>(findProduct(module)->getParentOp());
       for (Value operand : fused.getOperands())
         if (auto read = operand.getDefiningOp<gpt::ReadOp>();
             read && read.getVariable().contains("h.0.") &&
             read.getVariable().ends_with(".weight")) {
           std::string other = read.getVariable().str();
           other[other.find("h.0.") + 2] = '1';
           auto copy = cast<gpt::ReadOp>(OpBuilder(fused).clone(*read));
           copy.setVariable(other);
           fused->replaceUsesOfWith(read, copy);
           return true;
         }
       return false;
     },
     "gpt."},
    {"SoftmaxSumIsMaximum",
     "gpt2",
     decompose,
     [](ModuleOp module) {
       // The sum of the exponentials follows the maximum of the scores.
       auto maximum = find<gpt::ReduceOp>(
           module, entry, 0, [](gpt::ReduceOp op) { return op.getKind() == gpt::ReduceKind::max; });
       for (Operation *op = maximum->getNextNode(); op; op = op->getNextNode())
         if (auto sum = dyn_cast<gpt::ReduceOp>(op))
           return setKind(sum, gpt::ReduceKind::max);
       return false;
     },
     "gpt.softmax",
     {},
     Optimizer::adamw,
     {"gpt-form-flash-attention"}},
    {"Epsilon", "gpt2", decompose,
     [](ModuleOp module) { return changeConstant(module, entry, 1e-5, 1e-6); }, "gpt.layer_norm"},
    {"ConstantSlightlyOff", "gpt2", decompose,
     [](ModuleOp module) { return changeConstant(module, entry, 0.044715, 0.0447155); }, "gpt.map"},
    {"LeftOutTargetCounts", "gpt2", decompose,
     [](ModuleOp module) {
       auto compare = find<arith::CmpIOp>(module, "evaluate", 0, [](arith::CmpIOp op) {
         auto constant = op.getRhs().getDefiningOp<arith::ConstantOp>();
         return constant && cast<IntegerAttr>(constant.getValue()).getInt() == 0;
       });
       if (compare)
         compare.setPredicate(arith::CmpIPredicate::ne);
       return bool(compare);
     },
     "gpt.cross_entropy"},
    {"RootMissing", "mlp", decompose,
     [](ModuleOp module) { return becomeOperand(find<math::SqrtOp>(module, "update", 1)); },
     "gpt."},
    {"QuotientSwapped", "gpt2", decompose,
     [](ModuleOp module) { return swapOperands(find<arith::DivFOp>(module, "logits"), 0, 1); },
     "gpt."},
    {"SplitSumIsMaximum", "gpt2", "gpt-split-reductions",
     [](ModuleOp module) { return setKind(findReduce(module, 1, 12), gpt::ReduceKind::max); },
     "gpt.reduce"},
    {"WrongReadsMerged", "gpt2", "cse (optimized)",
     [](ModuleOp module) {
       return readInstead(module, "logits", "transformer.h.0.ln_1.bias",
                          "transformer.h.1.ln_1.bias");
     },
     "gpt.map"},
    {"LastBlockForgotten", "gpt2", "gpt-split-column-sums",
     [](ModuleOp module) {
       auto sum = find<gpt::ReduceOp>(module, entry, 0, [](gpt::ReduceOp op) {
         Operation *parts = op.getInput().getDefiningOp();
         return parts && gpt::matchBlockSum(parts);
       });
       if (!sum)
         return false;
       OpBuilder builder(sum);
       auto type = cast<RankedTensorType>(sum.getInput().getType());
       SmallVector<int64_t> sizes(type.getShape());
       --sizes[0];
       sum.setOperand(gpt::SliceOp::create(builder, sum.getLoc(), sum.getInput(),
                                           ArrayRef<int64_t>{0, 0}, sizes));
       return true;
     },
     "gpt."},
    {"OperandsSwapped", "gpt2", kernels,
     [](ModuleOp module) {
       return swapAlike(find<gpt::FusedOp>(module, entry, 0, [](gpt::FusedOp op) {
         auto types = op->getOperandTypes();
         return op->getNumOperands() >= 3 && types[1] == types[2];
       }));
     },
     "gpt."},
    {"ResultsSwapped", "gpt2", kernels,
     [](ModuleOp module) {
       auto yield = find<gpt::YieldOp>(module, entry, 0, [](gpt::YieldOp op) {
         auto types = op->getOperandTypes();
         return isa<gpt::FusedOp>(op->getParentOp()) && types.size() >= 2 &&
                llvm::is_contained(llvm::drop_begin(types), types[0]);
       });
       return swapAlike(yield);
     }},
    {"SumInKernel", "gpt2", kernels,
     [](ModuleOp module) {
       return become<arith::SubFOp>(find<arith::AddFOp>(module, "update", 3));
     },
     "gpt.map"},
    {"ReductionInKernel", "modern_gpt", kernels,
     [](ModuleOp module) { return setKind(findReduce(module, 1, 3), gpt::ReduceKind::max); },
     "gpt.reduce"},
    {"WrittenElsewhere", "gpt2", kernels,
     [](ModuleOp module) {
       auto one = findWrite(module, entry, "gradient:transformer.h.0.ln_1.bias"),
            other = findWrite(module, entry, "gradient:transformer.h.0.ln_2.bias");
       one.setVariable("gradient:transformer.h.0.ln_2.bias");
       other.setVariable("gradient:transformer.h.0.ln_1.bias");
       return true;
     },
     "gpt.write"},
    {"AccumulationDropped", "gpt2", kernels,
     [](ModuleOp module) {
       return setFlag(findWrite(module, "accumulate_last", "gradient:transformer.ln_f.bias"),
                      "accumulate", false);
     },
     "gpt.write"},
};

class KernelMiscompile : public testing::TestWithParam<Miscompile> {};
TEST_P(KernelMiscompile, IsCaught) { expectCaught(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Verify, KernelMiscompile, testing::ValuesIn(miscompiles),
                         [](const auto &info) { return std::string(info.param.name); });
