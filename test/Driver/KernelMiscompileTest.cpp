// Miscompiles of decomposition, of reductions split in two, and of operations gathered in kernels.
#include "Miscompile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::test;

static constexpr StringLiteral entry = "accumulate_first";
static constexpr const char *decompose = "gpt-decompose (optimized)";
static constexpr const char *kernels = "gpt-form-kernels";

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
    {"SoftmaxSumIsMaximum", "gpt2", decompose,
     [](ModuleOp module) {
       // The sum of the exponentials follows the maximum of the scores.
       auto maximum = find<gpt::ReduceOp>(
           module, entry, 0, [](gpt::ReduceOp op) { return op.getKind() == gpt::ReduceKind::max; });
       for (Operation *op = maximum->getNextNode(); op; op = op->getNextNode())
         if (auto sum = dyn_cast<gpt::ReduceOp>(op))
           return setKind(sum, gpt::ReduceKind::max);
       return false;
     },
     "gpt.softmax"},
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
