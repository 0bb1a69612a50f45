// Greedy grouping of a block's operations into row kernels.
#include "KernelGroups.h"

#include "Rematerialized.h"

#include "gptc/Dialect/GPT/BlockSums.h"

#include "mlir/IR/Remarks.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallPtrSet.h"

#include <queue>

using namespace mlir;
using namespace gptc;

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

bool gptc::isColumnReduction(Operation *op) {
  auto reduce = dyn_cast<gpt::ReduceOp>(op);
  return reduce && !reduce.getAxes().empty() &&
         reduce.getAxes().back() != static_cast<int64_t>(shapeOf(reduce.getInput()).size()) - 1 &&
         !gpt::matchBlockSum(op);
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
  if (std::optional<gpt::BlockSum> sum = gpt::matchBlockSum(op))
    return Space(SmallVector<int64_t>(shapeOf(sum->getInput())), false);
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
    add(&op);
  last.resize(position.size());
  for (const auto &[op, at] : position) {
    int group = groupOf(op);
    last[at] = group < 0 ? at : position.lookup(groups[group].ops.back());
  }
  horizon.resize(position.size());
  updateHorizon();
  findNeighbours(block);
  joinAll();
  for (KernelGroup &group : groups) {
    // A reshape that nothing in the group uses is a view of an output: it stays outside.
    SmallPtrSet<Operation *, 16> members(llvm::from_range, group.ops);
    llvm::erase_if(group.ops, [&](Operation *op) {
      return isa<gpt::ReshapeOp>(op) &&
             llvm::none_of(op->getUsers(), [&](Operation *user) { return members.contains(user); });
    });
  }
}

/// Starts a group of one operation, with the reshapes that belong to it.
void KernelGroups::add(Operation *op) {
  auto join = [&](Operation *member, int group) {
    groups[group].ops.push_back(member);
    membership[member] = group;
  };
  if (isKeepAxisReshape(op)) {
    // A value a row, spelled with or without its axis of size 1, stays in the group that makes it.
    Operation *producer = op->getOperand(0).getDefiningOp();
    int group = producer ? groupOf(producer) : -1;
    if (group >= 0 &&
        (groups[group].pointwise || isRowShape(shapeOf(op->getOperand(0)), groups[group].space)))
      join(op, group);
    return;
  }
  auto space = iterationSpace(op);
  if (!space)
    return;
  // An elementwise producer of a column reduction alone is computed inside that reduction.
  if (isa<gpt::MapOp>(op) && op->hasOneUse() && isColumnReduction(*op->user_begin()) &&
      op->getNumResults() == 1)
    return;
  std::optional<gpt::BlockSum> sum = gpt::matchBlockSum(op);
  int own = sum ? groupOf(sum->blocks) : -1; // that of another sum over the same view
  if (own < 0) {
    own = groups.size();
    groups.push_back({{}, space->first, space->second, {}});
    if (sum)
      join(sum->blocks, own);
  }
  join(op, own);
}

/// Pairs of groups that share a value: its producer and each user, and users of a large one.
void KernelGroups::findNeighbours(Block &block) {
  neighbours.resize(groups.size());
  auto meet = [&](int a, int b) {
    if (a < 0 || b < 0 || a == b)
      return;
    neighbours[a].insert(b);
    neighbours[b].insert(a);
  };
  // A tensor may be read by way of reshapes that are mere views.
  llvm::MapVector<Value, SmallVector<int>> users;
  for (Operation &op : block.without_terminator()) {
    int group = groupOf(&op);
    if (group < 0)
      continue;
    for (Value operand : op.getOperands()) {
      if (Operation *producer = operand.getDefiningOp())
        meet(groupOf(producer), group);
      bool large = shapeOf(operand) == ArrayRef(groups[group].space) || gpt::isViewOfBlockSum(&op);
      if (SmallVector<int> &own = users[getStoredValue(operand)];
          large && (own.empty() || own.back() != group))
        own.push_back(group);
    }
  }
  // A variable may be used everywhere: pairs of many users are left to those that come first.
  constexpr size_t mostUsers = 16;
  for (auto &[value, own] : users)
    for (size_t i = 0; i < own.size(); ++i)
      for (size_t j = i + 1; j < std::min(own.size(), i + mostUsers); ++j)
        meet(own[i], own[j]);
}

void KernelGroups::joinAll() {
  for (KernelGroup &group : groups)
    group.cost = costOf(group.ops, group.space.empty() ? 1 : group.space.back());
  struct Candidate {
    int64_t gain;
    int a, b;
    std::pair<unsigned, unsigned> versions;
    bool operator<(const Candidate &other) const {
      // Of equal gains the pair that comes first.
      return std::tie(gain, other.b, other.a) < std::tie(other.gain, b, a);
    }
  };
  std::priority_queue<Candidate> queue;
  std::vector<unsigned> version(groups.size());
  auto consider = [&](int a, int b) {
    std::tie(a, b) = ordered(a, b);
    std::optional<KernelGroup> joined = join(a, b);
    if (!joined)
      return;
    int64_t gain = groups[a].cost.total() + groups[b].cost.total() - joined->cost.total();
    if (gain <= 0)
      return;
    if (StringRef why = delays(groups[a], *joined)
                            ? "one of them is needed before the other is ready"
                            : findObstacle(*joined);
        why.empty())
      queue.push({gain, a, b, {version[a], version[b]}});
    else
      refused[{a, b}] = {gain, why};
  };
  for (int a = 0; a < static_cast<int>(groups.size()); ++a)
    for (int b : neighbours[a])
      if (a < b)
        consider(a, b);
  while (!queue.empty()) {
    Candidate next = queue.top();
    queue.pop();
    auto [a, b] = std::pair(next.a, next.b);
    if (next.versions != std::pair(version[a], version[b]))
      continue;
    if (dependsThroughOutside(a, b) || dependsThroughOutside(b, a)) {
      refused[{a, b}] = {next.gain, "one would depend on itself through what stands between them"};
      continue;
    }
    KernelGroup joined = *join(a, b);
    // The later one goes on: what was refused for what stood between may do now.
    ++version[a];
    ++version[b];
    for (Operation *op : joined.ops) {
      membership[op] = b;
      last[position.lookup(op)] = position.lookup(joined.ops.back());
    }
    updateHorizon();
    groups[b] = std::move(joined);
    groups[a] = KernelGroup();
    for (int other : neighbours[a]) {
      neighbours[other].remove(a);
      if (other == b)
        continue;
      neighbours[other].insert(b);
      neighbours[b].insert(other);
    }
    neighbours[a].clear();
    for (int other : neighbours[b])
      consider(b, other);
  }
}

// Operation  0 1 2 3 4 5      Groups {0, 2} and {1, 3}:
// Horizon    3 3 3 3 4 5      0 runs with 2, 2 may need 1, which runs with 3.
/// Whatever an operation needs comes at its horizon or before.
void KernelGroups::updateHorizon() {
  for (int first = 0, count = horizon.size(); first < count;) {
    int end = first;
    for (int at = first; at <= end; ++at)
      end = std::max(end, last[at]);
    std::fill(horizon.begin() + first, horizon.begin() + end + 1, end);
    first = end + 1;
  }
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
        if (horizon[position.lookup(producer)] >= first && seen.insert(producer).second)
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
    if (!space || gpt::matchBlockSum(op))
      continue; // a reshape, and what sums it
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

/// R of the block sums among `ops`: 1 if there are none, 0 if there are several.
static int64_t rowsOfBlockSums(ArrayRef<Operation *> ops) {
  int64_t rows = 1;
  for (Operation *op : ops)
    if (std::optional<gpt::BlockSum> sum = gpt::matchBlockSum(op)) {
      if (rows != 1 && rows != sum->rows)
        return 0;
      rows = sum->rows;
    }
  return rows;
}

std::optional<KernelGroup> KernelGroups::join(int first, int second) const {
  const KernelGroup &a = groups[first], &b = groups[second];
  KernelGroup joined;
  if (a.space == b.space || (b.pointwise && isRowShape(b.space, a.space)))
    joined.space = a.space;
  else if (a.pointwise && isRowShape(a.space, b.space))
    joined.space = b.space;
  else
    return std::nullopt;
  joined.pointwise = a.pointwise && b.pointwise && a.space == b.space;
  std::merge(a.ops.begin(), a.ops.end(), b.ops.begin(), b.ops.end(), std::back_inserter(joined.ops),
             [&](Operation *x, Operation *y) { return position.lookup(x) < position.lookup(y); });
  joined.cost = costOf(joined.ops, joined.space.empty() ? 1 : joined.space.back());
  return joined;
}

/// Whether `joined`, of a single row, makes users of `first` wait that stand before the other part.
/// All that is gained there is a launch; what waits may be large: the pieces of a product behind
/// the sum over all of them.
bool KernelGroups::delays(const KernelGroup &first, const KernelGroup &joined) const {
  if (joined.space.size() > 1)
    return false;
  int end = position.lookup(joined.ops.back());
  return llvm::any_of(first.ops, [&](Operation *op) {
    return llvm::any_of(op->getUsers(), [&](Operation *user) {
      return !llvm::is_contained(joined.ops, user) && position.contains(user) &&
             position.lookup(user) < end;
    });
  });
}

/// The first position at which an operation may stand whose result is computed again there: in the
/// later half of the time since the result was computed first. Before, it would be kept as long as
/// it was. What is computed from results that are computed again cannot come too early.
int KernelGroups::findEarliest(Operation *op) const {
  if (llvm::any_of(op->getOperands(), [](Value operand) {
        Operation *source = rootOf(operand).getDefiningOp();
        return source && isRematerialized(source);
      }))
    return 0;
  int own = position.lookup(op), original = own;
  if (op->getNumOperands() == 0)
    return own;
  for (Operation *user : op->getOperand(0).getUsers())
    if (user->getName() == op->getName() && user->getOperands() == op->getOperands() &&
        user->getResultTypes() == op->getResultTypes())
      original = std::min(original, position.lookup(user));
  return original + (own - original + 1) / 2;
}

StringRef KernelGroups::findObstacle(const KernelGroup &group) const {
  for (Operation *op : group.ops)
    if (isRematerialized(op) && position.lookup(group.ops.front()) < findEarliest(op))
      return "what is computed again would be computed too early";
  if (!edgesFit(group))
    return "a value is used at other rows than its own";
  if (group.cost.border > limit)
    return "too many values would cross the border";
  if (rowsOfBlockSums(group.ops) == 0)
    return "they sum blocks of different heights";
  return "";
}

void KernelGroups::report(StringRef function) const {
  auto options = [&](StringRef name) {
    return remark::RemarkOpts::name(name).category("gpt-form-kernels").function(function);
  };
  for (const KernelGroup &group : groups) {
    if (group.ops.size() < 2)
      continue;
    int64_t apart = 0;
    for (Operation *op : group.ops)
      apart += costOf(op, group.space.empty() ? 1 : group.space.back()).moved;
    remark::passed(group.ops.back()->getLoc(), options("Fused"))
        << remark::metric("operations", group.ops.size())
        << remark::metric("bytes", group.cost.moved) << remark::metric("bytes_apart", apart);
  }
  for (const auto &[pair, refusal] : refused) {
    const KernelGroup &a = groups[pair.first], &b = groups[pair.second];
    if (a.ops.empty() || b.ops.empty())
      continue; // joined another one, and were considered again
    remark::missed(b.ops.back()->getLoc(), options("NotFused"))
        << remark::metric("bytes_to_save", refusal.first) << remark::reason("{0}", refusal.second);
  }
}
