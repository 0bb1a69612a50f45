// Slices, grows and masks operands, and remembers where pads are 0.
#include "PadRewriter.h"

#include "gptc/Dialect/GPT/Scalar.h"
#include "gptc/Dialect/GPT/Zeros.h"

#include "llvm/ADT/TypeSwitch.h"

#include <limits>

using namespace mlir;
using namespace gptc;

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

static Shape shapeOf(Value value) { return Shape(typeOf(value).getShape()); }

void PadRewriter::rewrite(func::FuncOp function) {
  Block &block = function.getBody().front();
  SmallVector<Operation *> ops; // those that are there before anything is added
  for (Operation &op : block)
    ops.push_back(&op);
  for (Operation *op : ops)
    if (const OpPadding *padding = analysis.lookup(op))
      rewrite(op, *padding);
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (isOpTriviallyDead(&op))
      op.erase();
}

bool PadRewriter::isPadded(Value value, int64_t axis) const {
  auto found = pads.find(value);
  return found != pads.end() && found->second.logical[axis] != typeOf(value).getDimSize(axis);
}

bool PadRewriter::isZero(Value value, int64_t axis) const {
  return isPadded(value, axis) && pads.find(value)->second.zero[axis];
}

/// Remembers the pads of an operation's results, which would have the shapes `logical` without.
void PadRewriter::note(Operation *op, ArrayRef<Shape> logical) {
  for (auto [result, shape] : llvm::zip(op->getResults(), logical)) {
    if (typeOf(result).getShape() == ArrayRef<int64_t>(shape))
      continue;
    pads[result] = {shape, SmallVector<bool>(shape.size(), false)};
    for (size_t axis = 0; axis < shape.size(); ++axis)
      if (isPadded(result, axis)) {
        bool zero = computesZero(result, axis);
        pads[result].zero[axis] = zero;
      }
  }
}

/// Whether the pads of a result along an axis are 0 because of what computes it.
bool PadRewriter::computesZero(OpResult result, int64_t axis) const {
  Operation *op = result.getOwner();
  return llvm::TypeSwitch<Operation *, bool>(op)
      .Case([&](gpt::ReadOp) { return true; })
      .Case([&](arith::ConstantOp constant) {
        auto splat = dyn_cast<SplatElementsAttr>(constant.getValue());
        return splat && splat.getSplatValue<TypedAttr>() == gpt::zeroOf(splat.getElementType());
      })
      .Case([&](gpt::MapOp) { return mapComputesZero(result, axis); })
      .Case([&](gpt::ReduceOp reduce) {
        int64_t source = axis; // the kept axis number `axis`
        for (int64_t reduced : reduce.getAxes())
          source += reduced <= source;
        return isZero(reduce.getInput(), source);
      })
      .Case([&](gpt::MatmulOp matmul) {
        int64_t rank = typeOf(result).getRank();
        int64_t lhsRank = typeOf(matmul.getLhs()).getRank(),
                rhsRank = typeOf(matmul.getRhs()).getRank();
        if (axis == rank - 1)
          return isZero(matmul.getRhs(), rhsRank - (matmul.getTransposeRhs() ? 2 : 1));
        if (axis == rank - 2)
          return isZero(matmul.getLhs(), lhsRank - (matmul.getTransposeLhs() ? 1 : 2));
        return isZero(matmul.getLhs(), axis);
      })
      .Case([&](gpt::EmbeddingOp gather) { return isZero(gather.getTable(), 1); })
      .Case([&](gpt::EmbeddingGradOp sum) {
        // No index is that of a pad.
        return axis == 0 || isZero(sum.getAdjoint(), typeOf(sum.getAdjoint()).getRank() - 1);
      })
      .Case([&](gpt::TransposeOp transpose) {
        return isZero(transpose.getInput(), transpose.getPermutation()[axis]);
      })
      .Case([&](gpt::ReshapeOp reshape) {
        auto source =
            reshapedAxis(typeOf(result).getShape(), typeOf(reshape.getInput()).getShape(), axis);
        return source && isZero(reshape.getInput(), *source);
      })
      .Case([&](gpt::PadOp pad) {
        return !isPadded(pad.getInput(), axis) || isZero(pad.getInput(), axis);
      })
      .Case<gpt::DetachOp, gpt::SliceOp, gpt::SplitOp, gpt::ConcatOp>([&](auto moved) {
        return llvm::all_of(moved->getOperands(),
                            [&](Value operand) { return isZero(operand, axis); });
      })
      .Default(false);
}

bool PadRewriter::mapComputesZero(OpResult result, int64_t axis) const {
  auto map = cast<gpt::MapOp>(result.getOwner());
  int64_t rank = typeOf(result).getRank();
  SmallVector<TypedAttr> known;
  for (Value operand : map.getOperands()) {
    int64_t own = axis - (rank - typeOf(operand).getRank());
    DenseElementsAttr constant;
    if (matchPattern(operand, m_Constant(&constant)) && constant.isSplat())
      known.push_back(constant.getSplatValue<TypedAttr>());
    else if (own >= 0 && isZero(operand, own))
      known.push_back(gpt::zeroOf(typeOf(operand).getElementType()));
    else
      known.push_back({});
  }
  return gpt::givesZero(map, result.getResultNumber(), known);
}

Value PadRewriter::fit(Value value, const Shape &shape) {
  if (shapeOf(value) == shape)
    return value;
  Value &known = fitted[{value.getAsOpaquePointer(), shape}];
  if (known)
    return known;
  Shape both = shapeOf(value);
  for (auto [size, wanted] : llvm::zip(both, shape))
    size = std::max(size, wanted);
  Value result = both == shapeOf(value) ? value : grow(value, both);
  if (shapeOf(result) != shape)
    result = cut(result, shape);
  return known = result;
}

// x : [4, 104]  =>  slice x [0, 0] [4, 100]
Value PadRewriter::cut(Value value, const Shape &shape) {
  OpBuilder builder(value.getContext());
  builder.setInsertionPointAfterValue(value);
  auto slice = gpt::SliceOp::create(builder, value.getLoc(), value, Shape(shape.size(), 0), shape);
  note(slice, {pads.contains(value) ? [&] {
         Shape logical = pads[value].logical;
         for (auto [size, cut] : llvm::zip(logical, shape))
           size = std::min(size, cut);
         return logical;
       }()
                                    : shape});
  return slice.getResult();
}

/// The same value with more elements behind some axes; its operation is one that PadAnalysis says
/// can grow.
Value PadRewriter::grow(Value value, const Shape &shape) {
  Operation *op = value.getDefiningOp();
  OpBuilder builder(op);
  builder.setInsertionPointAfter(op);
  SmallVector<Shape> logical;
  for (Value result : op->getResults())
    logical.push_back(pads.contains(result) ? pads[result].logical : shapeOf(result));
  IRMapping mapping;
  if (auto reshape = dyn_cast<gpt::ReshapeOp>(op)) {
    Shape input = shapeOf(reshape.getInput());
    for (size_t axis = 0; axis < shape.size(); ++axis)
      if (shape[axis] != shapeOf(value)[axis])
        input[*reshapedAxis(shapeOf(value), shapeOf(reshape.getInput()), axis)] = shape[axis];
    mapping.map(reshape.getInput(), fit(reshape.getInput(), input));
  } else if (auto map = dyn_cast<gpt::MapOp>(op)) {
    Shape before = shapeOf(value);
    for (Value operand : map.getOperands()) {
      Shape own = shapeOf(operand);
      size_t first = shape.size() - own.size();
      for (size_t axis = 0; axis < own.size(); ++axis)
        if (own[axis] == before[first + axis])
          own[axis] = shape[first + axis];
      mapping.map(operand, fit(operand, own));
    }
  }
  // Operands may have been made behind the operation's place.
  for (Value operand : op->getOperands())
    if (Operation *source = mapping.lookupOrDefault(operand).getDefiningOp();
        source && builder.getInsertionPoint()->isBeforeInBlock(source->getNextNode()))
      builder.setInsertionPointAfter(source);
  Operation *copy = builder.clone(*op, mapping);
  if (auto constant = dyn_cast<arith::ConstantOp>(copy)) {
    auto splat = cast<SplatElementsAttr>(constant.getValue());
    constant.setValueAttr(splat.resizeSplat(splat.getType().clone(shape)));
  }
  if (auto pad = dyn_cast<gpt::PadOp>(copy)) {
    Shape high(pad.getHigh());
    for (auto [more, before, after] : llvm::zip(high, shapeOf(value), shape))
      more += after - before;
    pad.setHigh(high);
  }
  for (Value result : copy->getResults())
    result.setType(typeOf(result).clone(shape));
  note(copy, logical);
  return copy->getResult(cast<OpResult>(value).getResultNumber());
}

// x : [4, 104] of which 100 are no pads
//   =>  map(x, iota) { iota < 100 ? x : identity }
Value PadRewriter::mask(Value value, int64_t axis, double identity) {
  Value &known = masked[{value.getAsOpaquePointer(), axis, identity}];
  if (known)
    return known;
  OpBuilder builder(value.getContext());
  builder.setInsertionPointAfterValue(value);
  if (auto reshape = value.getDefiningOp<gpt::ReshapeOp>()) {
    // In front of the view, where other uses of what it shows find the same mask.
    Value input = reshape.getInput();
    auto source = reshapedAxis(shapeOf(value), shapeOf(input), axis);
    Value inner = mask(input, *source, identity);
    auto view = gpt::ReshapeOp::create(builder, reshape.getLoc(), value.getType(), inner);
    note(view, {pads[value].logical});
    return masked[{value.getAsOpaquePointer(), axis, identity}] = view;
  }
  Shape shape = shapeOf(value), column(shape.size() - axis, 1);
  column[0] = shape[axis];
  auto counter = RankedTensorType::get({shape[axis]}, builder.getI32Type());
  Value index = gpt::IotaOp::create(builder, value.getLoc(), counter);
  if (column.size() > 1)
    index = gpt::ReshapeOp::create(builder, value.getLoc(), counter.clone(column), index);
  Pads of = pads[value];
  int64_t limit = of.logical[axis];
  auto map = gpt::MapOp::create(
      builder, value.getLoc(), shape, {value, index},
      [&](OpBuilder &inner, Location loc, ValueRange x) {
        Value end = gpt::getScalarConstant(inner, loc, inner.getI32IntegerAttr(limit));
        Value inside = arith::CmpIOp::create(inner, loc, arith::CmpIPredicate::slt, x[1], end);
        Value other = gpt::Scalar(inner, loc, x[0]).constant(identity).value();
        return SmallVector<Value>{arith::SelectOp::create(inner, loc, inside, x[0], other)};
      });
  Value result = map.getResult(0);
  for (bool &zero : of.zero) // elsewhere along this axis there is the identity
    zero &= identity == 0;
  of.zero[axis] = identity == 0;
  pads[result] = std::move(of);
  return known = result;
}

/// What a reduction may see without its result changing.
static double identityOf(gpt::ReduceKind kind) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  switch (kind) {
  case gpt::ReduceKind::sum:
    return 0;
  case gpt::ReduceKind::max:
    return -infinity;
  case gpt::ReduceKind::min:
    return infinity;
  }
  llvm_unreachable("all kinds have an identity");
}

void PadRewriter::rewrite(Operation *op, const OpPadding &padding) {
  SmallVector<Value> operands;
  for (auto [operand, shape] : llvm::zip(op->getOperands(), padding.operands))
    operands.push_back(fit(operand, shape));
  if (auto reduce = dyn_cast<gpt::ReduceOp>(op)) {
    for (int64_t axis : reduce.getAxes()) {
      double identity = identityOf(reduce.getKind());
      bool harmless = identity == 0 && isZero(operands[0], axis);
      if (isPadded(operands[0], axis) && !harmless)
        operands[0] = mask(operands[0], axis, identity);
    }
  } else if (isa<gpt::MatmulOp, gpt::GlobalNormOp>(op)) {
    // Pads of the axis that is summed over would reach all elements. Those of the others would stay
    // pads, but they are cleared at less cost in the kernel before a matmul than behind it.
    for (Value &operand : operands)
      for (int64_t axis = 0, rank = typeOf(operand).getRank(); axis < rank; ++axis)
        operand = clear(operand, axis);
  } else if (isa<gpt::WriteOp>(op)) {
    for (int64_t axis = 0, rank = typeOf(operands[0]).getRank(); axis < rank; ++axis)
      operands[0] = clear(operands[0], axis);
  }
  op->setOperands(operands);
  SmallVector<Shape> logical;
  for (auto [result, shape] : llvm::zip(op->getResults(), padding.results)) {
    logical.push_back(shapeOf(result));
    result.setType(typeOf(result).clone(shape));
  }
  if (auto slice = dyn_cast<gpt::SliceOp>(op))
    slice.setSizes(padding.results[0]);
  note(op, logical);
}
