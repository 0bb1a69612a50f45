// Greedy grouping of a block's operations into row kernels.
#include "KernelGroups.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace mlir;
using namespace gptc;

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

bool gptc::isColumnReduction(Operation *op) {
  auto reduce = dyn_cast<gpt::ReduceOp>(op);
  return reduce && !reduce.getAxes().empty() &&
         reduce.getAxes().back() != static_cast<int64_t>(shapeOf(reduce.getInput()).size()) - 1;
}

bool gptc::isKeepAxisReshape(Operation *op) {
  auto reshape = dyn_cast<gpt::ReshapeOp>(op);
  if (!reshape)
    return false;
  ArrayRef<int64_t> from = shapeOf(reshape.getInput()), to = shapeOf(reshape.getResult());
  if (from.size() > to.size())
    std::swap(from, to);
  return to.size() == from.size() + 1 && to.back() == 1 && to.drop_back() == from;
}

/// Whether `shape` holds one value for each row of `space`.
static bool isRowShape(ArrayRef<int64_t> shape, ArrayRef<int64_t> space) {
  if (space.empty())
    return false;
  ArrayRef<int64_t> rows = space.drop_back();
  return shape == rows ||
         (shape.size() == space.size() && shape.back() == 1 && shape.drop_back() == rows);
}

/// The shape over which an operation computes, and whether each of its elements stands for itself.
/// Empty for operations that take no part in row kernels.
static std::optional<std::pair<SmallVector<int64_t>, bool>> iterationSpace(Operation *op) {
  using Space = std::pair<SmallVector<int64_t>, bool>;
  if (auto map = dyn_cast<gpt::MapOp>(op))
    return Space(SmallVector<int64_t>(map.getShape()), true);
  if (auto random = dyn_cast<gpt::RandomOp>(op))
    return Space(SmallVector<int64_t>(shapeOf(random.getResult())), true);
  if (auto gather = dyn_cast<gpt::EmbeddingOp>(op))
    return Space(SmallVector<int64_t>(shapeOf(gather.getResult())), false);
  if (auto reduce = dyn_cast<gpt::ReduceOp>(op)) {
    ArrayRef<int64_t> shape = shapeOf(reduce.getInput());
    if (reduce.getAxes().size() == 1 && !isColumnReduction(op))
      return Space(SmallVector<int64_t>(shape), false);
  }
  return std::nullopt;
}

KernelGroups::KernelGroups(Block &block, unsigned limit) : limit(limit) {
  for (auto [index, op] : llvm::enumerate(block.without_terminator()))
    position[&op] = index;
  for (Operation &op : block.without_terminator())
    visit(&op);
  for (KernelGroup &group : groups) {
    // A reshape that nothing in the group uses is a view of an output: it stays outside.
    SmallPtrSet<Operation *, 16> members(llvm::from_range, group.ops);
    llvm::erase_if(group.ops, [&](Operation *op) {
      return isa<gpt::ReshapeOp>(op) &&
             llvm::none_of(op->getUsers(), [&](Operation *user) { return members.contains(user); });
    });
  }
  llvm::erase_if(groups, [](const KernelGroup &group) { return group.ops.empty(); });
  llvm::sort(groups, [&](const KernelGroup &a, const KernelGroup &b) {
    return position.lookup(a.ops.back()) < position.lookup(b.ops.back());
  });
}

void KernelGroups::visit(Operation *op) {
  if (isKeepAxisReshape(op)) {
    // A value a row, spelled with or without its axis of size 1, stays in the group that makes it.
    Operation *producer = op->getOperand(0).getDefiningOp();
    int group = producer ? groupOf(producer) : -1;
    if (group >= 0 &&
        (groups[group].pointwise || isRowShape(shapeOf(op->getOperand(0)), groups[group].space))) {
      groups[group].ops.push_back(op);
      membership[op] = group;
    }
    return;
  }
  auto space = iterationSpace(op);
  if (!space)
    return;
  // An elementwise producer of a column reduction alone is computed inside that reduction.
  if (isa<gpt::MapOp>(op) && op->hasOneUse() && isColumnReduction(*op->user_begin()) &&
      op->getNumResults() == 1)
    return;
  int own = groups.size();
  groups.push_back({{op}, space->first, space->second});
  membership[op] = own;
  // Nearest producers first: they share the most with this operation.
  SmallVector<int> producers;
  for (Value operand : op->getOperands())
    if (Operation *producer = operand.getDefiningOp())
      if (int group = groupOf(producer); group >= 0 && !llvm::is_contained(producers, group))
        producers.push_back(group);
  llvm::sort(producers, [&](int a, int b) {
    return position.lookup(groups[a].ops.back()) > position.lookup(groups[b].ops.back());
  });
  for (int producer : producers)
    if (tryJoin(producer, groupOf(op)))
      continue;
}

/// Whether some operation of `other` uses, by way of an operation outside of both, a value of
/// `group`.
bool KernelGroups::dependsThroughOutside(int group, int other) const {
  int first = position.lookup(groups[group].ops.front());
  SmallVector<Operation *> worklist;
  SmallPtrSet<Operation *, 32> seen;
  auto push = [&](Operation *user) {
    for (Value operand : user->getOperands())
      if (Operation *producer = operand.getDefiningOp()) {
        // What runs as a whole needs `group` only if some of it comes after the first of `group`.
        int unit = groupOf(producer);
        Operation *last = unit >= 0 ? groups[unit].ops.back() : producer;
        if (position.lookup(last) > first && seen.insert(producer).second)
          worklist.push_back(producer);
      }
  };
  for (Operation *op : groups[other].ops)
    push(op);
  while (!worklist.empty()) {
    Operation *op = worklist.pop_back_val();
    int member = groupOf(op);
    if (member == group || member == other)
      continue;
    // A group runs as a whole: reaching one of its operations reaches them all.
    ArrayRef<Operation *> unit(op);
    if (member >= 0)
      unit = groups[member].ops;
    for (Operation *part : unit) {
      for (Value operand : part->getOperands())
        if (Operation *producer = operand.getDefiningOp(); producer && groupOf(producer) == group)
          return true;
      push(part);
    }
  }
  return false;
}

bool KernelGroups::edgesFit(const KernelGroup &group) const {
  SmallPtrSet<Operation *, 16> members(llvm::from_range, group.ops);
  for (Operation *op : group.ops) {
    std::optional<std::pair<SmallVector<int64_t>, bool>> space = iterationSpace(op);
    if (!space)
      continue; // a reshape
    for (OpOperand &operand : op->getOpOperands()) {
      Operation *producer = operand.get().getDefiningOp();
      if (!producer || !members.contains(producer))
        continue;
      ArrayRef<int64_t> shape = shapeOf(operand.get());
      if (auto gather = dyn_cast<gpt::EmbeddingOp>(op)) {
        if (&operand == &gather.getTableMutable() || shape != ArrayRef(space->first).drop_back())
          return false;
        continue;
      }
      bool full = shape == ArrayRef(space->first);
      bool row = shape.size() == space->first.size() && isRowShape(shape, space->first);
      if (!full && !row)
        return false;
    }
  }
  return true;
}

unsigned KernelGroups::countBorder(const KernelGroup &group) const {
  SmallPtrSet<Operation *, 16> members(llvm::from_range, group.ops);
  SmallPtrSet<Value, 16> border;
  for (Operation *op : group.ops) {
    for (Value operand : op->getOperands())
      if (!operand.getDefiningOp() || !members.contains(operand.getDefiningOp()))
        border.insert(operand);
    for (Value result : op->getResults())
      if (llvm::any_of(result.getUsers(), [&](Operation *user) { return !members.contains(user); }))
        border.insert(result);
  }
  return border.size();
}

bool KernelGroups::tryJoin(int group, int other) {
  if (group == other)
    return false;
  KernelGroup &a = groups[group], &b = groups[other];
  SmallVector<int64_t> space;
  if (a.space == b.space || (b.pointwise && isRowShape(b.space, a.space)))
    space = a.space;
  else if (a.pointwise && isRowShape(a.space, b.space))
    space = b.space;
  else
    return false;
  KernelGroup joined{{}, space, a.pointwise && b.pointwise && a.space == b.space};
  std::merge(a.ops.begin(), a.ops.end(), b.ops.begin(), b.ops.end(), std::back_inserter(joined.ops),
             [&](Operation *x, Operation *y) { return position.lookup(x) < position.lookup(y); });
  if (!edgesFit(joined) || countBorder(joined) > limit || dependsThroughOutside(group, other) ||
      dependsThroughOutside(other, group))
    return false;
  for (Operation *op : joined.ops)
    membership[op] = other;
  groups[other] = std::move(joined);
  groups[group] = KernelGroup();
  return true;
}
