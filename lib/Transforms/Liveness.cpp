// Lives of values before kernels are formed.
#include "Liveness.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace gptc;

bool gptc::isView(Operation *op) {
  return isa<gpt::ReshapeOp, gpt::TransposeOp, gpt::SliceOp, gpt::SplitOp, gpt::DetachOp>(op);
}

Value gptc::rootOf(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isView(op))
      break;
    value = op->getOperand(0);
  }
  return value;
}

int64_t gptc::bytesOf(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  return llvm::divideCeil(type.getNumElements() * type.getElementTypeBitWidth(), 8);
}

/// What becomes a part of a row kernel, with neighbours of its kind.
static bool isFusable(Operation *op) {
  return isa<gpt::MapOp, gpt::ReduceOp, gpt::RandomOp, gpt::EmbeddingOp>(op);
}

/// What computes nothing by itself.
static bool isFree(Operation *op) {
  return isView(op) || isa<gpt::ReadOp, gpt::WriteOp, gpt::IotaOp>(op) ||
         op->hasTrait<OpTrait::ConstantLike>() || op->hasTrait<OpTrait::IsTerminator>();
}

Liveness::Liveness(Block &block) {
  int count = 0;
  for (Operation &op : block) {
    position[&op] = operations.size();
    operations.push_back(&op);
    barriers.push_back(count);
    count += !isFree(&op) && !isFusable(&op);
  }
  for (Operation &op : block)
    if (!isView(&op) && !isa<gpt::ReadOp, gpt::IotaOp>(op) && !op.hasTrait<OpTrait::ConstantLike>())
      for (Value result : op.getResults())
        visit(result);

  SmallVector<int64_t> change(operations.size() + 1, 0);
  storedBytes.assign(operations.size() + 1, 0);
  for (const Stored &value : stored) {
    change[value.first] += bytesOf(value.value);
    change[value.last + 1] -= bytesOf(value.value);
    storedBytes[value.first + 1] += bytesOf(value.value);
  }
  int64_t live = 0;
  for (size_t i = 0; i < operations.size(); ++i) {
    storedBytes[i + 1] += storedBytes[i];
    live += change[i];
    liveBytes.push_back(live);
    if (live > peakBytes) {
      peakBytes = live;
      peak = i;
    }
  }
}

void Liveness::visit(Value value) {
  int first = position.lookup(value.getDefiningOp());
  Stored life{value, first, first, {}};
  bool inKernels = isFusable(value.getDefiningOp()), onlyWritten = true;
  SmallVector<Value> views{value};
  while (!views.empty())
    for (Operation *user : views.pop_back_val().getUsers()) {
      if (isView(user)) {
        llvm::append_range(views, user->getResults());
        continue;
      }
      int at = position.lookup(user);
      life.last = std::max(life.last, at);
      if (!llvm::is_contained(life.uses, at))
        life.uses.push_back(at);
      inKernels &= isFusable(user);
      onlyWritten &= isa<gpt::WriteOp>(user);
    }
  lives[value] = {life.first, life.last};
  // What is only written lies in its variable. No kernel spans a matmul.
  if (life.uses.empty() || onlyWritten ||
      (inKernels && barriers[life.first] == barriers[life.last]))
    return;
  stored.push_back(std::move(life));
}

int64_t Liveness::bytesStoredBetween(int after, int before) const {
  return storedBytes[before] - storedBytes[after];
}

int Liveness::lastUseOf(Operation *op) const {
  int last = -1;
  SmallVector<Value> views(op->getResults());
  while (!views.empty())
    for (Operation *user : views.pop_back_val().getUsers()) {
      if (isView(user))
        llvm::append_range(views, user->getResults());
      else
        last = std::max(last, positionOf(user));
    }
  return last;
}
