// Miscompiles of a plan's products with epilogues.
#include "Miscompile.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::test;

static constexpr StringLiteral entry = "accumulate_first";
static constexpr const char *lower = "gpt-lower-to-plan";
static constexpr const char *assign = "plan-assign-buffers";

/// A product with an epilogue that reads `inputs` operands, the product among them.
static plan::MatmulOp findEpilogue(ModuleOp module, unsigned inputs, StringRef from = entry) {
  return find<plan::MatmulOp>(module, from, 0, [&](plan::MatmulOp op) {
    return op.getEpilogue() &&
           module.lookupSymbol<plan::KernelOp>(*op.getEpilogue()).getBody().getNumArguments() ==
               inputs;
  });
}

static plan::KernelOp epilogueOf(plan::MatmulOp op) {
  return op->getParentOfType<ModuleOp>().lookupSymbol<plan::KernelOp>(*op.getEpilogue());
}

/// The first operand of the epilogue that is stored with so many axes.
static size_t findOperand(plan::MatmulOp op, int64_t rank) {
  size_t found = 0;
  ArrayAttr layouts = epilogueOf(op).getLayouts();
  while (cast<MemRefType>(cast<TypeAttr>(layouts[found]).getValue()).getRank() != rank)
    ++found;
  return found;
}

static plan::BufferOp bufferOf(ModuleOp module, plan::ViewAttr view) {
  return module.lookupSymbol<plan::BufferOp>(view.getBuffer().getValue());
}

static const Miscompile miscompiles[] = {
    {"BiasOfTheNextColumn", "gpt2", lower,
     [](ModuleOp module) {
       plan::MatmulOp product = findEpilogue(module, 2);
       SmallVector<Attribute> views(product.getEpilogueOperands()->getValue());
       size_t bias = findOperand(product, 1);
       auto view = cast<plan::ViewAttr>(views[bias]);
       views[bias] =
           plan::ViewAttr::get(module.getContext(), view.getBuffer(), view.getOffset() + 1);
       product.setEpilogueOperandsAttr(ArrayAttr::get(module.getContext(), views));
       return true;
     },
     "plan."},
    {"EpilogueOnOneRow", "gpt2", lower,
     [](ModuleOp module) {
       // A gradient's epilogue, which reads what the activation was computed from.
       auto product = find<plan::MatmulOp>(module, entry, 0, [](plan::MatmulOp op) {
         return op.getEpilogue() && op.getTransposeRhs() &&
                cast<MemRefType>(cast<TypeAttr>(epilogueOf(op).getLayouts()[0]).getValue())
                        .getRank() == 2;
       });
       plan::KernelOp kernel = epilogueOf(product);
       SmallVector<Attribute> layouts(kernel.getLayouts().getValue());
       auto layout = cast<MemRefType>(cast<TypeAttr>(layouts[0]).getValue());
       layouts[0] =
           TypeAttr::get(MemRefType::get(layout.getShape(), layout.getElementType(),
                                         StridedLayoutAttr::get(module.getContext(), 0, {0, 1})));
       kernel.setLayoutsAttr(ArrayAttr::get(module.getContext(), layouts));
       return layout.getRank() == 2;
     },
     "plan."},
    {"LastPanelSkipped", "gpt2", lower,
     [](ModuleOp module) {
       plan::MatmulOp product = findEpilogue(module, 2);
       product.setEpilogueRows(*product.getEpilogueRows() / 2);
       return true;
     },
     "plan."},
    {"OutputOfAnEpilogueOverItsLeftMatrix", "gpt2", assign,
     [](ModuleOp module) {
       // Where no gradient lends its memory both are in one segment.
       plan::MatmulOp product = findEpilogue(module, 2, "accumulate_middle");
       ArrayAttr views = *product.getEpilogueOperands();
       plan::BufferOp output = bufferOf(module, cast<plan::ViewAttr>(views[views.size() - 1])),
                      lhs = bufferOf(module, product.getLhs());
       output.setOffset(*lhs.getOffset());
       return output != lhs;
     },
     "plan."},
};

class EpilogueMiscompile : public testing::TestWithParam<Miscompile> {};
TEST_P(EpilogueMiscompile, IsCaught) { expectCaught(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Epilogues, EpilogueMiscompile, testing::ValuesIn(miscompiles),
                         [](const testing::TestParamInfo<Miscompile> &info) {
                           return std::string(info.param.name);
                         });
