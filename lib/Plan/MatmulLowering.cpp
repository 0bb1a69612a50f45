// Products become library calls, with what follows them as their epilogues.
#include "EntryLowering.h"

#include "gptc/Dialect/GPT/BlockSums.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::plan;

static RankedTensorType tensor(Value value) { return cast<RankedTensorType>(value.getType()); }

namespace {
/// A matrix as the library takes it: rows at a distance of `stride`, perhaps of the transposed
/// matrix.
struct StoredMatrix {
  bool transposed;
  int64_t stride;
};
} // namespace

/// How the last two axes are stored; none if neither has neighbouring elements.
static std::optional<StoredMatrix> storedMatrix(ArrayRef<int64_t> shape, const Strides &strides) {
  int64_t rows = shape.end()[-2], columns = shape.back();
  int64_t rowStride = strides.end()[-2], columnStride = strides.back();
  if ((columnStride == 1 || columns == 1) && (rows == 1 || rowStride >= columns))
    return StoredMatrix{false, rows == 1 ? columns : rowStride};
  if ((rowStride == 1 || rows == 1) && (columns == 1 || columnStride >= rows))
    return StoredMatrix{true, columns == 1 ? rows : columnStride};
  return std::nullopt;
}

/// The element types of a product; null if all are f32.
static ArrayAttr typesOf(OpBuilder &builder, Value lhs, Value rhs, Value result) {
  SmallVector<Type> types;
  for (Value value : {lhs, rhs, result})
    types.push_back(tensor(value).getElementType());
  bool plain = llvm::all_of(types, [](Type type) { return type.isF32(); });
  return plain ? ArrayAttr() : builder.getTypeArrayAttr(types);
}

plan::MatmulOp EntryLowering::multiply(gpt::MatmulOp op, Value left, Value right, Place result,
                                       bool accumulate) {
  Place lhs = places.lookup(left), rhs = places.lookup(right);
  SmallVector<int64_t> lhsShape(tensor(left).getShape()), rhsShape(tensor(right).getShape()),
      resultShape(tensor(op.getResult()).getShape());
  if (!storedMatrix(lhsShape, lhs.strides))
    lhs = densify(left, lhs);
  if (!storedMatrix(rhsShape, rhs.strides))
    rhs = densify(right, rhs);
  // One matrix serves all leading axes of the other: its rows are one longer matrix where strides
  // allow.
  bool shared = rhsShape.size() == 2 && lhsShape.size() > 2;
  if (shared) {
    int64_t rows = ShapedType::getNumElements(ArrayRef<int64_t>(lhsShape).drop_back());
    SmallVector<int64_t> flatLhs{rows, lhsShape.back()}, flatResult{rows, resultShape.back()};
    auto lhsStrides = reshapeStrides(lhsShape, lhs.strides, flatLhs);
    auto resultStrides = reshapeStrides(resultShape, result.strides, flatResult);
    if (lhsStrides && resultStrides && storedMatrix(flatLhs, *lhsStrides)) {
      lhsShape = flatLhs;
      lhs.strides = *lhsStrides;
      resultShape = flatResult;
      result.strides = *resultStrides;
    }
  }
  StoredMatrix storedLhs = *storedMatrix(lhsShape, lhs.strides),
               storedRhs = *storedMatrix(rhsShape, rhs.strides);
  StoredMatrix out = *storedMatrix(resultShape, result.strides);
  assert(!out.transposed && "destinations give matmuls rows of neighbouring elements");
  SmallVector<Attribute> batch;
  for (size_t axis = 0; axis + 2 < resultShape.size(); ++axis)
    batch.push_back(BatchAxisAttr::get(builder.getContext(), resultShape[axis], lhs.strides[axis],
                                       shared ? 0 : rhs.strides[axis], result.strides[axis]));
  int64_t k = lhsShape[lhsShape.size() - (op.getTransposeLhs() ? 2 : 1)];
  // Only generated functions have 16 bits; which of the others are generated is decided later.
  ArrayAttr types = typesOf(builder, left, right, op.getResult());
  return plan::MatmulOp::create(
      builder, op.getLoc(), resultShape.end()[-2], resultShape.back(), k, view(lhs), view(rhs),
      view(result), ArrayRef<int64_t>{storedLhs.stride, storedRhs.stride, out.stride},
      builder.getArrayAttr(batch), op.getTransposeLhs() != storedLhs.transposed,
      op.getTransposeRhs() != storedRhs.transposed, accumulate, FlatSymbolRefAttr(), IntegerAttr(),
      IntegerAttr(), ArrayAttr(), types, ArrayAttr(), op.getTf32(),
      /*generated=*/types != nullptr);
}

/// Whether the library can write all rows of a product as one matrix with these strides.
static bool isOneMatrix(ArrayRef<int64_t> shape, const Strides &strides) {
  SmallVector<int64_t> flat{ShapedType::getNumElements(shape.drop_back()), shape.back()};
  std::optional<Strides> merged = reshapeStrides(shape, strides, flat);
  if (!merged)
    return false;
  std::optional<StoredMatrix> matrix = storedMatrix(flat, *merged);
  return matrix && !matrix->transposed;
}

/// What follows the product, as a block of its own: the product is its last argument, behind the
/// operands of `op` that `operands` lists.
///
///   ^bb0(%x, %w, %b):                    ^bb0(%b, %p):
///     %p = gpt.matmul %x, %w       =>      %m = gpt.map(%p, %b)
///     %m = gpt.map(%p, %b)                 gpt.yield %m
///     gpt.yield %m, %p
static std::unique_ptr<Block> epilogueOf(gpt::FusedOp op, gpt::MatmulOp product,
                                         SmallVectorImpl<Value> &operands) {
  auto block = std::make_unique<Block>();
  IRMapping mapping;
  auto add = [&](Value inner) {
    mapping.map(inner, block->addArgument(inner.getType(), op.getLoc()));
  };
  for (auto [inner, outer] : llvm::zip(op.getBody().getArguments(), op.getOperands()))
    if (llvm::any_of(inner.getUsers(), [&](Operation *user) { return user != product; })) {
      add(inner);
      operands.push_back(outer);
    }
  add(product.getResult());
  OpBuilder inside(op.getContext());
  inside.setInsertionPointToStart(block.get());
  for (Operation &inner : op.getBody().front().without_terminator())
    if (&inner != product)
      inside.clone(inner, mapping);
  SmallVector<Value> yielded;
  for (Value value : op.getBody().front().getTerminator()->getOperands())
    if (value != product.getResult())
      yielded.push_back(mapping.lookup(value));
  gpt::YieldOp::create(inside, op.getLoc(), yielded);
  return block;
}

void EntryLowering::lowerWithProduct(gpt::FusedOp op, gpt::MatmulOp product) {
  SmallVector<Value> operands;
  std::unique_ptr<Block> body = epilogueOf(op, product, operands);
  SmallVector<Place> inputs, outputs;
  for (Value operand : operands)
    inputs.push_back(places.lookup(operand));
  // The product takes the place of the value that it is, or else of one that it is not needed
  // beside: what goes along a row more than once may need it longer (plan-share-operands knows).
  bool once = llvm::none_of(*body, [](Operation &inner) {
    return isa<gpt::ReduceOp>(inner) && !gpt::matchBlockSum(&inner);
  });
  ArrayRef<int64_t> shape = tensor(product.getResult()).getShape();
  std::optional<Place> place;
  SmallVector<bool> accumulate;
  SmallVector<int64_t> inPlace;
  Value itself;
  int64_t shared = -1;
  for (auto [result, yielded] :
       llvm::zip(op.getResults(), op.getBody().front().getTerminator()->getOperands())) {
    bool adds = destinations->accumulates(result);
    if (yielded == product.getResult()) {
      itself = result;
      const Place *wanted = destinations->lookup(result);
      if (wanted && !adds && isOneMatrix(shape, wanted->strides))
        place = *wanted;
      continue;
    }
    places[result] = destination(result);
    if (once && shared < 0 && !adds && result.getType() == product.getType() &&
        isOneMatrix(shape, places[result].strides))
      shared = outputs.size();
    outputs.push_back(places[result]);
    accumulate.push_back(adds);
    inPlace.push_back(-1);
  }
  if (!itself && shared >= 0) {
    place = outputs[shared];
    inPlace[shared] = inputs.size();
  }
  if (!place)
    place = memory.allocate("transient", tensor(product.getResult()));
  inputs.push_back(*place);

  gpt::YieldOp yield = cast<gpt::YieldOp>(op.getBody().front().getTerminator());
  Value lhs = op.getOperand(cast<BlockArgument>(product.getLhs()).getArgNumber()),
        rhs = op.getOperand(cast<BlockArgument>(product.getRhs()).getArgNumber());
  plan::MatmulOp matmul = multiply(product, lhs, rhs, *place, false);
  if (yield.getNumOperands() > (itself ? 1u : 0u)) {
    SmallVector<Place> all(inputs);
    llvm::append_range(all, outputs);
    Use kernel = use(op.getLoc(), nameOf(op), *body, all, accumulate, inPlace);
    // A left matrix whose rows are not at one distance is multiplied in pieces, the whole before
    // the kernel.
    if (matmul.getBatch().empty() && matmul.getM() == kernel.kernel.rows) {
      matmul.setEpilogue(kernel.kernel.kernel.getSymName());
      matmul.setEpilogueRows(kernel.kernel.rows);
      matmul.setEpilogueGrain(kernel.kernel.grain);
      matmul.setEpilogueOperandsAttr(kernel.views);
      matmul->setLoc(builder.getFusedLoc({product.getLoc(), op.getLoc()}));
    } else {
      launch(op.getLoc(), kernel);
    }
  }
  if (itself)
    settle(itself, *place);
}
