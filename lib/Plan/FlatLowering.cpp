// Launches over the whole memory of variables: an optimizer's step, and the norm of all gradients.
#include "EntryLowering.h"
#include "FlatKernels.h"

#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::plan;

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

static const Strides flatStrides{flatRow, 1};

/// How many rows the variable has that a value of this shape is, if it is the whole of one.
std::optional<int64_t> EntryLowering::flatRows(ArrayRef<int64_t> shape, const Place &place) const {
  if (place.buffer < 0)
    return std::nullopt;
  const VirtualBuffer &buffer = memory.buffers[place.buffer];
  // The first piece of rows may span as much as all of them.
  if (!buffer.isFlat || place.offset != 0 || extent(shape, place.strides) != buffer.extent ||
      ShapedType::getNumElements(shape) != buffer.count)
    return std::nullopt;
  return buffer.elements / flatRow;
}

/// Launches an elementwise kernel on the memory of variables, if all its tensors are variables of
/// one layout. False if they are not.
bool EntryLowering::lowerFlat(gpt::FusedOp op) {
  if (op.getNumResults() == 0)
    return false;
  SmallVector<Place> operands;
  for (Value operand : op.getOperands())
    operands.push_back(places.lookup(operand));
  SmallVector<bool> accumulate;
  for (Value result : op.getResults()) {
    const Place *place = destinations->lookup(result);
    if (!place)
      return false;
    operands.push_back(*place);
    accumulate.push_back(destinations->accumulates(result));
  }
  ArrayRef<int64_t> shape = typeOf(op.getResult(0)).getShape();
  const Place &first = operands.back();
  std::optional<int64_t> rows = flatRows(shape, first);
  if (!rows)
    return false;
  SmallVector<Value> values(op.getOperands());
  llvm::append_range(values, op.getResults());
  for (auto [value, place] : llvm::zip(values, operands)) {
    if (typeOf(value).getRank() == 0)
      continue;
    Place elsewhere = place;
    elsewhere.buffer = first.buffer;
    if (typeOf(value).getShape() != shape || !flatRows(shape, place) ||
        !areSame(shape, elsewhere, first))
      return false;
  }
  std::unique_ptr<Block> body = flattenBody(op);
  if (!body)
    return false;
  SmallVector<int64_t> inPlace;
  size_t inputs = op.getNumOperands();
  for (auto [number, result] : llvm::enumerate(op.getResults())) {
    int64_t source = -1;
    for (size_t input = 0; input < inputs; ++input)
      if (op.getOperand(input).getType() == result.getType() &&
          operands[input].buffer == operands[inputs + number].buffer)
        source = input;
    inPlace.push_back(source);
    places[result] = operands[inputs + number];
  }
  for (auto [value, place] : llvm::zip(values, operands))
    if (typeOf(value).getRank() > 0)
      place.strides = flatStrides;
  launch(op.getLoc(), nameOf(op), *body, operands, accumulate, inPlace, rows);
  return true;
}

/// The sums of squares of all operands lie side by side and are summed by one more kernel, in their
/// order.
void EntryLowering::lower(gpt::GlobalNormOp op) {
  struct Part {
    Place operand;
    RankedTensorType type;
    Strides sums;
    int64_t rows;
  };
  SmallVector<Part> parts;
  int64_t count = 0;
  for (Value input : op.getInputs()) {
    Part part{places.lookup(input), typeOf(input), {1}, 1};
    if (auto rows = flatRows(part.type.getShape(), part.operand)) {
      part.type = flatType(part.type.getElementType());
      part.operand.strides = flatStrides;
      part.rows = *rows;
    } else {
      if (part.type.getRank() == 0) {
        part.type = part.type.clone({1});
        part.operand.strides = {1};
      }
      ArrayRef<int64_t> leading = part.type.getShape().drop_back();
      part.rows = ShapedType::getNumElements(leading);
      part.sums.assign(leading.size(), 1);
      for (int64_t axis = static_cast<int64_t>(leading.size()) - 2; axis >= 0; --axis)
        part.sums[axis] = part.sums[axis + 1] * leading[axis + 1];
    }
    count += part.rows;
    parts.push_back(std::move(part));
  }
  Place sums = memory.allocate("transient", typeOf(op.getResult()).clone({count}), {1});
  struct Launch {
    SmallVector<int64_t> rows;
    SmallVector<Attribute> instances;
    int64_t grain = 1;
  };
  llvm::MapVector<StringRef, Launch> launches;
  int64_t offset = 0;
  for (const Part &part : parts) {
    std::unique_ptr<Block> body = makeSumOfSquares(op.getLoc(), part.type);
    KernelUse use = kernels.get(op.getLoc(), "squares", *body, {part.operand.strides, part.sums},
                                {false}, {-1});
    Launch &launch = launches[use.kernel.getSymName()];
    launch.rows.push_back(part.rows);
    launch.grain = use.grain;
    launch.instances.push_back(builder.getArrayAttr(
        {view(part.operand), view({sums.buffer, sums.offset + offset, part.sums})}));
    offset += part.rows;
  }
  for (auto &[kernel, launch] : launches)
    LaunchOp::create(builder, op.getLoc(), kernel, launch.rows, launch.grain,
                     builder.getArrayAttr(launch.instances));
  Place norm = places[op.getResult()] = destination(op.getResult());
  norm.strides = {1};
  sums.strides = {count, 1};
  std::unique_ptr<Block> body =
      makeRootOfSum(op.getLoc(), typeOf(op.getResult()).clone({1, count}));
  launch(op.getLoc(), "norm", *body, {sums, norm}, {destinations->accumulates(op.getResult())},
         {-1});
}
