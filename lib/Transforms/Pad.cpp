// gpt-pad: parameters, their gradients and moments get axes of sizes that kernels like.
//
// What it must show: pads of variables are exactly 0 behind every entry; all other elements, and
// the logical shapes that checkpoints speak of, are as without the pass; only axes that meet a
// matmul are padded, and only where that adds little.
#include "PadRewriter.h"

#include "gptc/Dialect/GPT/Variables.h"
#include "gptc/Transforms/Passes.h"

#include "mlir/IR/Remarks.h"
#include "llvm/ADT/MapVector.h"

namespace gptc {
#define GEN_PASS_DEF_PADPASS
#include "gptc/Transforms/Passes.h.inc"
} // namespace gptc

using namespace mlir;
using namespace gptc;
using namespace gptc::gpt;

static remark::RemarkOpts remarkOf(StringRef name) {
  return remark::RemarkOpts::name(name).category("gpt-pad");
}

namespace {
struct PadPass : gptc::impl::PadPassBase<PadPass> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    choose(module);
    // Each round drops an axis at least.
    while (!stored.empty()) {
      PadAnalysis analysis(module, stored);
      if (!analysis.conflicts.empty()) {
        for (const PadAnalysis::Conflict &conflict : analysis.conflicts)
          dropConflict(conflict);
      } else if (!dropUseless(analysis.multiplied)) {
        apply(module, analysis);
        return;
      }
    }
  }

private:
  int64_t paddedSize(int64_t size) const {
    int64_t padded = llvm::divideCeil(size, multiple) * multiple;
    bool cheap = (padded - size) * 100 <= growth * size;
    return size > 1 && cheap ? padded : size;
  }

  /// The parameters that may be padded, and the gradients and moments that belong to them.
  void choose(ModuleOp module) {
    for (auto variable : module.getOps<VariableOp>())
      if (variable.getKind() == VariableKind::parameter)
        parameters[variable.getSymName()] = variable;
    for (auto variable : module.getOps<VariableOp>()) {
      VariableOp parameter = parameters.lookup(variable.getOwner().value_or(variable.getSymName()));
      if (!parameter || parameter.getType() != variable.getType())
        continue;
      owners[variable.getSymName()] = parameter.getSymName();
      Shape shape(variable.getTensorType().getShape());
      for (int64_t &size : shape)
        size = paddedSize(size);
      if (ArrayRef<int64_t>(shape) != variable.getTensorType().getShape())
        stored[variable.getSymName()] = shape;
    }
  }

  /// Leaves an axis of a parameter, and of what belongs to it, as it is.
  void drop(StringRef parameter, int64_t axis) {
    ArrayRef<int64_t> logical = parameters.lookup(parameter).getTensorType().getShape();
    for (auto &[variable, owner] : owners) {
      auto shape = stored.find(variable);
      if (owner != parameter || shape == stored.end())
        continue;
      shape->second[axis] = logical[axis];
      if (ArrayRef<int64_t>(shape->second) == logical)
        stored.erase(shape);
    }
  }

  /// Drops the axes whose size no matmul sees padded. True if there was one.
  bool dropUseless(const DenseSet<int64_t> &multiplied) {
    SmallVector<std::pair<StringRef, int64_t>> useless;
    for (auto &[name, parameter] : parameters) {
      auto shape = stored.find(name);
      if (shape == stored.end())
        continue;
      ArrayRef<int64_t> logical = parameter.getTensorType().getShape();
      for (size_t axis = 0; axis < logical.size(); ++axis)
        if (shape->second[axis] != logical[axis] && !multiplied.contains(logical[axis]))
          useless.emplace_back(name, axis);
    }
    for (auto [name, axis] : useless) {
      remark::missed(parameters[name].getLoc(), remarkOf("NotPadded"))
          << remark::add("no matmul would gain from it") << remark::metric("Parameter", name)
          << remark::metric("Axis", axis);
      drop(name, axis);
    }
    return !useless.empty();
  }

  void dropConflict(const PadAnalysis::Conflict &conflict) {
    gpt::WriteOp write = conflict.write;
    remark::missed(write.getLoc(), remarkOf("NotPadded"))
        << remark::add("what is written to it has no pads")
        << remark::metric("Variable", write.getVariable()) << remark::metric("Axis", conflict.axis);
    drop(owners.find(write.getVariable())->second, conflict.axis);
  }

  void apply(ModuleOp module, const PadAnalysis &analysis) {
    for (Operation *op : analysis.sliced)
      remark::missed(op->getLoc(), remarkOf("SlicedBack"))
          << remark::add("an operand goes on without its pads")
          << remark::metric("Operation", op->getName().getStringRef());
    for (auto variable : module.getOps<VariableOp>()) {
      const StoredShapes &shapes =
          variable.getKind() == VariableKind::output ? analysis.outputs : stored;
      auto shape = shapes.find(variable.getSymName());
      if (shape == shapes.end())
        continue;
      variable->setAttr(paddedAttribute, DenseI64ArrayAttr::get(&getContext(), shape->second));
      if (variable.getKind() == VariableKind::parameter)
        reportPadded(variable, shape->second);
    }
    PadRewriter rewriter(analysis);
    for (auto function : module.getOps<func::FuncOp>())
      rewriter.rewrite(function);
  }

  static void reportPadded(VariableOp parameter, ArrayRef<int64_t> shape) {
    for (auto [axis, sizes] :
         llvm::enumerate(llvm::zip(parameter.getTensorType().getShape(), shape)))
      if (auto [size, padded] = sizes; size != padded)
        remark::passed(parameter.getLoc(), remarkOf("Padded"))
            << remark::metric("Parameter", parameter.getSymName()) << remark::metric("Axis", axis)
            << remark::metric("From", size) << remark::metric("To", padded);
  }

  llvm::MapVector<StringRef, VariableOp> parameters;
  llvm::StringMap<StringRef> owners; ///< the parameter that a variable is or belongs to
  StoredShapes stored;
};
} // namespace
