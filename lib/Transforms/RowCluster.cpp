// Which operations work row by row on a product.
#include "RowCluster.h"

using namespace mlir;
using namespace gptc;

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

RowCluster::RowCluster(gpt::MatmulOp root, uint64_t limit)
    : root(root), largest(std::max<int64_t>(limit, bytesOf(root.getLhs()))),
      rows(shapeOf(root.getResult()).drop_back()), rowCount(ShapedType::getNumElements(rows)) {
  int64_t room = std::max<int64_t>(1, limit / (bytesOf(root.getResult()) / rowCount));
  int64_t inner = rowCount;
  for (chunkAxis = 0; chunkAxis < rows.size(); ++chunkAxis) {
    inner /= rows[chunkAxis];
    if (inner <= room)
      break;
  }
  // As many pieces as have to be, of nearly one size.
  int64_t count = llvm::divideCeil(rows[chunkAxis], std::max<int64_t>(1, room / inner));
  chunkSize = llvm::divideCeil(rows[chunkAxis], count);
}

int64_t RowCluster::countPieces() const {
  int64_t count = llvm::divideCeil(rows[chunkAxis], chunkSize);
  for (int64_t size : ArrayRef(rows).take_front(chunkAxis))
    count *= size;
  return count;
}

bool RowCluster::depends(Value value) const {
  return value.getDefiningOp() && dependents.contains(value.getDefiningOp());
}

/// How many leading axes of a shape may be the rows: each row axis, or one for all.
std::optional<unsigned> RowCluster::leadingRowAxes(ArrayRef<int64_t> shape) const {
  if (shape.take_front(rows.size()) == ArrayRef(rows))
    return rows.size();
  if (!shape.empty() && shape[0] == rowCount)
    return 1;
  return std::nullopt;
}

// map(rows, vectors, row statistics)  =>  rows, if rows line up
RowCluster::Role RowCluster::classify(gpt::MapOp op) {
  std::optional<unsigned> axes;
  for (Value operand : op.getOperands()) {
    if (!depends(operand))
      continue;
    auto own = rowAxes.find(operand);
    if (own == rowAxes.end() || (axes && *axes != own->second) ||
        shapeOf(operand).size() != op.getShape().size() ||
        shapeOf(operand).take_front(own->second) != op.getShape().take_front(own->second))
      return Role::none;
    axes = own->second;
  }
  for (Value result : op.getResults())
    rowAxes[result] = *axes;
  return Role::rows;
}

// reduce rows over the last axis  =>  rows;  reduce sum over all row axes  =>  sum
RowCluster::Role RowCluster::classify(gpt::ReduceOp op) {
  auto own = rowAxes.find(op.getInput());
  if (own == rowAxes.end() || op.getAxes().empty())
    return Role::none;
  if (op.getAxes().front() >= static_cast<int64_t>(own->second)) {
    rowAxes[op.getResult()] = own->second;
    return Role::rows;
  }
  bool overRows = llvm::equal(op.getAxes(), llvm::seq<int64_t>(0, own->second));
  return overRows && op.getKind() == gpt::ReduceKind::sum ? Role::sum : Role::none;
}

// [rows…, …]  =>  [rows…, …] or [all rows, …]
RowCluster::Role RowCluster::classify(gpt::ReshapeOp op) {
  std::optional<unsigned> axes = leadingRowAxes(shapeOf(op.getResult()));
  if (!rowAxes.contains(op.getInput()) || !axes)
    return Role::none;
  rowAxes[op.getResult()] = *axes;
  return Role::rows;
}

// rows · matrix  =>  rows;  rowsᵀ · rows  =>  sum
RowCluster::Role RowCluster::classify(gpt::MatmulOp op) {
  auto lhs = rowAxes.find(op.getLhs()), rhs = rowAxes.find(op.getRhs());
  if ((depends(op.getLhs()) && lhs == rowAxes.end()) ||
      (depends(op.getRhs()) && rhs == rowAxes.end()))
    return Role::none;
  bool isMatrix = shapeOf(op.getRhs()).size() == 2;
  if (lhs != rowAxes.end() && rhs == rowAxes.end() && !op.getTransposeLhs() && isMatrix &&
      shapeOf(op.getLhs()).size() == lhs->second + 1) {
    rowAxes[op.getResult()] = lhs->second;
    return Role::rows;
  }
  // The contracted axis holds all rows of both operands.
  bool flat = isMatrix && shapeOf(op.getLhs()).size() == 2;
  if (lhs != rowAxes.end())
    flat &= lhs->second == 1 && op.getTransposeLhs();
  if (rhs != rowAxes.end())
    flat &= rhs->second == 1 && !op.getTransposeRhs();
  return flat ? Role::sum : Role::none;
}

RowCluster::Role RowCluster::classify(Operation *op) {
  if (auto map = dyn_cast<gpt::MapOp>(op))
    return classify(map);
  if (auto reduce = dyn_cast<gpt::ReduceOp>(op))
    return classify(reduce);
  if (auto reshape = dyn_cast<gpt::ReshapeOp>(op))
    return classify(reshape);
  if (auto matmul = dyn_cast<gpt::MatmulOp>(op))
    return classify(matmul);
  return Role::none;
}

std::optional<StringRef> RowCluster::findObstacle() {
  if (shapeOf(root.getRhs()).size() != 2 || root.getTransposeLhs() || rows.empty())
    return "each of its matrices has a matrix of its own";
  if (bytesOf(root.getResult()) <= largest)
    return "it is no larger than what it is made of";
  if (countPieces() < 2)
    return "a single row is as large";
  for (Operation *op = root; op; op = op->getNextNode()) {
    if (op == root) {
      dependents.insert(op);
      rowAxes[root.getResult()] = rows.size();
      roles[op] = Role::rows;
    } else if (llvm::any_of(op->getOperands(), [&](Value v) { return depends(v); })) {
      dependents.insert(op);
      roles[op] = classify(op);
    }
  }
  // Who reads a tensor that is too large, and what they need of the other dependents.
  SmallVector<Operation *> worklist{root};
  auto add = [&](Operation *op) {
    if (members.insert(op))
      worklist.push_back(op);
  };
  members.insert(root);
  while (!worklist.empty()) {
    Operation *op = worklist.pop_back_val();
    Role role = roles.lookup(op);
    for (Value operand : op->getOperands())
      if (depends(operand) && op != root) {
        if (roles.lookup(operand.getDefiningOp()) != Role::rows)
          return "what is made of a row depends on all rows";
        add(operand.getDefiningOp());
      }
    if (role == Role::none)
      return "something reads it that does not work row by row";
    for (Value result : op->getResults())
      if (bytesOf(result) > largest)
        for (Operation *user : result.getUsers()) {
          if (role == Role::sum)
            continue; // a gradient, which is kept anyway
          add(user);
        }
  }
  SmallVector<Operation *> sorted = members.takeVector();
  llvm::sort(sorted, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  members.insert_range(sorted);
  return std::nullopt;
}
