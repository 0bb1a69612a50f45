// Cutting a cluster of row operations into pieces.
#include "RowCluster.h"

#include "gptc/Dialect/GPT/Scalar.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace gptc;

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

SmallVector<RowCluster::Piece> RowCluster::pieces() const {
  SmallVector<Piece> result;
  int64_t inner = 1;
  for (int64_t size : ArrayRef(rows).drop_front(chunkAxis + 1))
    inner *= size;
  int64_t perAxis = llvm::divideCeil(rows[chunkAxis], chunkSize);
  for (int64_t number = 0; number < countPieces(); ++number) {
    Piece piece{SmallVector<int64_t>(rows.size(), 0), SmallVector<int64_t>(rows), 0, 0};
    int64_t rest = number / perAxis, first = number % perAxis * chunkSize;
    piece.offsets[chunkAxis] = first;
    piece.sizes[chunkAxis] = std::min(chunkSize, rows[chunkAxis] - first);
    piece.first = first * inner;
    int64_t stride = inner * rows[chunkAxis];
    for (unsigned axis = chunkAxis; axis-- > 0;) {
      piece.offsets[axis] = rest % rows[axis];
      piece.sizes[axis] = 1;
      piece.first += piece.offsets[axis] * stride;
      stride *= rows[axis];
      rest /= rows[axis];
    }
    piece.count = piece.sizes[chunkAxis] * inner;
    result.push_back(std::move(piece));
  }
  return result;
}

/// Moves what the cluster reads, and is not of it, before it.
void RowCluster::hoistOperands() {
  DenseSet<Operation *> needed;
  SmallVector<Operation *> worklist(members.begin(), members.end());
  while (!worklist.empty())
    for (Value operand : worklist.pop_back_val()->getOperands()) {
      Operation *op = operand.getDefiningOp();
      if (op && op->getBlock() == root->getBlock() && !op->isBeforeInBlock(root) &&
          !members.contains(op) && needed.insert(op).second)
        worklist.push_back(op);
    }
  SmallVector<Operation *> sorted(needed.begin(), needed.end());
  llvm::sort(sorted, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  for (Operation *op : sorted)
    op->moveBefore(root);
}

/// The rows of a piece of what an operation reads: those of the piece's copy, or a slice of a
/// tensor from outside.
Value RowCluster::operandFor(OpOperand &operand, const Piece &piece, IRMapping &mapping,
                             OpBuilder &builder) {
  Value value = operand.get();
  Operation *op = operand.getOwner();
  if (Value copied = mapping.lookupOrNull(value))
    return copied;
  ArrayRef<int64_t> shape = shapeOf(value);
  SmallVector<int64_t> offsets(shape.size(), 0), sizes(shape);
  auto take = [&](size_t axis, int64_t offset, int64_t size) {
    offsets[axis] = offset;
    sizes[axis] = size;
  };
  if (auto map = dyn_cast<gpt::MapOp>(op)) {
    // Lined up at the last axis; an axis of size 1 serves all rows.
    unsigned axes = rowAxes.lookup(map.getResult(0)),
             missing = map.getShape().size() - shape.size();
    for (unsigned axis = missing; axis < axes; ++axis)
      if (shape[axis - missing] != 1 || map.getShape()[axis] == 1)
        take(axis - missing, axes == rows.size() ? piece.offsets[axis] : piece.first,
             axes == rows.size() ? piece.sizes[axis] : piece.count);
  } else if (auto matmul = dyn_cast<gpt::MatmulOp>(op)) {
    bool isLhs = operand.getOperandNumber() == 0;
    if (op == root && isLhs) {
      for (unsigned axis = 0; axis < rows.size(); ++axis)
        take(axis, piece.offsets[axis], piece.sizes[axis]);
    } else if (roles.lookup(op) == Role::sum) {
      bool transposed = isLhs ? matmul.getTransposeLhs() : matmul.getTransposeRhs();
      take(transposed == isLhs ? 0 : 1, piece.first, piece.count);
    }
  }
  return sliceOf(value, offsets, sizes, builder);
}

/// Whether nothing but members uses `op`, directly or by other operations like it: maps, and views
/// that add axes of size 1.
bool RowCluster::isForMembers(Operation *op) const {
  if (!isa_and_present<gpt::MapOp, gpt::ReshapeOp>(op) || op->getNumResults() != 1 ||
      op->getBlock() != root->getBlock())
    return false;
  if (auto reshape = dyn_cast<gpt::ReshapeOp>(op)) {
    ArrayRef<int64_t> from = shapeOf(reshape.getInput()), to = shapeOf(reshape.getResult());
    if (to.size() != from.size() + 1 || to.back() != 1 || to.drop_back() != from)
      return false;
  }
  return llvm::all_of(op->getUsers(), [&](Operation *user) {
    return members.contains(user) || isForMembers(user);
  });
}

/// A part of a tensor from outside. What is computed for the cluster alone is computed for each
/// piece: a kernel of the piece can take it in, and need not wait for the whole.
///
///   slice(map(%a, %b))  =>  map(slice(%a), slice(%b))
Value RowCluster::sliceOf(Value value, ArrayRef<int64_t> offsets, ArrayRef<int64_t> sizes,
                          OpBuilder &builder) {
  if (sizes == shapeOf(value))
    return value;
  Operation *op = value.getDefiningOp();
  if (!isForMembers(op))
    return gpt::SliceOp::create(builder, value.getLoc(), value, offsets, sizes);
  replaced.insert(op);
  SmallVector<Value> operands;
  for (Value operand : op->getOperands()) {
    // Lined up at the last axis of a map; a reshape's input has all axes but the last.
    ArrayRef<int64_t> shape = shapeOf(operand);
    size_t missing = isa<gpt::MapOp>(op) ? offsets.size() - shape.size() : 0;
    SmallVector<int64_t> first(shape.size(), 0), count(shape);
    for (size_t axis = 0; axis < shape.size(); ++axis)
      if (shape[axis] == shapeOf(value)[axis + missing]) {
        first[axis] = offsets[axis + missing];
        count[axis] = sizes[axis + missing];
      }
    operands.push_back(sliceOf(operand, first, count, builder));
  }
  Operation *piece = op->clone();
  piece->setOperands(operands);
  piece->getResult(0).setType(cast<RankedTensorType>(value.getType()).clone(sizes));
  builder.insert(piece);
  return piece->getResult(0);
}

Operation *RowCluster::copy(Operation *op, const Piece &piece, IRMapping &mapping,
                            OpBuilder &builder) {
  SmallVector<Value> operands;
  for (OpOperand &operand : op->getOpOperands())
    operands.push_back(operandFor(operand, piece, mapping, builder));
  Operation *copied = op->clone();
  copied->setOperands(operands);
  for (auto [from, to] : llvm::zip(op->getResults(), copied->getResults())) {
    mapping.map(from, to);
    auto axes = rowAxes.find(from);
    if (roles.lookup(op) == Role::sum || axes == rowAxes.end())
      continue;
    auto type = cast<RankedTensorType>(from.getType());
    SmallVector<int64_t> shape(type.getShape());
    if (axes->second == rows.size())
      llvm::copy(piece.sizes, shape.begin());
    else
      shape[0] = piece.count;
    to.setType(type.clone(shape));
  }
  builder.insert(copied);
  return copied;
}

/// The whole of a result, from those of the pieces.
Value RowCluster::join(const Exit &exit, OpBuilder &builder) const {
  Location location = exit.value.getLoc();
  SmallVector<Value> parts(exit.parts);
  if (exit.isSum) {
    Value sum = parts.front();
    for (Value part : ArrayRef(parts).drop_front())
      sum = gpt::MapOp::create(
                builder, location, shapeOf(sum), ValueRange{sum, part},
                [](OpBuilder &inner, Location at, ValueRange x) {
                  return SmallVector<Value>{
                      (gpt::Scalar(inner, at, x[0]) + gpt::Scalar(inner, at, x[1])).value()};
                })
                .getResult(0);
    return sum;
  }
  bool flat = rowAxes.lookup(exit.value) != rows.size();
  for (int axis = flat ? 0 : chunkAxis; axis >= 0; --axis) {
    int64_t count = flat                                  ? parts.size()
                    : axis == static_cast<int>(chunkAxis) ? llvm::divideCeil(rows[axis], chunkSize)
                                                          : rows[axis];
    if (count == 1)
      continue;
    SmallVector<Value> joined;
    for (size_t first = 0; first < parts.size(); first += count)
      joined.push_back(
          gpt::ConcatOp::create(builder, location, ArrayRef(parts).slice(first, count), axis));
    parts = std::move(joined);
  }
  return parts.front();
}

// write @g, Σ parts  =>  write @g, part;  write @g, part accumulate;  …
void RowCluster::writeParts(gpt::WriteOp write, ArrayRef<Value> parts) const {
  OpBuilder builder(write);
  for (auto [number, part] : llvm::enumerate(parts)) {
    auto copied = cast<gpt::WriteOp>(builder.clone(*write));
    copied.getValueMutable().assign(part);
    copied.setAccumulate(write.getAccumulate() || number > 0);
  }
  write.erase();
}

void RowCluster::cut() {
  hoistOperands();
  SmallVector<Exit> exits;
  for (Operation *op : members)
    for (Value result : op->getResults())
      if (llvm::any_of(result.getUsers(), [&](Operation *user) { return !members.contains(user); }))
        exits.push_back({result, roles.lookup(op) == Role::sum, {}});
  OpBuilder builder(root);
  for (const Piece &piece : pieces()) {
    IRMapping mapping;
    for (Operation *op : members)
      copy(op, piece, mapping, builder);
    for (Exit &exit : exits)
      exit.parts.push_back(mapping.lookup(exit.value));
  }
  for (Exit &exit : exits) {
    auto write =
        exit.value.hasOneUse() ? dyn_cast<gpt::WriteOp>(*exit.value.user_begin()) : gpt::WriteOp();
    if (exit.isSum && write)
      writeParts(write, exit.parts);
    else
      exit.value.replaceUsesWithIf(
          join(exit, builder), [&](OpOperand &use) { return !members.contains(use.getOwner()); });
  }
  for (Operation *op : llvm::reverse(members.getArrayRef()))
    op->erase();
  // Users first: an operation comes behind those that it uses.
  SmallVector<Operation *> dead(replaced.begin(), replaced.end());
  llvm::sort(dead, [](Operation *a, Operation *b) { return b->isBeforeInBlock(a); });
  for (Operation *op : dead)
    if (op->use_empty())
      op->erase();
}
