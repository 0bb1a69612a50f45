// Result types from operands and attributes, and with them most constraints of the operations.
//
// A constraint's label in the operation's documentation, such as (X3), stands beside the check.
#include "gptc/Dialect/GPT/GPTOps.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace gptc::gpt;

using Location_ = std::optional<Location>;

static RankedTensorType tensor(Value value) { return cast<RankedTensorType>(value.getType()); }

static RankedTensorType withShape(RankedTensorType type, ArrayRef<int64_t> shape) {
  return RankedTensorType::get(shape, type.getElementType());
}

LogicalResult TransposeOp::inferReturnTypes(MLIRContext *, Location_ location, Adaptor adaptor,
                                            SmallVectorImpl<Type> &types) {
  RankedTensorType input = tensor(adaptor.getInput());
  ArrayRef<int64_t> permutation = adaptor.getPermutation();
  SmallVector<int64_t> shape;
  llvm::SmallBitVector seen(input.getRank());
  for (int64_t axis : permutation) {
    if (axis < 0 || axis >= input.getRank() || seen.test(axis))
      break;
    seen.set(axis);
    shape.push_back(input.getDimSize(axis));
  }
  if (permutation.size() != static_cast<size_t>(input.getRank()) || !seen.all()) // (T1)
    return emitOptionalError(location, "requires a permutation of ", input.getRank(),
                             " axes, found [", permutation, "]");
  types.push_back(withShape(input, shape));
  return success();
}

LogicalResult ConcatOp::inferReturnTypes(MLIRContext *, Location_ location, Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  if (adaptor.getInputs().empty())
    return emitOptionalError(location, "requires at least one input");
  RankedTensorType first = tensor(adaptor.getInputs().front());
  int64_t axis = adaptor.getAxis();
  if (axis < 0 || axis >= first.getRank())
    return emitOptionalError(location, "requires an axis below ", first.getRank(), ", found ",
                             axis);
  SmallVector<int64_t> shape(first.getShape());
  for (Value value : adaptor.getInputs().drop_front()) {
    RankedTensorType type = tensor(value);
    SmallVector<int64_t> expected(shape);
    if (type.getRank() == first.getRank())
      expected[axis] = type.getDimSize(axis);
    if (type != withShape(first, expected)) // (C1)
      return emitOptionalError(location, "requires inputs that agree but for axis ", axis,
                               ", found ", first, " and ", type);
    shape[axis] += type.getDimSize(axis);
  }
  types.push_back(withShape(first, shape));
  return success();
}

LogicalResult SliceOp::inferReturnTypes(MLIRContext *, Location_ location, Adaptor adaptor,
                                        SmallVectorImpl<Type> &types) {
  RankedTensorType input = tensor(adaptor.getInput());
  ArrayRef<int64_t> offsets = adaptor.getOffsets(), sizes = adaptor.getSizes();
  size_t rank = input.getRank();
  bool fits = offsets.size() == rank && sizes.size() == rank;
  for (size_t i = 0; fits && i < rank; ++i)
    fits = offsets[i] >= 0 && sizes[i] >= 0 && offsets[i] <= input.getDimSize(i) - sizes[i];
  if (!fits) // (L1)
    return emitOptionalError(location, "requires a part of ", input, ", found offsets [", offsets,
                             "] and sizes [", sizes, "]");
  types.push_back(withShape(input, sizes));
  return success();
}

LogicalResult PadOp::inferReturnTypes(MLIRContext *, Location_ location, Adaptor adaptor,
                                      SmallVectorImpl<Type> &types) {
  RankedTensorType input = tensor(adaptor.getInput());
  ArrayRef<int64_t> low = adaptor.getLow(), high = adaptor.getHigh();
  size_t rank = input.getRank();
  auto negative = [](int64_t n) { return n < 0; };
  if (low.size() != rank || high.size() != rank || llvm::any_of(low, negative) ||
      llvm::any_of(high, negative)) // (D1)
    return emitOptionalError(location, "requires ", rank,
                             " paddings of at least 0 on each side, found [", low, "] and [", high,
                             "]");
  SmallVector<int64_t> shape;
  for (size_t i = 0; i < rank; ++i)
    shape.push_back(low[i] + input.getDimSize(i) + high[i]);
  types.push_back(withShape(input, shape));
  return success();
}

LogicalResult ReduceOp::inferReturnTypes(MLIRContext *, Location_ location, Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  RankedTensorType input = tensor(adaptor.getInput());
  int64_t last = -1;
  for (int64_t axis : adaptor.getAxes()) {
    if (axis <= last || axis >= input.getRank()) // (E1)
      return emitOptionalError(location, "requires ascending axes below ", input.getRank(),
                               ", found [", adaptor.getAxes(), "]");
    last = axis;
  }
  SmallVector<int64_t> shape;
  for (int64_t i = 0; i < input.getRank(); ++i)
    if (!llvm::is_contained(adaptor.getAxes(), i))
      shape.push_back(input.getDimSize(i));
  types.push_back(withShape(input, shape));
  return success();
}

LogicalResult MatmulOp::inferReturnTypes(MLIRContext *, Location_ location, Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  RankedTensorType lhs = tensor(adaptor.getLhs()), rhs = tensor(adaptor.getRhs());
  if (lhs.getRank() < 2 || rhs.getRank() < 2) // (X1)
    return emitOptionalError(location, "requires operands with two axes or more, found ", lhs,
                             " and ", rhs);
  bool shared = rhs.getRank() == 2 && lhs.getRank() > 2;
  if (shared ? adaptor.getTransposeLhs()
             : lhs.getShape().drop_back(2) != rhs.getShape().drop_back(2)) // (X2)
    return emitOptionalError(location, "requires leading axes that agree, found ", lhs,
                             adaptor.getTransposeLhs() ? " (transposed)" : "", " and ", rhs);
  auto [m, k] = std::pair(lhs.getShape().end()[-2], lhs.getShape().back());
  if (adaptor.getTransposeLhs())
    std::swap(m, k);
  auto [rhsK, n] = std::pair(rhs.getShape().end()[-2], rhs.getShape().back());
  if (adaptor.getTransposeRhs())
    std::swap(rhsK, n);
  if (k != rhsK) // (X3)
    return emitOptionalError(location, "requires a common contracted size, found ", k, " and ",
                             rhsK, " in ", lhs, " and ", rhs);
  if (lhs.getElementType() != rhs.getElementType()) // (X4)
    return emitOptionalError(location, "requires operands of one element type, found ", lhs,
                             " and ", rhs);
  SmallVector<int64_t> shape(lhs.getShape().drop_back(2));
  shape.append({m, n});
  types.push_back(withShape(lhs, shape));
  return success();
}

/// The result may have the operands' type, which is the inferred one, or be float32: (X4).
bool MatmulOp::isCompatibleReturnTypes(TypeRange inferred, TypeRange actual) {
  if (inferred.size() != 1 || actual.size() != 1)
    return false;
  auto expected = cast<RankedTensorType>(inferred[0]);
  auto found = dyn_cast<RankedTensorType>(actual[0]);
  return found &&
         (found == expected || found == expected.clone(Float32Type::get(expected.getContext())));
}

LogicalResult EmbeddingOp::inferReturnTypes(MLIRContext *, Location_ location, Adaptor adaptor,
                                            SmallVectorImpl<Type> &types) {
  RankedTensorType table = tensor(adaptor.getTable());
  if (table.getRank() != 2) // (B1)
    return emitOptionalError(location, "requires a table with two axes, found ", table);
  SmallVector<int64_t> shape(tensor(adaptor.getIndices()).getShape());
  shape.push_back(table.getDimSize(1));
  types.push_back(withShape(table, shape));
  return success();
}

LogicalResult PickOp::inferReturnTypes(MLIRContext *, Location_ location, Adaptor adaptor,
                                       SmallVectorImpl<Type> &types) {
  RankedTensorType input = tensor(adaptor.getInput()), indices = tensor(adaptor.getIndices());
  if (input.getRank() < 1 || input.getShape().drop_back() != indices.getShape()) // (K1)
    return emitOptionalError(location, "requires an index for each row, found ", input, " and ",
                             indices);
  types.push_back(withShape(input, indices.getShape()));
  return success();
}

LogicalResult LogsumexpOp::inferReturnTypes(MLIRContext *, Location_ location, Adaptor adaptor,
                                            SmallVectorImpl<Type> &types) {
  RankedTensorType input = tensor(adaptor.getInput());
  if (input.getRank() < 1) // (Z2)
    return emitOptionalError(location, "requires a last axis, found a scalar");
  types.push_back(withShape(input, input.getShape().drop_back()));
  return success();
}

LogicalResult LayerNormOp::inferReturnTypes(MLIRContext *, Location_ location, Adaptor adaptor,
                                            SmallVectorImpl<Type> &types) {
  RankedTensorType input = tensor(adaptor.getInput());
  if (input.getRank() < 1) // (Y1)
    return emitOptionalError(location, "requires a last axis, found a scalar");
  RankedTensorType row = withShape(input, input.getShape().take_back());
  for (Value value : {adaptor.getWeight(), adaptor.getBias()})
    if (value && value.getType() != row) // (Y1)
      return emitOptionalError(location, "requires weight and bias of type ", row, ", found ",
                               value.getType());
  RankedTensorType statistic = withShape(input, input.getShape().drop_back());
  types.append({input, statistic, statistic});
  return success();
}

LogicalResult CrossEntropyOp::inferReturnTypes(MLIRContext *, Location_ location, Adaptor adaptor,
                                               SmallVectorImpl<Type> &types) {
  RankedTensorType logits = tensor(adaptor.getLogits()), targets = tensor(adaptor.getTargets());
  if (logits.getRank() < 1 || logits.getShape().drop_back() != targets.getShape()) // (H1)
    return emitOptionalError(location, "requires a target for each row of the logits, found ",
                             logits, " and ", targets);
  RankedTensorType rows = withShape(logits, targets.getShape());
  types.append({withShape(logits, {}), rows, rows});
  return success();
}

/// Checks what every form of attention asks of its operands, and returns the type of its result.
static FailureOr<RankedTensorType> inferAttention(Location_ location, RankedTensorType query,
                                                  RankedTensorType key, RankedTensorType value,
                                                  bool causal, std::optional<int64_t> window) {
  if (query.getRank() != 4 || key.getRank() != 4 || value.getRank() != 4 ||
      query.getDimSize(0) != key.getDimSize(0) || key.getDimSize(0) != value.getDimSize(0)) // (A1)
    return emitOptionalError(
        location, "requires query, key and value of four axes and one batch size, found ", query,
        ", ", key, " and ", value);
  if (key.getDimSize(1) != value.getDimSize(1) || key.getDimSize(2) != value.getDimSize(2) ||
      key.getDimSize(1) == 0 || query.getDimSize(1) % key.getDimSize(1) != 0) // (A2)
    return emitOptionalError(location,
                             "requires groups of keys and values that divide the heads, found ",
                             query, ", ", key, " and ", value);
  if (query.getDimSize(3) != key.getDimSize(3)) // (A3)
    return emitOptionalError(location, "requires heads of one size, found ", query, " and ", key);
  Type element = query.getElementType();
  if (key.getElementType() != element || value.getElementType() != element) // (A7)
    return emitOptionalError(location, "requires operands of one element type, found ", query, ", ",
                             key, " and ", value);
  bool square = query.getDimSize(2) == key.getDimSize(2);
  if ((causal && !square) || (window && (!causal || *window < 1))) // (A4)
    return emitOptionalError(location,
                             "requires as many keys as queries under a causal mask, and "
                             "a positive window only with one, found ",
                             query, " and ", key);
  return withShape(
      query, {query.getDimSize(0), query.getDimSize(1), query.getDimSize(2), value.getDimSize(3)});
}

LogicalResult AttentionOp::inferReturnTypes(MLIRContext *, Location_ location, Adaptor adaptor,
                                            SmallVectorImpl<Type> &types) {
  FailureOr<RankedTensorType> result =
      inferAttention(location, tensor(adaptor.getQuery()), tensor(adaptor.getKey()),
                     tensor(adaptor.getValue()), adaptor.getCausal(), adaptor.getWindow());
  if (failed(result))
    return failure();
  types.push_back(*result);
  return success();
}

/// The types of the results of gpt.flash_attention, which its adjoint takes too.
template <typename Adaptor>
static FailureOr<std::pair<RankedTensorType, RankedTensorType>>
inferFlashAttention(Location_ location, Adaptor adaptor) {
  RankedTensorType key = tensor(adaptor.getKey());
  FailureOr<RankedTensorType> result =
      inferAttention(location, tensor(adaptor.getQuery()), key, tensor(adaptor.getValue()),
                     adaptor.getCausal(), std::nullopt);
  if (failed(result))
    return failure();
  if (key.getDimSize(2) == 0) // (A5)
    return emitOptionalError(location, "requires a key, found ", key);
  RankedTensorType lse = withShape(*result, result->getShape().drop_back());
  if (lse.getElementTypeBitWidth() < 32)
    lse = lse.clone(Float32Type::get(lse.getContext()));
  return std::pair(*result, lse);
}

LogicalResult FlashAttentionOp::inferReturnTypes(MLIRContext *, Location_ location, Adaptor adaptor,
                                                 SmallVectorImpl<Type> &types) {
  auto results = inferFlashAttention(location, adaptor);
  if (failed(results))
    return failure();
  types.append({results->first, results->second});
  return success();
}

LogicalResult FlashAttentionGradOp::inferReturnTypes(MLIRContext *, Location_ location,
                                                     Adaptor adaptor,
                                                     SmallVectorImpl<Type> &types) {
  auto results = inferFlashAttention(location, adaptor);
  if (failed(results))
    return failure();
  Type output = adaptor.getOutput().getType(), lse = adaptor.getLse().getType(),
       gradient = adaptor.getGradient().getType();
  if (output != results->first || lse != results->second || gradient != results->first) // (A6)
    return emitOptionalError(location, "requires output, log-sum-exp and gradient of types ",
                             results->first, ", ", results->second, " and ", results->first,
                             ", found ", output, ", ", lse, " and ", gradient);
  types.append(
      {adaptor.getQuery().getType(), adaptor.getKey().getType(), adaptor.getValue().getType()});
  return success();
}
