// Miscompiles of the passes that save memory: pieces of rows, values computed again, memory lent.
#include "Miscompile.h"

#include "gptc/Plan/Passes.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::test;

static constexpr StringLiteral entry = "accumulate_first";
/// With a memory budget more is computed again where no gradient lends its memory.
static constexpr StringLiteral several = "accumulate_middle";
static constexpr const char *recompute = "gpt-recompute";
static constexpr const char *chunk = "gpt-chunk-rows";
static constexpr const char *again = "gpt-rematerialize";
static constexpr const char *assign = "plan-assign-buffers";

/// Two rows of the widest tensor, the 2 · 4 rows of 64 numbers of a perceptron: the last layer's,
/// with all that follows it, are cut.
static constexpr uint64_t twoRows = 2 * 64 * 4;

static gpt::MapOp findAgain(ModuleOp module, size_t operands, int number) {
  return find<gpt::MapOp>(module, entry, number, [&](gpt::MapOp op) {
    return op->hasAttr("gpt.rematerialized") && op.getOperands().size() == operands;
  });
}

static plan::BufferOp bufferOfTensor(ModuleOp module, StringRef name) {
  for (auto tensor : module.getOps<plan::TensorOp>())
    if (tensor.getName() == name)
      return module.lookupSymbol<plan::BufferOp>(tensor.getPlace().getBuffer().getValue());
  return {};
}

/// Gives what a norm leaves, which is read to the end, after most gradients are written, a place in
/// a gradient.
static bool lendWhileWritten(ModuleOp module, StringRef weight) {
  auto norm = find<plan::LaunchOp>(module, entry, 0, [](plan::LaunchOp launch) {
    auto kernel =
        launch->getParentOfType<ModuleOp>().lookupSymbol<plan::KernelOp>(launch.getKernel());
    return kernel.getLayouts().size() >= 9;
  });
  auto views = cast<ArrayAttr>(norm.getInstances()[0]);
  auto buffer =
      module.lookupSymbol<plan::BufferOp>(cast<plan::ViewAttr>(views[5]).getBuffer().getValue());
  plan::BufferOp gradient = bufferOfTensor(module, ("gradient:transformer.h.1." + weight).str());
  buffer.setSegment("gradients");
  buffer.setOffset(*gradient.getOffset());
  buffer->setAttr(plan::lentMark, UnitAttr::get(module.getContext()));
  return true;
}

/// Rows of 192 and of 256 numbers, which both get pads, and activations that need the memory of
/// gradients of both.
static const std::vector<std::string> twoKinds = {"n_embd=64", "block_size=32"};

static const Miscompile miscompiles[] = {
    {"PieceOfOtherRows",
     "gpt2",
     chunk,
     [](ModuleOp module) {
       auto slice = find<gpt::SliceOp>(module, entry, 0, [](gpt::SliceOp op) {
         return llvm::any_of(op.getOffsets(), [](int64_t offset) { return offset > 0; });
       });
       if (!slice)
         return false;
       SmallVector<int64_t> offsets(slice.getOffsets().size(), 0);
       slice.setOffsets(offsets);
       return true;
     },
     "gpt.",
     {},
     Optimizer::adamw,
     {},
     1,
     twoRows},
    {"LastPieceLeftOut",
     "gpt2",
     chunk,
     [](ModuleOp module) {
       auto concat = find<gpt::ConcatOp>(module, entry, 0);
       if (!concat)
         return false;
       concat->setOperand(concat.getInputs().size() - 1, concat.getInputs().front());
       return true;
     },
     "gpt.",
     {},
     Optimizer::adamw,
     {},
     1,
     twoRows},
    {"PiecesSwapped",
     "gpt2",
     chunk,
     [](ModuleOp module) { return swapOperands(find<gpt::ConcatOp>(module, entry, 1), 0, 1); },
     "gpt.",
     {},
     Optimizer::adamw,
     {},
     1,
     twoRows},
    {"SumOfPiecesOverwritten",
     "gpt2",
     chunk,
     [](ModuleOp module) {
       return setFlag(
           find<gpt::WriteOp>(module, entry, 1, [](gpt::WriteOp op) { return op.getAccumulate(); }),
           "accumulate", false);
     },
     "gpt.",
     {},
     Optimizer::adamw,
     {},
     1,
     twoRows},
    {"FirstPieceAdds",
     "gpt2",
     chunk,
     [](ModuleOp module) {
       // The write before the first that adds.
       auto second =
           find<gpt::WriteOp>(module, entry, 0, [](gpt::WriteOp op) { return op.getAccumulate(); });
       return second && setFlag(second->getPrevNode(), "accumulate", true);
     },
     "",
     {},
     Optimizer::adamw,
     {},
     1,
     twoRows},
    {"AgainWithWeightAndBiasSwapped", "gpt2", again,
     [](ModuleOp module) { return swapOperands(findAgain(module, 5, 0), 3, 4); }, "gpt."},
    {"AgainFromAnotherLayer", "gpt2", again,
     [](ModuleOp module) {
       gpt::MapOp one = findAgain(module, 2, 1), other = findAgain(module, 2, 0);
       if (!one || !other || one.getOperand(0) == other.getOperand(0))
         return false;
       one->setOperand(0, other.getOperand(0));
       return true;
     },
     "gpt."},
    {"AgainWithoutBias", "gpt2", again,
     [](ModuleOp module) {
       gpt::MapOp copy = findAgain(module, 5, 1);
       return becomeOperand(copy.getYield().getValues().front().getDefiningOp(), 0);
     },
     "gpt."},
    {"ProductAgainWithOtherWeights",
     "gpt2",
     recompute,
     [](ModuleOp module) {
       constexpr StringLiteral one = "transformer.h.0.", other = "transformer.h.1.";
       auto product = find<gpt::MatmulOp>(module, several, 0, [&](gpt::MatmulOp op) {
         auto read = op.getRhs().getDefiningOp<gpt::ReadOp>();
         return op->hasAttr("gpt.rematerialized") && read && read.getVariable().starts_with(one);
       });
       if (!product)
         return false;
       auto read = product.getRhs().getDefiningOp<gpt::ReadOp>();
       OpBuilder builder(product);
       auto copy = cast<gpt::ReadOp>(builder.clone(*read));
       copy.setVariable((other + read.getVariable().drop_front(one.size())).str());
       product->setOperand(1, copy);
       return true;
     },
     "gpt.",
     {},
     Optimizer::adamw,
     {},
     1,
     0,
     0,
     TrainingPrecision::fp32,
     true},
    {"AttentionAgainWithoutMask",
     "gpt2",
     recompute,
     [](ModuleOp module) {
       return setFlag(find<gpt::FlashAttentionOp>(module, several, 0,
                                                  [](gpt::FlashAttentionOp op) {
                                                    return op->hasAttr("gpt.rematerialized");
                                                  }),
                      "causal", false);
     },
     "gpt.",
     {},
     Optimizer::adamw,
     {},
     1,
     0,
     0,
     TrainingPrecision::fp32,
     true},
    {"CopyOfAnotherValue",
     "gpt2",
     recompute,
     [](ModuleOp module) {
       // Two products of one type: users of the later copy read the earlier one.
       gpt::MatmulOp first;
       auto later = find<gpt::MatmulOp>(module, several, 0, [&](gpt::MatmulOp op) {
         if (!op->hasAttr("gpt.rematerialized"))
           return false;
         if (!first)
           first = op;
         return op != first && op.getType() == first.getType() && op.getRhs() != first.getRhs();
       });
       if (!later)
         return false;
       later.getResult().replaceAllUsesWith(first.getResult());
       return true;
     },
     "gpt.",
     {},
     Optimizer::adamw,
     {},
     1,
     0,
     0,
     TrainingPrecision::fp32,
     true},
    {"LentWhileWritten", "gpt2", assign,
     [](ModuleOp module) { return lendWhileWritten(module, "mlp.c_proj.weight"); }, ", and plan."},
    {"FurtherKindLentWhileWritten",
     "gpt2",
     assign,
     [](ModuleOp module) { return lendWhileWritten(module, "attn.c_attn.weight"); },
     ", and plan.",
     twoKinds,
     Optimizer::adamw,
     {},
     1,
     0,
     32},
    {"PadsOfFurtherKindStayDirty",
     "gpt2",
     assign,
     [](ModuleOp module) {
       auto entryOp = module.lookupSymbol<plan::EntryOp>(entry);
       auto last = dyn_cast<plan::LaunchOp>(entryOp.getBody().front().back());
       if (!last || !last.getKernel().starts_with("clear_pads") ||
           last->getPrevNode()->getName() != last->getName() ||
           !cast<plan::LaunchOp>(last->getPrevNode()).getKernel().starts_with("clear_pads"))
         return false;
       last.erase();
       return true;
     },
     "",
     twoKinds,
     Optimizer::adamw,
     {},
     1,
     0,
     32},
};

class MemoryMiscompile : public testing::TestWithParam<Miscompile> {};
TEST_P(MemoryMiscompile, IsCaught) { expectCaught(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Memory, MemoryMiscompile, testing::ValuesIn(miscompiles),
                         [](const testing::TestParamInfo<Miscompile> &info) {
                           return std::string(info.param.name);
                         });
