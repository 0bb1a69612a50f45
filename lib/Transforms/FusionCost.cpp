// Bytes that cross a kernel's border, and what it keeps of a row.
#include "FusionCost.h"

#include "gptc/Dialect/GPT/BlockSums.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace mlir;
using namespace gptc;

/// What of a row stays near the processor between its loops: shared memory of a GPU's block, and
/// the first two caches of a core.
static constexpr int64_t nearBytes = 40 * 1024;
/// How much cheaper it is there.
static constexpr int64_t nearDiscount = 16;

Value gptc::getStoredValue(Value value) {
  while (auto reshape = value.getDefiningOp<gpt::ReshapeOp>())
    value = reshape.getInput();
  return value;
}

KernelCost gptc::costOf(ArrayRef<Operation *> ops, int64_t columns) {
  KernelCost cost;
  SmallPtrSet<Operation *, 32> members(llvm::from_range, ops);
  SmallPtrSet<Value, 32> read, border;
  // The loop in which a value is there first, and the last one that uses it.
  llvm::SmallDenseMap<Value, unsigned, 32> ready, used;
  auto isIn = [&](Value value) {
    return value.getDefiningOp() && members.contains(value.getDefiningOp());
  };
  for (Operation *op : ops) {
    unsigned loop = 0;
    for (Value operand : op->getOperands()) {
      loop = std::max(loop, ready.lookup(operand));
      if (isIn(operand))
        continue;
      border.insert(operand);
      Value stored = getStoredValue(operand);
      Operation *source = stored.getDefiningOp();
      if (!isIn(stored) && !isa_and_present<gpt::IotaOp, arith::ConstantOp>(source) &&
          read.insert(stored).second) {
        auto gather = dyn_cast<gpt::EmbeddingOp>(op); // reads a row of the table for each index
        bool table = gather && operand == gather.getTable();
        cost.moved += table ? bytesOf(gather.getResult()) : bytesOf(stored);
      }
    }
    for (Value operand : op->getOperands())
      used[operand] = std::max(used.lookup(operand), loop);
    auto reduce = dyn_cast<gpt::ReduceOp>(op);
    bool ofRow = reduce && !gpt::matchBlockSum(op);
    for (Value result : op->getResults()) {
      ready[result] = loop + ofRow;
      if (llvm::any_of(result.getUsers(),
                       [&](Operation *user) { return !members.contains(user); })) {
        border.insert(result);
        cost.moved += bytesOf(result);
      }
    }
  }
  int64_t bytesOfRow = 0, again = 0;
  for (auto [value, loop] : used) {
    ArrayRef<int64_t> shape = cast<RankedTensorType>(value.getType()).getShape();
    if (loop == ready.lookup(value) || shape.empty() || shape.back() != columns)
      continue;
    bytesOfRow +=
        bytesOf(value) / cast<RankedTensorType>(value.getType()).getNumElements() * columns;
    again += bytesOf(value);
  }
  cost.scratch = bytesOfRow <= nearBytes ? again / nearDiscount : again;
  cost.border = border.size();
  return cost;
}
