// Replaces gpt.repeat by its copies, and variables with * in their names by one for each copy.
#include "gptc/Transforms/Passes.h"

#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/IRMapping.h"

namespace gptc {
#define GEN_PASS_DEF_EXPANDREPEATSPASS
#include "gptc/Transforms/Passes.h.inc"
} // namespace gptc

using namespace mlir;
using namespace gptc;
using namespace gptc::gpt;

/// `name` with `index` in place of its first *.
static std::string insertIndex(StringRef name, int64_t index) {
  size_t star = name.find('*');
  if (star == StringRef::npos)
    return name.str();
  return (name.take_front(star) + Twine(index) + name.drop_front(star + 1)).str();
}

/// Puts `index` into the names in `op` and in what it contains.
static void insertIndex(Operation *op, int64_t index) {
  AttrTypeReplacer locations;
  locations.addReplacement([&](NameLoc loc) -> std::optional<Attribute> {
    auto name = StringAttr::get(loc.getContext(), insertIndex(loc.getName(), index));
    return NameLoc::get(name, loc.getChildLoc());
  });
  op->walk([&](Operation *inner) {
    locations.replaceElementsIn(inner, /*replaceAttrs=*/false, /*replaceLocs=*/true,
                                /*replaceTypes=*/false);
    if (auto read = dyn_cast<ReadOp>(inner))
      read.setVariable(insertIndex(read.getVariable(), index));
    else if (auto write = dyn_cast<WriteOp>(inner))
      write.setVariable(insertIndex(write.getVariable(), index));
    else if (auto random = dyn_cast<RandomOp>(inner))
      random.setStream(insertIndex(random.getStream(), index));
  });
}

// repeat n iter(x) { f }  =>  f₀, f₁(f₀(x)), …
static void expand(RepeatOp repeat) {
  OpBuilder builder(repeat);
  Block &body = repeat.getBody().front();
  SmallVector<Value> carried(repeat.getInits());
  for (int64_t copy = 0, count = repeat.getCount(); copy < count; ++copy) {
    IRMapping mapping;
    mapping.map(body.getArguments(), carried);
    for (Operation &op : body.without_terminator())
      insertIndex(builder.clone(op, mapping), copy);
    for (auto [value, next] : llvm::zip(carried, body.getTerminator()->getOperands()))
      value = mapping.lookupOrDefault(next);
  }
  repeat.replaceAllUsesWith(carried);
  repeat.erase();
}

/// Expands the repeats in a function, outer ones before those that they contain.
static void expandRepeats(func::FuncOp function) {
  auto next = [&] {
    RepeatOp found;
    function.walk<WalkOrder::PreOrder>([&](RepeatOp repeat) {
      found = repeat;
      return WalkResult::interrupt();
    });
    return found;
  };
  while (RepeatOp repeat = next())
    expand(repeat);
}

/// Whether two variables stand under the same copies of their outermost repeat.
static bool areSiblings(VariableOp a, VariableOp b) {
  auto prefix = [](VariableOp variable) { return variable.getSymName().split('*').first; };
  return a.getCopies() && b.getCopies() && prefix(a) == prefix(b) &&
         a.getCopies()->front() == b.getCopies()->front();
}

/// Appends to `expanded` the copies of variables that stand next to each other: of siblings all of
/// copy 0, then all of copy 1, and so on.
static void expandVariables(ArrayRef<VariableOp> variables, SmallVectorImpl<VariableOp> &expanded) {
  while (!variables.empty()) {
    VariableOp first = variables.front();
    if (!first.getCopies()) {
      expanded.push_back(first);
      variables = variables.drop_front();
      continue;
    }
    ArrayRef<VariableOp> siblings =
        variables.take_while([&](VariableOp variable) { return areSiblings(first, variable); });
    variables = variables.drop_front(siblings.size());
    SmallVector<VariableOp> copies;
    for (int64_t copy = 0, count = first.getCopies()->front(); copy < count; ++copy)
      for (VariableOp sibling : siblings) {
        VariableOp clone = sibling.clone();
        clone.setSymName(insertIndex(sibling.getSymName(), copy));
        if (std::optional<StringRef> owner = sibling.getOwner())
          clone.setOwner(insertIndex(*owner, copy));
        if (sibling.getCopies()->size() > 1)
          clone.setCopies(sibling.getCopies()->drop_front());
        else
          clone.removeCopiesAttr();
        copies.push_back(clone);
      }
    for (VariableOp sibling : siblings)
      sibling.erase();
    expandVariables(copies, expanded);
  }
}

namespace {
struct ExpandRepeatsPass : gptc::impl::ExpandRepeatsPassBase<ExpandRepeatsPass> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      expandRepeats(function);
    auto variables = llvm::to_vector(getOperation().getOps<VariableOp>());
    SmallVector<VariableOp> expanded;
    for (VariableOp variable : variables)
      variable->remove();
    expandVariables(variables, expanded);
    Block &body = *getOperation().getBody();
    for (VariableOp variable : llvm::reverse(expanded))
      body.push_front(variable);
  }
};
} // namespace
