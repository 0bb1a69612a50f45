// Folds: rearrangements that change nothing, or that follow one another.
#include "gptc/Dialect/GPT/GPTOps.h"

using namespace mlir;
using namespace gptc::gpt;

// reshape(x) : A -> A  =>  x;  reshape(reshape(x))  =>  reshape(x)
OpFoldResult ReshapeOp::fold(FoldAdaptor) {
  if (getInput().getType() == getType())
    return getInput();
  if (auto inner = getInput().getDefiningOp<ReshapeOp>()) {
    if (inner.getInput().getType() == getType())
      return inner.getInput();
    getInputMutable().assign(inner.getInput());
    return getResult();
  }
  return {};
}

// transpose(x) by the identity  =>  x;  transpose(transpose(x))  =>  transpose(x) by the product
OpFoldResult TransposeOp::fold(FoldAdaptor) {
  ArrayRef<int64_t> permutation = getPermutation();
  if (llvm::equal(permutation, llvm::seq<int64_t>(0, permutation.size())))
    return getInput();
  if (auto inner = getInput().getDefiningOp<TransposeOp>()) {
    SmallVector<int64_t> product;
    for (int64_t axis : permutation)
      product.push_back(inner.getPermutation()[axis]);
    setPermutation(product);
    getInputMutable().assign(inner.getInput());
    return getResult();
  }
  return {};
}

// slice(x) of everything  =>  x
OpFoldResult SliceOp::fold(FoldAdaptor) {
  return getInput().getType() == getType() ? OpFoldResult(getInput()) : OpFoldResult();
}
