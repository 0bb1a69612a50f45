// Operations that move and combine tensors.
#include "Graph.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace gptc::model {

Graph::Graph(MLIRContext &context) : builder(&context), location(UnknownLoc::get(&context)) {}

Tensor *Graph::make() { return &tensors_.emplace_back(location); }

Tensor *Graph::wrap(Value value, Dims dims) {
  Tensor *tensor = make();
  tensor->isInt = getElementTypeOrSelf(value.getType()).isInteger();
  tensor->value = value;
  tensor->dims = std::move(dims);
  return tensor;
}

RankedTensorType Graph::type(llvm::ArrayRef<Number> dims, bool isInt) {
  Type element = isInt ? Type(builder.getI32Type()) : Type(builder.getF32Type());
  return RankedTensorType::get(staticShape(dims), element);
}

Tensor *Graph::reshape(Tensor *tensor, Dims dims) {
  if (sameDims(tensor->dims, dims))
    return tensor;
  Value value = builder.createOrFold<gpt::ReshapeOp>(location, type(dims, tensor->isInt),
                                                     materialize(tensor));
  return wrap(value, std::move(dims));
}

/// The permutation that swaps the last two of `rank` axes.
static SmallVector<int64_t> swapOfLast(size_t rank) {
  SmallVector<int64_t> permutation = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  if (rank >= 2)
    std::swap(permutation.end()[-1], permutation.end()[-2]);
  return permutation;
}

Tensor *Graph::transpose(Tensor *tensor, ArrayRef<int64_t> permutation) {
  if (llvm::equal(permutation, llvm::seq<int64_t>(0, permutation.size())))
    return tensor;
  Dims dims;
  for (int64_t axis : permutation)
    dims.push_back(tensor->dims[axis]);
  Value value = builder.createOrFold<gpt::TransposeOp>(location, materialize(tensor), permutation);
  Tensor *result = wrap(value, std::move(dims));
  if (permutation == ArrayRef<int64_t>(swapOfLast(permutation.size())))
    result->transposed = tensor;
  return result;
}

Tensor *Graph::transpose(Tensor *tensor) {
  return transpose(tensor, swapOfLast(tensor->dims.size()));
}

Tensor *Graph::slice(Tensor *tensor, ArrayRef<int64_t> offsets, Dims dims) {
  Value value =
      builder.createOrFold<gpt::SliceOp>(location, materialize(tensor), offsets, staticShape(dims));
  return wrap(value, std::move(dims));
}

Tensor *Graph::padFront(Tensor *tensor, size_t axis, Number count) {
  SmallVector<int64_t> low(tensor->dims.size()), high(tensor->dims.size());
  low[axis] = count.whole();
  Dims dims = tensor->dims;
  dims[axis] = Number::add(dims[axis], count);
  Value value = gpt::PadOp::create(builder, location, materialize(tensor), low, high);
  return wrap(value, std::move(dims));
}

SmallVector<Tensor *> Graph::split(Tensor *tensor, ArrayRef<Number> sizes) {
  SmallVector<Dims> shapes(sizes.size(), tensor->dims);
  SmallVector<Type> types;
  for (size_t i = 0; i < sizes.size(); ++i) {
    shapes[i].back() = sizes[i];
    types.push_back(type(shapes[i], tensor->isInt));
  }
  auto op =
      gpt::SplitOp::create(builder, location, types, materialize(tensor), tensor->dims.size() - 1);
  SmallVector<Tensor *> pieces;
  for (size_t i = 0; i < sizes.size(); ++i)
    pieces.push_back(wrap(op.getResult(i), std::move(shapes[i])));
  return pieces;
}

Tensor *Graph::concat(ArrayRef<Tensor *> tensors) {
  Dims dims = tensors.front()->dims;
  SmallVector<Value> values;
  for (Tensor *tensor : tensors) {
    if (!values.empty())
      dims.back() = Number::add(dims.back(), tensor->dims.back());
    values.push_back(materialize(tensor));
  }
  Value value = gpt::ConcatOp::create(builder, location, values, dims.size() - 1);
  return wrap(value, std::move(dims));
}

Tensor *Graph::iota(Number count) {
  Dims dims{count};
  return wrap(gpt::IotaOp::create(builder, location, type(dims, true)), std::move(dims));
}

Tensor *Graph::reduce(gpt::ReduceKind kind, Tensor *tensor, ArrayRef<int64_t> axes) {
  if (axes.empty())
    return tensor;
  Dims dims;
  for (auto [axis, size] : llvm::enumerate(tensor->dims))
    if (!llvm::is_contained(axes, static_cast<int64_t>(axis)))
      dims.push_back(size);
  Value value = gpt::ReduceOp::create(builder, location, kind, materialize(tensor), axes);
  return wrap(value, std::move(dims));
}

Tensor *Graph::sumOfSquares(Tensor *tensor) {
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, tensor->dims.size()));
  return reduce(gpt::ReduceKind::sum, map(Scalar::Multiply, {tensor, tensor}, tensor->dims), axes);
}

Tensor *Graph::matmul(Tensor *lhs, Tensor *rhs) {
  ArrayRef<Number> left = ArrayRef(lhs->dims).drop_back(2),
                   right = ArrayRef(rhs->dims).drop_back(2);
  // A matrix on the right serves all leading axes; everything else is stretched to agree.
  bool shared = right.empty();
  if (!shared && !sameDims(left, right)) {
    Dims leading(left.size() > right.size() || !stretchesTo(left, right) ? left : right);
    auto stretch = [&](Tensor *tensor) {
      Dims dims = leading;
      dims.append(tensor->dims.end() - 2, tensor->dims.end());
      return sameDims(dims, tensor->dims) ? tensor : broadcast(tensor, dims);
    };
    lhs = stretch(lhs);
    rhs = stretch(rhs);
  }
  Dims dims = lhs->dims;
  dims.back() = rhs->dims.back();

  bool transposeRight = rhs->transposed;
  bool transposeLeft = lhs->transposed && (!shared || lhs->dims.size() == 2);
  Value leftValue = materialize(transposeLeft ? lhs->transposed : lhs);
  Value rightValue = materialize(transposeRight ? rhs->transposed : rhs);
  Value value = gpt::MatmulOp::create(builder, location, leftValue, rightValue, transposeLeft,
                                      transposeRight);
  return wrap(value, std::move(dims));
}

} // namespace gptc::model
