// The scalars of tensor operations: what an element of each is computed from.
#include "KernelGraphBuilder.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::codegen;

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

static SmallVector<int64_t> denseStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (int64_t axis = static_cast<int64_t>(shape.size()) - 2; axis >= 0; --axis)
    strides[axis] = strides[axis + 1] * shape[axis + 1];
  return strides;
}

FailureOr<unsigned> KernelGraphBuilder::getNode(Value value, const Position &position) {
  auto key = std::pair(value.getAsOpaquePointer(), position);
  if (auto found = made.find(key); found != made.end())
    return found->second;
  Result node = makeNode(value, position);
  if (succeeded(node))
    made[key] = *node;
  return node;
}

FailureOr<unsigned> KernelGraphBuilder::makeNode(Value value, const Position &position) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    FailureOr<SmallVector<int64_t>> strides = getStrides(argument.getArgNumber());
    if (failed(strides))
      return failure();
    return add({.kind = Node::Kind::load,
                .type = getElementTypeOrSelf(value),
                .index = getIndex(position, *strides),
                .operand = argument.getArgNumber()});
  }
  return llvm::TypeSwitch<Operation *, Result>(value.getDefiningOp())
      .Case<gpt::MapOp, gpt::ReduceOp, gpt::ReshapeOp, gpt::IotaOp, gpt::RandomOp, gpt::EmbeddingOp,
            arith::ConstantOp>([&](auto op) { return visit(op, position, cast<OpResult>(value)); })
      .Default([&](Operation *op) {
        return fail("does not take " + op->getName().getStringRef() + " in its region");
      });
}

FailureOr<unsigned> KernelGraphBuilder::visit(gpt::MapOp map, const Position &position,
                                              OpResult result) {
  DenseMap<Value, unsigned> scalars;
  for (auto [operand, argument] : llvm::zip(map.getOperands(), map.getBlock()->getArguments())) {
    ArrayRef<int64_t> shape = shapeOf(operand);
    Position part(position.end() - shape.size(), position.end());
    for (auto [axes, size] : llvm::zip(part, shape))
      if (size == 1)
        axes.clear();
    Result node = getNode(operand, part);
    if (failed(node))
      return failure();
    scalars[argument] = *node;
  }
  for (Operation &op : map.getBlock()->without_terminator()) {
    SmallVector<unsigned, 3> inputs;
    for (Value operand : op.getOperands())
      inputs.push_back(scalars.at(operand));
    for (OpResult scalar : op.getResults()) {
      Node node{.kind = Node::Kind::scalar, .type = scalar.getType(), .inputs = inputs};
      if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
        node.kind = Node::Kind::constant;
        node.value = constant.getValue();
      } else {
        node.op = &op;
        node.result = scalar.getResultNumber();
      }
      scalars[scalar] = add(node);
    }
  }
  for (OpResult other : map.getResults())
    made[{other.getAsOpaquePointer(), position}] =
        scalars.at(map.getYield().getOperand(other.getResultNumber()));
  return made[{result.getAsOpaquePointer(), position}];
}

FailureOr<unsigned> KernelGraphBuilder::visit(gpt::ReduceOp reduce, const Position &position,
                                              OpResult) {
  ArrayRef<int64_t> shape = shapeOf(reduce.getInput());
  std::optional<Position> reducedPart;
  SmallVector<int64_t> sizes;
  for (int64_t axis : reduce.getAxes())
    sizes.push_back(shape[axis]);
  if (isColumn())
    reducedPart = deal(*reduced, sizes);
  else if (ShapedType::getNumElements(sizes) == 1)
    reducedPart = Position(sizes.size());
  else if (sizes.size() == 1 && sizes[0] == space.back())
    reducedPart = Position{spacePosition.back()};
  if (!reducedPart)
    return fail("requires reductions over the last axis for a row schedule");
  Position input;
  for (unsigned axis = 0, kept = 0, gone = 0; axis < shape.size(); ++axis)
    input.push_back(llvm::is_contained(reduce.getAxes(), axis) ? (*reducedPart)[gone++]
                                                               : position[kept++]);
  Result node = getNode(reduce.getInput(), input);
  if (failed(node) || (!isColumn() && ShapedType::getNumElements(sizes) == 1))
    return node;
  return add({.kind = Node::Kind::reduce,
              .type = getElementTypeOrSelf(reduce.getInput()),
              .inputs = {*node},
              .op = reduce});
}

FailureOr<unsigned> KernelGraphBuilder::visit(gpt::ReshapeOp reshape, const Position &position,
                                              OpResult) {
  AxisList axes;
  for (const AxisList &list : position)
    llvm::append_range(axes, list);
  std::optional<Position> input = deal(axes, shapeOf(reshape.getInput()));
  if (!input)
    return fail("requires reshapes that merge axes, split them as the space does, or add and drop "
                "axes of size 1");
  return getNode(reshape.getInput(), *input);
}

FailureOr<unsigned> KernelGraphBuilder::visit(gpt::IotaOp iota, const Position &position,
                                              OpResult) {
  return add({.kind = Node::Kind::position,
              .type = getElementTypeOrSelf(iota.getResult()),
              .index = getIndex(position, {1})});
}

FailureOr<unsigned> KernelGraphBuilder::visit(gpt::RandomOp random, const Position &position,
                                              OpResult result) {
  Node node{.kind = Node::Kind::random,
            .type = getElementTypeOrSelf(result),
            .index = getIndex(position, denseStrides(shapeOf(result))),
            .op = random};
  auto key = dyn_cast<BlockArgument>(random.getKey());
  FailureOr<SmallVector<int64_t>> strides = failure();
  if (!key)
    return fail("requires keys of gpt.random among its inputs");
  if (failed(strides = getStrides(key.getArgNumber())))
    return failure();
  // The words of the key are rows of one element.
  Type word = getElementTypeOrSelf(key);
  for (int32_t i = 0; i < 4; ++i) {
    unsigned row =
        add({.kind = Node::Kind::constant, .type = word, .value = IntegerAttr::get(word, i)});
    node.inputs.push_back(add({.kind = Node::Kind::gather,
                               .type = word,
                               .inputs = {row},
                               .index = LinearIndex(graph.sizes.size(), 0),
                               .operand = key.getArgNumber(),
                               .rowCount = 4,
                               .rowStride = strides->front()}));
  }
  return add(node);
}

FailureOr<unsigned> KernelGraphBuilder::visit(gpt::EmbeddingOp embedding, const Position &position,
                                              OpResult) {
  auto table = dyn_cast<BlockArgument>(embedding.getTable());
  if (!table)
    return fail("requires tables of gpt.embedding among its inputs");
  FailureOr<SmallVector<int64_t>> strides = getStrides(table.getArgNumber());
  Result row = getNode(embedding.getIndices(), Position(position.begin(), position.end() - 1));
  if (failed(strides) || failed(row))
    return failure();
  Node node{.kind = Node::Kind::gather,
            .type = getElementTypeOrSelf(table),
            .inputs = {*row},
            .index = getIndex({position.back()}, {strides->back()}),
            .operand = table.getArgNumber(),
            .rowCount = shapeOf(table).front(),
            .rowStride = strides->front()};
  if (const Node &index = graph.nodes[*row]; index.kind == Node::Kind::position) {
    // table[iota] is the table itself.
    for (auto [stride, step] : llvm::zip(node.index, index.index))
      stride += node.rowStride * step;
    node.kind = Node::Kind::load;
    node.inputs.clear();
    node.rowCount = node.rowStride = 0;
  }
  return add(node);
}

FailureOr<unsigned> KernelGraphBuilder::visit(arith::ConstantOp constant, const Position &position,
                                              OpResult) {
  auto elements = dyn_cast<DenseElementsAttr>(constant.getValue());
  if (!elements)
    return fail("requires dense constants");
  Type type = elements.getElementType();
  if (elements.isSplat())
    return add(
        {.kind = Node::Kind::constant, .type = type, .value = elements.getSplatValue<TypedAttr>()});
  auto [place, isNew] = tableNumbers.try_emplace(elements, graph.tables.size());
  if (isNew)
    graph.tables.push_back(elements);
  return add({.kind = Node::Kind::load,
              .type = type,
              .index = getIndex(position, denseStrides(elements.getType().getShape())),
              .operand = static_cast<unsigned>(kernel.getLayouts().size() + place->second)});
}
