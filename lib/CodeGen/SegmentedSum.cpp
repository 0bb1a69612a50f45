// The segmented sum: the rows of an embedding's gradient, each the sum of the adjoint's rows with
// its index.
//
//   position = the first of the sorted indices that is not below begin
//   for v in [begin, end)
//     out[v] = 0, unless it accumulates
//     while indices[order[position]] = v: out[v] += adjoint[order[position]], ++position
//
// Rows are summed in the order of `order`, whoever computes them.
#include "ScalarEmitter.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::codegen;

using LoopKind = ScalarEmitter::LoopKind;

namespace {
/// An operand as a flat array, and how its rows (all axes but the last, or all of them) lie in it.
struct Rows {
  Value flat;
  SmallVector<int64_t> sizes, strides; ///< outermost first; merged where they can be
  int64_t columnStride = 1;
};

class SegmentedSum {
public:
  SegmentedSum(plan::KernelOp kernel, ModuleOp module)
      : kernel(kernel), emit(kernel, none, module), b(emit.getBuilder()), loc(emit.getLoc()) {}

  void run(unsigned indicesArgument, unsigned orderArgument, unsigned adjointArgument) {
    Rows indices = getRows(indicesArgument, /*columns=*/false);
    Rows order = getRows(orderArgument, /*columns=*/false);
    Rows adjoint = getRows(adjointArgument, /*columns=*/true);
    Rows sum = getRows(kernel.getBody().getNumArguments(), /*columns=*/true);
    auto type = getLayout(kernel.getBody().getNumArguments());
    Value count = emit.getIndex(getLayout(orderArgument).getNumElements());
    Value columns = emit.getIndex(type.getShape().back());

    auto rowAt = [&](Value position) { return loadIndex(order, position); };
    auto indexAt = [&](Value position) { return loadIndex(indices, rowAt(position)); };
    Value start = emitSearch(count, indexAt);
    auto forColumns = [&](llvm::function_ref<void(Value)> body) {
      emit.createLoop(LoopKind::elements, emit.getIndex(0), columns, std::nullopt, body);
    };
    emit.createLoop(LoopKind::rows, emit.getBegin(), emit.getEnd(), std::nullopt, start,
                    [&](Value v, ValueRange state) -> SmallVector<Value> {
                      Value target = createOffset(sum, v);
                      if (!kernel.getAccumulate()[0]) {
                        Value zero = arith::ConstantOp::create(
                            b, loc, b.getFloatAttr(type.getElementType(), 0));
                        forColumns([&](Value c) { store(sum, zero, target, c); });
                      }
                      auto isHere = [&](OpBuilder &inner, Location, ValueRange position) {
                        enter(inner);
                        // Behind the last index the last one is read again: a load must stay
                        // inside, whether it counts or not.
                        Value last = emit.getIndex(getLayout(orderArgument).getNumElements() - 1);
                        Value index = indexAt(arith::MinUIOp::create(b, loc, position[0], last));
                        Value inside = compare(arith::CmpIPredicate::ult, position[0], count);
                        Value equal = compare(arith::CmpIPredicate::eq, index, v);
                        Value here = arith::AndIOp::create(b, loc, inside, equal);
                        scf::ConditionOp::create(b, loc, here, position);
                      };
                      auto addRow = [&](OpBuilder &inner, Location, ValueRange position) {
                        enter(inner);
                        Value source = createOffset(adjoint, rowAt(position[0]));
                        forColumns([&](Value c) {
                          Value term = load(adjoint, source, c), old = load(sum, target, c);
                          store(sum, arith::AddFOp::create(b, loc, old, term), target, c);
                        });
                        Value next = arith::AddIOp::create(b, loc, position[0], emit.getIndex(1));
                        scf::YieldOp::create(b, loc, next);
                      };
                      Block::iterator place = b.getInsertionPoint();
                      Block *block = b.getInsertionBlock();
                      auto loop =
                          scf::WhileOp::create(b, loc, b.getIndexType(), state[0], isHere, addRow);
                      b.setInsertionPoint(block, place);
                      return {loop.getResult(0)};
                    });
  }

private:
  MemRefType getLayout(unsigned operand) {
    return cast<MemRefType>(cast<TypeAttr>(kernel.getLayouts()[operand]).getValue());
  }

  void enter(OpBuilder &inner) {
    b.setInsertionPoint(inner.getInsertionBlock(), inner.getInsertionPoint());
  }

  Value compare(arith::CmpIPredicate predicate, Value lhs, Value rhs) {
    return arith::CmpIOp::create(b, loc, predicate, lhs, rhs);
  }

  Rows getRows(unsigned operand, bool columns) {
    MemRefType layout = getLayout(operand);
    Rows rows;
    SmallVector<int64_t> strides;
    int64_t offset, extent = 1;
    (void)layout.getStridesAndOffset(strides, offset);
    for (auto [size, stride] : llvm::zip(layout.getShape(), strides))
      extent += (size - 1) * stride;
    ArrayRef<int64_t> shape = layout.getShape();
    if (columns) {
      shape = shape.drop_back();
      rows.columnStride = strides.pop_back_val();
    }
    for (auto [size, stride] : llvm::zip(shape, strides)) {
      if (size == 1)
        continue;
      if (!rows.sizes.empty() && rows.strides.back() == size * stride) {
        rows.sizes.back() *= size;
        rows.strides.back() = stride;
      } else {
        rows.sizes.push_back(size);
        rows.strides.push_back(stride);
      }
    }
    Value argument = emit.getBegin().getParentBlock()->getArgument(operand);
    auto flat = MemRefType::get(extent, layout.getElementType());
    rows.flat = argument;
    if (argument.getType() != flat)
      rows.flat = memref::ReinterpretCastOp::create(
          b, loc, flat, argument, /*offset=*/0, ArrayRef<int64_t>{extent}, ArrayRef<int64_t>{1});
    return rows;
  }

  /// Where row number `row` starts.
  Value createOffset(const Rows &rows, Value row) {
    Value offset;
    auto addTerm = [&](Value index, int64_t stride) {
      Value term =
          stride == 1 ? index : arith::MulIOp::create(b, loc, index, emit.getIndex(stride));
      offset = offset ? arith::AddIOp::create(b, loc, offset, term) : term;
    };
    for (size_t axis = rows.sizes.size(); axis-- > 1;) {
      Value size = emit.getIndex(rows.sizes[axis]);
      addTerm(arith::RemUIOp::create(b, loc, row, size), rows.strides[axis]);
      row = arith::DivUIOp::create(b, loc, row, size);
    }
    if (!rows.sizes.empty())
      addTerm(row, rows.strides.front());
    return offset ? offset : emit.getIndex(0);
  }

  Value createPlace(const Rows &rows, Value start, Value column) {
    if (rows.columnStride != 1)
      column = arith::MulIOp::create(b, loc, column, emit.getIndex(rows.columnStride));
    return arith::AddIOp::create(b, loc, start, column);
  }
  Value load(const Rows &rows, Value start, Value column) {
    return memref::LoadOp::create(b, loc, rows.flat, createPlace(rows, start, column));
  }
  void store(const Rows &rows, Value value, Value start, Value column) {
    memref::StoreOp::create(b, loc, value, rows.flat, createPlace(rows, start, column));
  }
  Value loadIndex(const Rows &rows, Value row) {
    Value index = memref::LoadOp::create(b, loc, rows.flat, createOffset(rows, row));
    return arith::IndexCastOp::create(b, loc, b.getIndexType(), index);
  }

  /// The first position whose index is not below `begin`.
  Value emitSearch(Value count, llvm::function_ref<Value(Value)> indexAt) {
    Block::iterator place = b.getInsertionPoint();
    Block *block = b.getInsertionBlock();
    auto isOpen = [&](OpBuilder &inner, Location, ValueRange range) {
      enter(inner);
      scf::ConditionOp::create(b, loc, compare(arith::CmpIPredicate::ult, range[0], range[1]),
                               range);
    };
    auto halve = [&](OpBuilder &inner, Location, ValueRange range) {
      enter(inner);
      Value sum = arith::AddIOp::create(b, loc, range[0], range[1]);
      Value middle = arith::ShRUIOp::create(b, loc, sum, emit.getIndex(1));
      Value below = compare(arith::CmpIPredicate::slt, indexAt(middle), emit.getBegin());
      Value behind = arith::AddIOp::create(b, loc, middle, emit.getIndex(1));
      Value low = arith::SelectOp::create(b, loc, below, behind, range[0]);
      Value high = arith::SelectOp::create(b, loc, below, range[1], middle);
      scf::YieldOp::create(b, loc, ValueRange{low, high});
    };
    Type index = b.getIndexType();
    auto search = scf::WhileOp::create(b, loc, TypeRange{index, index},
                                       ValueRange{emit.getIndex(0), count}, isOpen, halve);
    b.setInsertionPoint(block, place);
    return search.getResult(0);
  }

  plan::KernelOp kernel;
  KernelGraph none;
  ScalarEmitter emit;
  OpBuilder &b;
  Location loc;
};
} // namespace

FailureOr<SegmentedSumOperands> gptc::codegen::findSegmentedSumOperands(plan::KernelOp kernel) {
  Block &block = kernel.getBody().front();
  auto sum = block.getTerminator()->getOperand(0).getDefiningOp<gpt::EmbeddingGradOp>();
  SmallVector<unsigned> arguments;
  if (sum && block.getTerminator()->getNumOperands() == 1)
    for (Value operand : sum->getOperands()) {
      while (auto reshape = operand.getDefiningOp<gpt::ReshapeOp>())
        operand = reshape.getInput();
      if (auto argument = dyn_cast<BlockArgument>(operand))
        arguments.push_back(argument.getArgNumber());
    }
  if (arguments.size() != 3)
    return kernel.emitOpError(
        "requires gpt.embedding_grad of its inputs alone for a segmented sum");
  if (llvm::any_of(kernel.getInPlace(), [](int64_t input) { return input >= 0; }))
    return kernel.emitOpError("does not take outputs in place of inputs for a segmented sum");
  return SegmentedSumOperands{arguments[0], arguments[1], arguments[2]};
}

LogicalResult gptc::codegen::emitSegmentedSum(plan::KernelOp kernel, ModuleOp module) {
  FailureOr<SegmentedSumOperands> operands = findSegmentedSumOperands(kernel);
  if (failed(operands))
    return failure();
  SegmentedSum(kernel, module).run(operands->indices, operands->order, operands->adjoint);
  return success();
}
