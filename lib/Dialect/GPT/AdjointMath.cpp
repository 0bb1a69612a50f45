// Adjoints of reductions, matmuls and gathers.
#include "AdjointBuilders.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace gptc::gpt;

// y = Σ x: dx = dy stretched.   y = max x: dx = [x = y] dy / Σ [x = y].
void ReduceOp::buildAdjoint(OpBuilder &builder, Gradients &gradients) {
  if (!gradients.needs(getInput()))
    return;
  Location loc = getLoc();
  ArrayRef<int64_t> shape = getShape(getInput());
  SmallVector<int64_t> kept = keepAxes(shape, getAxes());
  bool stretches = ArrayRef<int64_t>(kept) != shape;
  // Axes missing in front are stretched as they are.
  ArrayRef<int64_t> narrow(kept);
  size_t count = getAxes().size();
  if (stretches && getAxes().back() == static_cast<int64_t>(count) - 1)
    narrow = narrow.drop_front(count);
  Value adjoint = createReshape(builder, loc, gradients.of(getResult()), narrow);
  if (getKind() == ReduceKind::sum) {
    if (stretches)
      adjoint = createMap1(builder, loc, shape, adjoint, [](auto x) { return x[0]; });
    return gradients.add(getInput(), adjoint);
  }
  Value extremum = createReshape(builder, loc, getResult(), narrow);
  Value chosen = createMap1(builder, loc, shape, {getInput(), extremum}, [](auto x) {
    return x[0].equals(x[1]).select(x[0].constant(1), x[0].constant(0));
  });
  Value ties = createReshape(builder, loc, createSum(builder, loc, chosen, getAxes()), narrow);
  gradients.add(getInput(),
                createMap1(builder, loc, shape, {getInput(), extremum, adjoint, ties}, [](auto x) {
                  return x[0].equals(x[1]).select(x[2] / x[3], x[2].constant(0));
                }));
}

static Value multiply(OpBuilder &builder, Location loc, Value lhs, bool transposeLhs, Value rhs,
                      bool transposeRhs, bool tf32) {
  return MatmulOp::create(builder, loc, lhs, rhs, transposeLhs, transposeRhs, tf32);
}

// C = A B: dA = dC Bᵀ, dB = Aᵀ dC; of a transposed operand the transpose. A matrix B that serves
// all leading axes gets one product over all their rows. The adjoint of a float32 result is rounded
// to the operands' type where that is narrower.
void MatmulOp::buildAdjoint(OpBuilder &builder, Gradients &gradients) {
  Location loc = getLoc();
  Value lhs = getLhs(), rhs = getRhs(), adjoint = gradients.of(getResult());
  bool tl = getTransposeLhs(), tr = getTransposeRhs(), tf32 = getTf32();
  adjoint = createConversion(builder, loc, adjoint, getElementTypeOrSelf(lhs));
  if (gradients.needs(lhs))
    gradients.add(lhs, tl ? multiply(builder, loc, rhs, tr, adjoint, true, tf32)
                          : multiply(builder, loc, adjoint, false, rhs, !tr, tf32));
  if (!gradients.needs(rhs))
    return;
  if (getShape(rhs).size() < getShape(lhs).size()) {
    lhs = createMatrix(builder, loc, lhs);
    adjoint = createMatrix(builder, loc, adjoint);
  }
  gradients.add(rhs, tr ? multiply(builder, loc, adjoint, true, lhs, tl, tf32)
                        : multiply(builder, loc, lhs, !tl, adjoint, false, tf32));
}

// y = table[indices]: dtable = the rows of dy summed by index. Indices 0, 1, … read each row once.
void EmbeddingOp::buildAdjoint(OpBuilder &builder, Gradients &gradients) {
  if (!gradients.needs(getTable()))
    return;
  Value adjoint = gradients.of(getResult());
  if (getIndices().getDefiningOp<IotaOp>()) {
    int64_t unread = getShape(getTable())[0] - getShape(adjoint)[0];
    if (unread > 0)
      adjoint = PadOp::create(builder, getLoc(), adjoint, ArrayRef<int64_t>{0, 0},
                              ArrayRef<int64_t>{unread, 0});
    return gradients.add(getTable(), adjoint);
  }
  auto indices = cast<RankedTensorType>(getIndices().getType());
  Value order =
      ArgsortOp::create(builder, getLoc(), indices.clone({indices.getNumElements()}), getIndices());
  gradients.add(getTable(), EmbeddingGradOp::create(builder, getLoc(), getTable().getType(),
                                                    getIndices(), order, adjoint));
}

// y = x[…, i]: dx = dy where the column is i, else 0
void PickOp::buildAdjoint(OpBuilder &builder, Gradients &gradients) {
  if (!gradients.needs(getInput()))
    return;
  ArrayRef<int64_t> shape = getShape(getInput());
  auto indices = cast<RankedTensorType>(getIndices().getType());
  Value columns = IotaOp::create(builder, getLoc(), indices.clone({shape.back()}));
  Value index = createColumn(builder, getLoc(), getIndices());
  Value adjoint = createColumn(builder, getLoc(), gradients.of(getResult()));
  gradients.add(getInput(),
                createMap1(builder, getLoc(), shape, {columns, index, adjoint}, [](auto x) {
                  return x[0].equals(x[1]).select(x[2], x[2].constant(0));
                }));
}
