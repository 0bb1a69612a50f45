// Small pieces that adjoints are put together from.
#include "AdjointBuilders.h"

using namespace mlir;
using namespace gptc::gpt;

ArrayRef<int64_t> gptc::gpt::getShape(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

Value gptc::gpt::createReshape(OpBuilder &builder, Location loc, Value value,
                               ArrayRef<int64_t> shape) {
  if (auto inner = value.getDefiningOp<ReshapeOp>())
    value = inner.getInput();
  if (getShape(value) == shape)
    return value;
  auto type = cast<RankedTensorType>(value.getType());
  return ReshapeOp::create(builder, loc, type.clone(shape), value);
}

Value gptc::gpt::createMatrix(OpBuilder &builder, Location loc, Value value) {
  int64_t rows = 1, columns = getShape(value).back();
  for (int64_t size : getShape(value).drop_back())
    rows *= size;
  return createReshape(builder, loc, value, {rows, columns});
}

Value gptc::gpt::createColumn(OpBuilder &builder, Location loc, Value value) {
  SmallVector<int64_t> shape(getShape(value));
  shape.push_back(1);
  return createReshape(builder, loc, value, shape);
}

Value gptc::gpt::createSum(OpBuilder &builder, Location loc, Value value, ArrayRef<int64_t> axes) {
  if (axes.empty())
    return value;
  return ReduceOp::create(builder, loc, ReduceKind::sum, value, axes);
}

Value gptc::gpt::createRowSum(OpBuilder &builder, Location loc, Value value) {
  int64_t last = getShape(value).size() - 1;
  return createColumn(builder, loc, createSum(builder, loc, value, {last}));
}

Value gptc::gpt::createSumTo(OpBuilder &builder, Location loc, Value value,
                             ArrayRef<int64_t> shape) {
  ArrayRef<int64_t> full = getShape(value);
  size_t missing = full.size() - shape.size();
  SmallVector<int64_t> axes;
  for (size_t i = 0; i < full.size(); ++i)
    if (full[i] != 1 && (i < missing || shape[i - missing] == 1))
      axes.push_back(i);
  return createReshape(builder, loc, createSum(builder, loc, value, axes), shape);
}

SmallVector<int64_t> gptc::gpt::keepAxes(ArrayRef<int64_t> shape, ArrayRef<int64_t> axes) {
  SmallVector<int64_t> kept(shape);
  for (int64_t axis : axes)
    kept[axis] = 1;
  return kept;
}
