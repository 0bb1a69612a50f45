// Adjoints of the operations that move values without computing.
#include "AdjointBuilders.h"

using namespace mlir;
using namespace gptc::gpt;

// y = reshape(x): dx = reshape(dy)
void ReshapeOp::buildAdjoint(OpBuilder &builder, Gradients &gradients) {
  if (gradients.needs(getInput()))
    gradients.add(getInput(), createReshape(builder, getLoc(), gradients.of(getResult()),
                                            getShape(getInput())));
}

// y = transpose(x): dx = dy by the inverse permutation
void TransposeOp::buildAdjoint(OpBuilder &builder, Gradients &gradients) {
  if (!gradients.needs(getInput()))
    return;
  SmallVector<int64_t> inverse(getPermutation().size());
  for (auto [i, axis] : llvm::enumerate(getPermutation()))
    inverse[axis] = i;
  gradients.add(getInput(),
                TransposeOp::create(builder, getLoc(), gradients.of(getResult()), inverse));
}

// y₀, y₁, … = split(x): dx = concat(dy₀, dy₁, …); a piece without an adjoint becomes padding of the
// one before it, or of the first one there is.
void SplitOp::buildAdjoint(OpBuilder &builder, Gradients &gradients) {
  if (!gradients.needs(getInput()))
    return;
  struct Piece {
    Value adjoint;
    int64_t low, high;
  };
  int64_t axis = getAxis(), gap = 0;
  SmallVector<Piece> pieces;
  for (Value result : getResults()) {
    if (Value adjoint = gradients.of(result)) {
      pieces.push_back({adjoint, gap, 0});
      gap = 0;
    } else {
      (pieces.empty() ? gap : pieces.back().high) += getShape(result)[axis];
    }
  }
  SmallVector<Value> padded;
  for (const Piece &piece : pieces) {
    SmallVector<int64_t> low(getShape(getInput()).size()), high(low);
    low[axis] = piece.low, high[axis] = piece.high;
    padded.push_back(piece.low + piece.high == 0
                         ? piece.adjoint
                         : PadOp::create(builder, getLoc(), piece.adjoint, low, high));
  }
  gradients.add(getInput(), padded.size() == 1 ? padded.front()
                                               : ConcatOp::create(builder, getLoc(), padded, axis));
}

// y = concat(x₀, x₁, …): dxᵢ = its part of dy
void ConcatOp::buildAdjoint(OpBuilder &builder, Gradients &gradients) {
  Value adjoint = gradients.of(getResult());
  auto needs = [&](Value input) { return gradients.needs(input); };
  if (llvm::all_of(getInputs(), needs)) {
    auto split = SplitOp::create(builder, getLoc(), getInputs().getTypes(), adjoint, getAxis());
    for (auto [input, piece] : llvm::zip(getInputs(), split.getResults()))
      gradients.add(input, piece);
    return;
  }
  SmallVector<int64_t> offsets(getShape(getResult()).size());
  for (Value input : getInputs()) {
    if (needs(input))
      gradients.add(input, SliceOp::create(builder, getLoc(), adjoint, offsets, getShape(input)));
    offsets[getAxis()] += getShape(input)[getAxis()];
  }
}

// y = slice(x): dx = dy among zeros
void SliceOp::buildAdjoint(OpBuilder &builder, Gradients &gradients) {
  if (!gradients.needs(getInput()))
    return;
  SmallVector<int64_t> high;
  for (auto [size, offset, part] : llvm::zip(getShape(getInput()), getOffsets(), getSizes()))
    high.push_back(size - offset - part);
  gradients.add(getInput(),
                PadOp::create(builder, getLoc(), gradients.of(getResult()), getOffsets(), high));
}

// y = pad(x): dx = the part of dy that x fills
void PadOp::buildAdjoint(OpBuilder &builder, Gradients &gradients) {
  if (gradients.needs(getInput()))
    gradients.add(getInput(), SliceOp::create(builder, getLoc(), gradients.of(getResult()),
                                              getLow(), getShape(getInput())));
}

// Neither lets an adjoint through.
void DetachOp::buildAdjoint(OpBuilder &, Gradients &) {}
void RandomOp::buildAdjoint(OpBuilder &, Gradients &) {}
