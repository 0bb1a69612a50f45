// gpt-lower-to-plan: variables become buffers and the binding table, functions become entries.
//
// What it must show: every value has a place before a command uses it; equal kernels are made once;
// no copy is launched where strides, or computing in place, can do without.
#include "EntryLowering.h"

#include "gptc/Dialect/GPT/Variables.h"
#include "gptc/Plan/Passes.h"

namespace gptc {
#define GEN_PASS_DEF_LOWERTOPLANPASS
#include "gptc/Plan/Passes.h.inc"
} // namespace gptc

using namespace mlir;
using namespace gptc;
using namespace gptc::plan;

/// Outputs larger than this, if one entry alone has them, lie in a segment of their own.
static constexpr int64_t largestSharedOutput = 1024 * 1024;

/// The functions that touch each variable.
static llvm::StringMap<SmallVector<StringRef>> usersOf(ModuleOp module) {
  llvm::StringMap<SmallVector<StringRef>> users;
  for (auto function : module.getOps<func::FuncOp>())
    function.walk([&](Operation *op) {
      StringRef variable;
      if (auto read = dyn_cast<gpt::ReadOp>(op))
        variable = read.getVariable();
      else if (auto write = dyn_cast<gpt::WriteOp>(op))
        variable = write.getVariable();
      else
        return;
      if (SmallVector<StringRef> &own = users[variable];
          own.empty() || own.back() != function.getSymName())
        own.push_back(function.getSymName());
    });
  return users;
}

static std::string segmentOf(gpt::VariableOp variable, ArrayRef<StringRef> users) {
  switch (variable.getKind()) {
  case gpt::VariableKind::parameter:
  case gpt::VariableKind::state:
    return "parameters";
  case gpt::VariableKind::moment:
    return "optimizer";
  case gpt::VariableKind::gradient:
    return "gradients";
  case gpt::VariableKind::output:
    if (RankedTensorType type = variable.getTensorType();
        users.size() == 1 &&
        type.getNumElements() * bytesOfElement(type.getElementType()) > largestSharedOutput)
      return ("io:" + users.front()).str();
    return "io";
  case gpt::VariableKind::input:
    return "io";
  case gpt::VariableKind::step:
    return "step";
  }
  llvm_unreachable("all kinds have a segment");
}

namespace {
struct LowerToPlanPass : gptc::impl::LowerToPlanPassBase<LowerToPlanPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    Memory memory;
    OpBuilder builder(module.getBodyRegion());
    builder.setInsertionPointToEnd(module.getBody());
    SmallVector<TensorOp> tensors;
    llvm::StringMap<SmallVector<StringRef>> users = usersOf(module);
    for (auto variable : llvm::make_early_inc_range(module.getOps<gpt::VariableOp>())) {
      RankedTensorType type = variable.getTensorType();
      RankedTensorType stored = gpt::getStoredType(variable);
      std::string segment = segmentOf(variable, users.lookup(variable.getSymName()));
      // No matmul reads integers: their rows lie side by side, and may be read as one.
      bool dense = type.getElementType().isInteger();
      Strides strides = dense ? denseStrides(stored.getShape()) : paddedStrides(stored);
      bool flat = llvm::is_contained(
          {gpt::VariableKind::parameter, gpt::VariableKind::moment, gpt::VariableKind::gradient},
          variable.getKind());
      Place place = flat ? memory.allocateFlat(segment, stored, strides)
                         : memory.allocate(segment, stored, strides);
      memory.variables[variable.getSymName()] = place;
      NamedAttrList attributes(variable->getDiscardableAttrDictionary());
      for (NamedAttribute attribute : variable->getAttrDictionary())
        if (attribute.getName() != variable.getSymNameAttrName() &&
            attribute.getName() != variable.getTypeAttrName())
          attributes.set(attribute.getName(), attribute.getValue());
      auto view = ViewAttr::get(&getContext(),
                                FlatSymbolRefAttr::get(&getContext(), bufferName(place.buffer)), 0);
      tensors.push_back(TensorOp::create(builder, variable.getLoc(), variable.getSymName(), view,
                                         place.strides, attributes.getDictionary(&getContext()),
                                         type));
    }
    KernelTable kernels(module);
    SmallVector<func::FuncOp> functions(module.getOps<func::FuncOp>());
    for (func::FuncOp function : functions) {
      std::string name = function.getSymName().str();
      OpBuilder::InsertionGuard guard(builder);
      auto entry = EntryOp::create(builder, function.getLoc(), name + ".entry");
      OpBuilder inside(&getContext());
      inside.createBlock(&entry.getBody());
      if (failed(EntryLowering(memory, kernels, inside).lower(function)))
        return signalPassFailure();
      function.erase();
      entry.setSymName(name);
    }
    for (auto variable : llvm::make_early_inc_range(module.getOps<gpt::VariableOp>()))
      variable.erase();
    declareBuffers(memory, builder);
  }

  /// Buffers come first in the module: those that outlive entries, then the transient ones.
  void declareBuffers(const Memory &memory, OpBuilder &builder) {
    builder.setInsertionPointToStart(getOperation().getBody());
    for (auto [index, buffer] : llvm::enumerate(memory.buffers))
      BufferOp::create(builder, builder.getUnknownLoc(), bufferName(index), buffer.segment,
                       buffer.elements * bytesOfElement(buffer.element), IntegerAttr(),
                       buffer.element.isF32() ? TypeAttr() : TypeAttr::get(buffer.element));
  }
};
} // namespace
