// Miscompiles of the forward graph.
#include "Miscompile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::test;

static bool setPredicate(ModuleOp module, arith::CmpIPredicate from, arith::CmpIPredicate to) {
  auto compare = find<arith::CmpIOp>(module, "train", 0,
                                     [&](arith::CmpIOp op) { return op.getPredicate() == from; });
  if (compare)
    compare.setPredicate(to);
  return bool(compare);
}

static bool setAxes(Operation *op, StringRef name, ArrayRef<int64_t> values) {
  if (op)
    op->setAttr(name, DenseI64ArrayAttr::get(op->getContext(), values));
  return op != nullptr;
}

static bool swapPieces(ModuleOp module) {
  auto split = find<gpt::SplitOp>(module, "train");
  if (!split)
    return false;
  Value first = split->getResult(0), second = split->getResult(1);
  SmallVector<OpOperand *> uses;
  for (OpOperand &use : first.getUses())
    uses.push_back(&use);
  second.replaceAllUsesWith(first);
  for (OpOperand *use : uses)
    use->set(second);
  return true;
}

static gpt::VariableOp stateOf(ModuleOp module, int number) {
  for (auto variable : module.getOps<gpt::VariableOp>())
    if (variable.getKind() == gpt::VariableKind::state && number-- == 0)
      return variable;
  return {};
}

static const Miscompile miscompiles[] = {
    {"Sign", "gpt2", "canonicalize",
     [](ModuleOp module) { return become<arith::SubFOp>(find<arith::AddFOp>(module, "train", 2)); },
     "gpt.map"},
    {"CausalMaskHidesItself", "gpt2", "gpt-decompose",
     [](ModuleOp module) {
       return setPredicate(module, arith::CmpIPredicate::sge, arith::CmpIPredicate::sgt);
     },
     "gpt.map"},
    {"CausalMaskTurnedAround", "gpt2", "gpt-decompose",
     [](ModuleOp module) {
       return setPredicate(module, arith::CmpIPredicate::sge, arith::CmpIPredicate::sle);
     },
     "gpt.attention"},
    {"ScaleSlightlyOff", "gpt2", "gpt-decompose",
     [](ModuleOp module) {
       auto mask = find<arith::CmpIOp>(module, "train");
       for (auto constant : mask->getBlock()->getOps<arith::ConstantOp>())
         if (auto value = dyn_cast<FloatAttr>(constant.getValue());
             value && value.getValueAsDouble() == 0.5) {
           constant.setValueAttr(FloatAttr::get(constant.getType(), 0.50005));
           return true;
         }
       return false;
     },
     "gpt.map"},
    {"CopyReadsAnotherCopy", "gpt2", "gpt-expand-repeats",
     [](ModuleOp module) {
       return readInstead(module, "train", "transformer.h.1.ln_1.weight",
                          "transformer.h.0.ln_1.weight");
     },
     "gpt.layer_norm"},
    {"Epsilon", "gpt2", "cse",
     [](ModuleOp module) {
       auto norm = find<gpt::LayerNormOp>(module, "train", 1);
       norm->setAttr("epsilon", Builder(module).getF64FloatAttr(1e-6));
       return true;
     },
     "gpt.layer_norm"},
    {"TransposedSquareWeight", "gpt2", "gpt-expand-repeats",
     [](ModuleOp module) {
       return setFlag(find<gpt::MatmulOp>(module, "train", 0,
                                          [](gpt::MatmulOp op) {
                                            auto type =
                                                cast<RankedTensorType>(op.getRhs().getType());
                                            return type.getShape() == ArrayRef<int64_t>{16, 16};
                                          }),
                      "transpose_rhs", true);
     },
     "gpt.matmul"},
    {"AnotherBias", "gpt2", "canonicalize",
     [](ModuleOp module) {
       return readInstead(module, "evaluate", "transformer.h.0.ln_1.bias",
                          "transformer.h.0.ln_2.bias");
     },
     "gpt.layer_norm"},
    {"SliceMoved", "mlp", "canonicalize",
     [](ModuleOp module) {
       return setAxes(find<gpt::SliceOp>(module, "train"), "offsets", {0, 1});
     },
     "gpt.slice"},
    {"ConcatSwapped", "modern_gpt", "canonicalize",
     [](ModuleOp module) { return swapOperands(find<gpt::ConcatOp>(module, "train"), 0, 1); },
     "gpt.concat"},
    {"PermutationSwapped", "gpt2", "canonicalize",
     [](ModuleOp module) {
       return setAxes(find<gpt::TransposeOp>(module, "train", 1), "permutation", {0, 2, 3, 1});
     },
     "gpt.transpose"},
    {"PositionsOffByOne", "gpt2", "cse",
     [](ModuleOp module) {
       return setAxes(find<gpt::SliceOp>(module, "logits"), "offsets", {1, 0});
     },
     "gpt.slice"},
    {"QueryAndKeySwapped", "gpt2", "gpt-expand-repeats", swapPieces, "gpt.attention"},
    {"RandomStream",
     "gpt2",
     "gpt-expand-repeats",
     [](ModuleOp module) {
       auto random = find<gpt::RandomOp>(module, "train", 2);
       if (random)
         random.setStream(random.getStream().str() + "x");
       return bool(random);
     },
     "gpt.random",
     {"dropout=0.1"}},
    {"MeanOverOneLess", "bigram", "cse",
     [](ModuleOp module) { return changeConstant(module, "train", 729, 728); }, "gpt.map"},
    {"ReducedAxis", "modern_gpt", "cse",
     [](ModuleOp module) {
       return setAxes(find<gpt::ReduceOp>(
                          module, "train", 0,
                          [](gpt::ReduceOp op) {
                            return op.getAxes() == ArrayRef<int64_t>{3} &&
                                   cast<RankedTensorType>(op.getInput().getType()).getShape() ==
                                       ArrayRef<int64_t>{2, 4, 4, 4};
                          }),
                      "axes", {2});
     },
     "gpt.reduce"},
    {"SumIsMaximum", "micrograd", "canonicalize",
     [](ModuleOp module) {
       find<gpt::ReduceOp>(module, "train").setKind(gpt::ReduceKind::max);
       return true;
     },
     "gpt.reduce"},
    {"DifferenceSwapped", "micrograd", "canonicalize",
     [](ModuleOp module) { return swapOperands(find<arith::SubFOp>(module, "train"), 0, 1); },
     "gpt.map"},
    {"TargetsAreTokens", "gpt2", "cse",
     [](ModuleOp module) { return readInstead(module, "train", "targets", "tokens"); },
     "gpt.cross_entropy"},
    {"StateReadForAnother", "mlp_batchnorm", "canonicalize",
     [](ModuleOp module) {
       return readInstead(module, "evaluate", stateOf(module, 0).getSymName(),
                          stateOf(module, 1).getSymName());
     },
     "gpt."},
    {"StateNotWritten", "mlp_batchnorm", "canonicalize",
     [](ModuleOp module) {
       findWrite(module, "train", stateOf(module, 0).getSymName()).erase();
       return true;
     },
     "gpt.write"},
};

class GraphMiscompile : public testing::TestWithParam<Miscompile> {};
TEST_P(GraphMiscompile, IsCaught) { expectCaught(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Verify, GraphMiscompile, testing::ValuesIn(miscompiles),
                         [](const auto &info) { return std::string(info.param.name); });
