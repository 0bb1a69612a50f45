// Versions of values.
#include "Versions.h"

#include "Liveness.h"
#include "Rematerialized.h"

#include "mlir/IR/OperationSupport.h"

using namespace mlir;
using namespace gptc;

Versions::Versions(Block &block) {
  // Operations of one name and one first operand: few.
  DenseMap<std::pair<OperationName, Value>, SmallVector<Operation *>> alike;
  for (Operation &op : block) {
    if (isView(&op) || op.getNumResults() == 0)
      continue;
    Value first = op.getNumOperands() ? originalOf(rootOf(op.getOperand(0))) : Value();
    SmallVector<Operation *> &others = alike[{op.getName(), first}];
    if (!isRematerialized(&op)) {
      others.push_back(&op);
      continue;
    }
    auto original = llvm::find_if(others, [&](Operation *other) { return isSame(other, &op); });
    if (original != others.end())
      add(*original, &op);
  }
}

void Versions::add(Operation *original, Operation *copy) {
  for (auto [from, to] : llvm::zip(original->getResults(), copy->getResults())) {
    originals[to] = from;
    copies[from].push_back(to);
  }
}

void Versions::remove(Operation *copy) {
  for (Value result : copy->getResults())
    if (auto it = originals.find(result); it != originals.end()) {
      llvm::erase(copies[it->second], result);
      originals.erase(it);
    }
}

/// Whether two operands are the same views of versions of one value.
bool Versions::isSame(Value a, Value b) const {
  if (a == b)
    return true;
  if (a.getType() != b.getType())
    return false;
  Operation *first = a.getDefiningOp(), *second = b.getDefiningOp();
  if (!first || !second || isView(first) != isView(second))
    return false;
  if (!isView(first))
    return originalOf(a) == originalOf(b);
  return cast<OpResult>(a).getResultNumber() == cast<OpResult>(b).getResultNumber() &&
         isSame(first, second);
}

bool Versions::isSame(Operation *a, Operation *b) const {
  auto attributes = [](Operation *op) {
    NamedAttrList list(op->getAttrDictionary());
    list.erase(rematerializedMark);
    return list.getDictionary(op->getContext());
  };
  if (a->getName() != b->getName() || a->getNumOperands() != b->getNumOperands() ||
      a->getResultTypes() != b->getResultTypes() || attributes(a) != attributes(b) ||
      !llvm::equal(a->getRegions(), b->getRegions(), [](Region &one, Region &other) {
        return OperationEquivalence::isRegionEquivalentTo(&one, &other,
                                                          OperationEquivalence::IgnoreLocations);
      }))
    return false;
  return llvm::all_of(llvm::zip(a->getOperands(), b->getOperands()),
                      [&](auto pair) { return isSame(std::get<0>(pair), std::get<1>(pair)); });
}
