// gpt-form-kernels: gathers operations into gpt.fused, each of which becomes one kernel.
//
// What it must show: after the pass every operation that computes is in a gpt.fused, or is a matmul
// or a sort that a library does; rearrangements between them are left as views; the order of writes
// is kept.
#include "KernelGroups.h"
#include "Rematerialized.h"

#include "gptc/Dialect/GPT/BlockSums.h"
#include "gptc/Transforms/Passes.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/PriorityQueue.h"

namespace gptc {
#define GEN_PASS_DEF_FORMKERNELSPASS
#include "gptc/Transforms/Passes.h.inc"
} // namespace gptc

using namespace mlir;
using namespace gptc;

namespace {

/// What is emitted as a whole: a kernel, or a single operation.
struct Unit {
  SmallVector<Operation *> ops;
  bool kernel = false;
  bool deferred = false; ///< runs when all others have
};

/// Whether `op` finishes column sums whose parts row kernels made, and which are only written: all
/// of them are then computed together, last, and those of one shape by one launch. What they wait
/// for is small.
bool canWait(Operation *op) {
  Operation *parts = op->getOperand(0).getDefiningOp();
  return parts && isColumnReduction(op) && gpt::matchBlockSum(parts) &&
         llvm::all_of(op->getUsers(), llvm::IsaPred<gpt::WriteOp>);
}

/// Operations that cost nothing to repeat and are copied into each kernel that uses them.
bool isGenerator(Operation *op) {
  if (isa<gpt::ReshapeOp>(op)) {
    Operation *producer = op->getOperand(0).getDefiningOp();
    return producer && isGenerator(producer);
  }
  return isa<gpt::IotaOp, arith::ConstantOp>(op);
}

/// The units of a block, in an order in which they can run.
class Scheduler {
public:
  Scheduler(Block &block, unsigned limit) {
    for (auto [index, op] : llvm::enumerate(block.without_terminator()))
      position[&op] = index;
    KernelGroups groups(block, limit);
    groups.report(cast<func::FuncOp>(block.getParentOp()).getName());
    for (const KernelGroup &group : groups.getGroups())
      if (!group.ops.empty())
        add({group.ops, true});
    for (Operation &op : block.without_terminator()) {
      if (unitOf.contains(&op) || isGenerator(&op))
        continue;
      if (isColumnReduction(&op)) {
        Unit unit{{}, true};
        Operation *producer = op.getOperand(0).getDefiningOp();
        if (producer && isa<gpt::MapOp>(producer) && producer->hasOneUse() &&
            !unitOf.contains(producer))
          unit.ops.push_back(producer);
        unit.ops.push_back(&op);
        unit.deferred = canWait(&op);
        add(std::move(unit));
      } else if (isa<gpt::EmbeddingGradOp, gpt::FlashAttentionOp, gpt::FlashAttentionGradOp>(op)) {
        add({{&op}, true});
      }
    }
    for (Operation &op : block.without_terminator())
      if (!unitOf.contains(&op) && !isGenerator(&op))
        add({{&op}, isa<gpt::MapOp>(op)});
  }

  /// Kahn's algorithm; of the units that are ready, the one whose last operation came first, but
  /// for those that can wait.
  SmallVector<Unit *> order() {
    SmallVector<int> waiting(units.size(), 0);
    SmallVector<SmallVector<int>> users(units.size());
    auto depend = [&](int user, int producer) {
      if (user == producer || llvm::is_contained(users[producer], user))
        return;
      users[producer].push_back(user);
      ++waiting[user];
    };
    int lastWrite = -1;
    SmallVector<int> writes;
    for (auto [index, unit] : llvm::enumerate(units)) {
      for (Operation *op : unit.ops)
        for (Value operand : op->getOperands())
          if (Operation *producer = operand.getDefiningOp(); producer && unitOf.contains(producer))
            depend(index, unitOf[producer]);
      if (isa<gpt::WriteOp>(unit.ops.front()))
        writes.push_back(index);
    }
    llvm::sort(writes, [&](int a, int b) {
      return position[units[a].ops.front()] < position[units[b].ops.front()];
    });
    for (int write : writes) {
      if (lastWrite >= 0)
        depend(write, lastWrite);
      lastWrite = write;
    }
    auto later = [&](int a, int b) {
      return std::pair(units[a].deferred, position[units[a].ops.back()]) >
             std::pair(units[b].deferred, position[units[b].ops.back()]);
    };
    llvm::PriorityQueue<int, std::vector<int>, decltype(later)> ready(later);
    for (size_t i = 0; i < units.size(); ++i)
      if (waiting[i] == 0)
        ready.push(i);
    SmallVector<Unit *> result;
    while (!ready.empty()) {
      int next = ready.top();
      ready.pop();
      result.push_back(&units[next]);
      for (int user : users[next])
        if (--waiting[user] == 0)
          ready.push(user);
    }
    assert(result.size() == units.size() && "a kernel depends on itself");
    return result;
  }

private:
  void add(Unit unit) {
    for (Operation *op : unit.ops)
      unitOf[op] = units.size();
    units.push_back(std::move(unit));
  }

  std::vector<Unit> units;
  DenseMap<Operation *, int> unitOf, position;
};

/// Whether elements of the operand are read in another order than the kernel's own, so that it must
/// lie in memory.
bool isLookedUp(OpOperand &operand) {
  auto gather = dyn_cast<gpt::EmbeddingOp>(operand.getOwner());
  return isa<gpt::EmbeddingGradOp, gpt::FlashAttentionOp, gpt::FlashAttentionGradOp>(
             operand.getOwner()) ||
         (gather && operand == gather.getTableMutable());
}

/// Whether a kernel computes the result whether it is used or not: attention can do without its
/// log-sum-exp alone.
bool isAlwaysComputed(OpResult result) {
  return isa<gpt::FlashAttentionGradOp>(result.getOwner()) ||
         (isa<gpt::FlashAttentionOp>(result.getOwner()) && result.getResultNumber() == 0);
}

/// Adds a generator and those that it uses, but for those that are operands of the kernel.
void insertGenerator(Value value, const llvm::SmallPtrSetImpl<Value> &inMemory,
                     llvm::SmallSetVector<Value, 8> &operands,
                     llvm::SmallSetVector<Operation *, 4> &generators) {
  Operation *op = value.getDefiningOp();
  if (!op || !isGenerator(op) || inMemory.contains(value)) {
    operands.insert(value);
    return;
  }
  for (Value operand : op->getOperands())
    insertGenerator(operand, inMemory, operands, generators);
  generators.insert(op);
}

/// Moves the operations of a kernel into a gpt.fused at the builder's place.
void emitKernel(OpBuilder &builder, ArrayRef<Operation *> ops) {
  SmallPtrSet<Operation *, 16> members(llvm::from_range, ops);
  llvm::SmallPtrSet<Value, 4> inMemory;
  for (Operation *op : ops)
    for (OpOperand &operand : op->getOpOperands())
      if (isLookedUp(operand))
        inMemory.insert(operand.get());
  llvm::SmallSetVector<Value, 8> operands;
  llvm::SmallSetVector<Operation *, 4> generators;
  SmallVector<Value> results;
  SmallVector<Location> locations;
  for (Operation *op : ops) {
    locations.push_back(op->getLoc());
    for (Value operand : op->getOperands())
      if (Operation *producer = operand.getDefiningOp(); !producer || !members.contains(producer))
        insertGenerator(operand, inMemory, operands, generators);
    for (OpResult result : op->getResults())
      if (isAlwaysComputed(result) ||
          llvm::any_of(result.getUsers(), [&](Operation *user) { return !members.contains(user); }))
        results.push_back(result);
  }
  Location location = builder.getFusedLoc(locations);
  auto fused = gpt::FusedOp::create(builder, location, ValueRange(results).getTypes(),
                                    operands.getArrayRef());
  Block *body = builder.createBlock(&fused.getBody());
  IRMapping mapping;
  for (Value operand : operands)
    mapping.map(operand, body->addArgument(operand.getType(), location));
  builder.setInsertionPointToStart(body);
  for (Operation *generator : generators)
    builder.clone(*generator, mapping);
  for (Operation *op : ops)
    builder.clone(*op, mapping)->removeAttr(rematerializedMark);
  SmallVector<Value> yielded;
  for (Value result : results)
    yielded.push_back(mapping.lookup(result));
  gpt::YieldOp::create(builder, location, yielded);
  builder.setInsertionPointAfter(fused);
  for (auto [result, value] : llvm::zip(results, fused.getResults()))
    result.replaceUsesWithIf(value,
                             [&](OpOperand &use) { return !members.contains(use.getOwner()); });
  for (Operation *op : llvm::reverse(ops))
    op->erase();
}

struct FormKernelsPass : gptc::impl::FormKernelsPassBase<FormKernelsPass> {
  using Base::Base;

  void runOnOperation() override {
    for (Block &block : getOperation().getBody()) {
      Scheduler scheduler(block, limit);
      Operation *terminator = block.getTerminator();
      OpBuilder builder(terminator);
      SmallVector<Operation *> generators;
      for (Operation &op : block.without_terminator())
        if (isGenerator(&op))
          generators.push_back(&op);
      for (Operation *op : llvm::reverse(generators))
        op->moveBefore(&block, block.begin());
      for (Unit *unit : scheduler.order()) {
        if (!unit->kernel) {
          unit->ops.front()->removeAttr(rematerializedMark);
          unit->ops.front()->moveBefore(terminator);
          continue;
        }
        builder.setInsertionPoint(terminator);
        emitKernel(builder, unit->ops);
      }
      for (Operation *op : llvm::reverse(generators))
        if (op->use_empty())
          op->erase();
    }
  }
};
} // namespace
