// From the tensors of a plan.kernel to scalars at a point of its space.
//
// Values are asked for backwards from the outputs, each at a *position*: for every axis of the
// value's shape, the axes of the space that make up its index. A map hands its position on to its
// operands, aligned at the last axes; a reduction adds the axes that it reduces; a reshape deals
// the same axes out to another shape.
#include "KernelGraphBuilder.h"

#include "gptc/Dialect/GPT/BlockSums.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::codegen;

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

FailureOr<KernelGraph> KernelGraphBuilder::build() {
  if (failed(nameAxes()) || failed(assignRoles()) || failed(addOutputs()))
    return failure();
  dropUnused();
  graph.mergeAxes();
  return std::move(graph);
}

// space [4, 64, 768], block sums of [32, 8, 768]  =>  axes [4, 8, 8, 768]
LogicalResult KernelGraphBuilder::nameAxes() {
  // Where axes begin, as numbers of elements: those of the space, and within them blocks of rows.
  SmallVector<int64_t> begins;
  auto split = [&](ArrayRef<int64_t> shape) {
    int64_t elements = 1;
    for (int64_t size : llvm::reverse(shape)) {
      begins.push_back(elements);
      elements *= size;
    }
    begins.push_back(elements);
  };
  split(space);
  if (!isColumn())
    for (Operation &op : kernel.getBody().front())
      if (std::optional<gpt::BlockSum> sum = gpt::matchBlockSum(&op)) {
        if (graph.rowsOfBlock != 1 && graph.rowsOfBlock != sum->rows)
          return fail("requires block sums over blocks of one height");
        graph.rowsOfBlock = sum->rows;
        split({sum->count, sum->rows, space.back()});
      }
  llvm::sort(begins);
  begins.erase(llvm::unique(begins), begins.end());
  for (size_t i = begins.size(); i-- > 1;) {
    if (begins[i] % begins[i - 1] != 0)
      return fail("requires blocks of rows that divide the axes of its space");
    all.push_back(graph.sizes.size());
    graph.sizes.push_back(begins[i] / begins[i - 1]);
  }
  spacePosition = *deal(all, space);
  return success();
}

LogicalResult KernelGraphBuilder::assignRoles() {
  graph.roles.assign(graph.sizes.size(), AxisRole::row);
  if (!space.empty() && space.back() > 1)
    graph.roles.back() = AxisRole::element;
  if (!isColumn())
    return success();
  for (auto reduce : kernel.getBody().front().getOps<gpt::ReduceOp>()) {
    ArrayRef<int64_t> shape = shapeOf(reduce.getInput());
    std::optional<Position> position = deal(all, shape);
    if (!position || llvm::is_contained(reduce.getAxes(), static_cast<int64_t>(shape.size()) - 1))
      return fail("requires reductions of the whole space, over axes before the last");
    AxisList axes;
    for (int64_t axis : reduce.getAxes())
      llvm::append_range(axes, (*position)[axis]);
    if (!reduced)
      reduced = axes;
    else if (*reduced != axes)
      return fail("requires column reductions over the same axes");
  }
  if (!reduced)
    return fail("requires a reduction for a column schedule");
  for (unsigned axis : *reduced)
    graph.roles[axis] = AxisRole::reduced;
  return success();
}

std::optional<Position> KernelGraphBuilder::deal(ArrayRef<unsigned> axes,
                                                 ArrayRef<int64_t> shape) const {
  Position position;
  for (int64_t size : shape) {
    AxisList list;
    for (int64_t product = 1; product < size; axes = axes.drop_front()) {
      if (axes.empty())
        return std::nullopt;
      list.push_back(axes.front());
      product *= graph.sizes[axes.front()];
      if (product > size)
        return std::nullopt;
    }
    position.push_back(list);
  }
  if (!axes.empty())
    return std::nullopt;
  return position;
}

LogicalResult KernelGraphBuilder::addOutputs() {
  Operation *yield = kernel.getBody().front().getTerminator();
  for (auto [number, value] : llvm::enumerate(yield->getOperands())) {
    ArrayRef<int64_t> shape = shapeOf(value);
    AxisList axes;
    for (unsigned axis : all)
      if (isColumn() ? graph.roles[axis] != AxisRole::reduced : graph.roles[axis] == AxisRole::row)
        axes.push_back(axis);
    bool whole =
        !isColumn() && ShapedType::getNumElements(shape) == ShapedType::getNumElements(space);
    std::optional<gpt::BlockSum> sum;
    if (Operation *op = value.getDefiningOp(); op && !isColumn())
      sum = gpt::matchBlockSum(op);
    std::optional<Position> position =
        sum ? deal(all, shapeOf(sum->blocks)) : deal(whole ? all : axes, shape);
    if (!position)
      return fail(
          "requires outputs of one element for each point or each row of its space, found " +
          llvm::Twine(number) + " to have another shape");
    Result node = getNode(sum ? Value(sum->blocks) : value, *position);
    if (failed(node))
      return failure();
    if (sum)
      position->erase(position->begin() + 1);
    unsigned operand = kernel.getBody().getNumArguments() + number;
    FailureOr<SmallVector<int64_t>> strides = getStrides(operand);
    if (failed(strides))
      return failure();
    graph.outputs.push_back({*node, operand, getIndex(*position, *strides), 0,
                             kernel.getAccumulate()[number], sum.has_value()});
  }
  return success();
}

FailureOr<SmallVector<int64_t>> KernelGraphBuilder::getStrides(unsigned operand) {
  auto layout = cast<MemRefType>(cast<TypeAttr>(kernel.getLayouts()[operand]).getValue());
  SmallVector<int64_t> strides;
  int64_t offset;
  if (failed(layout.getStridesAndOffset(strides, offset)) || offset != 0 ||
      llvm::is_contained(strides, ShapedType::kDynamic))
    return fail("requires layouts with static strides and no offset");
  return strides;
}

LinearIndex KernelGraphBuilder::getIndex(const Position &position,
                                         ArrayRef<int64_t> strides) const {
  LinearIndex index(graph.sizes.size(), 0);
  for (auto [axes, stride] : llvm::zip(position, strides)) {
    int64_t step = stride;
    for (unsigned axis : llvm::reverse(axes)) {
      index[axis] += step;
      step *= graph.sizes[axis];
    }
  }
  return index;
}

unsigned KernelGraphBuilder::add(Node node) {
  const void *name = nullptr, *attributes = nullptr;
  if (node.op) {
    name = node.op->getName().getAsOpaquePointer();
    attributes = node.op->getAttrDictionary().getAsOpaquePointer();
  }
  auto key = std::tuple(node.kind, node.type.getAsOpaquePointer(),
                        std::vector<unsigned>(node.inputs.begin(), node.inputs.end()),
                        std::vector<int64_t>(node.index.begin(), node.index.end()), node.operand,
                        node.rowStride, name, attributes, node.result,
                        node.value ? node.value.getAsOpaquePointer() : nullptr);
  auto [entry, isNew] = known.try_emplace(key, graph.nodes.size());
  if (isNew)
    graph.nodes.push_back(std::move(node));
  return entry->second;
}

void KernelGraphBuilder::dropUnused() {
  std::vector<bool> used(graph.nodes.size());
  for (const Output &output : graph.outputs)
    used[output.node] = true;
  for (size_t node = graph.nodes.size(); node-- > 0;)
    if (used[node])
      for (unsigned input : graph.nodes[node].inputs)
        used[input] = true;
  std::vector<Node> kept;
  std::vector<unsigned> number(graph.nodes.size());
  for (auto [old, node] : llvm::enumerate(graph.nodes)) {
    if (!used[old])
      continue;
    for (unsigned &input : node.inputs)
      input = number[input];
    number[old] = kept.size();
    kept.push_back(std::move(node));
  }
  graph.nodes = std::move(kept);
  for (Output &output : graph.outputs)
    output.node = number[output.node];
}

FailureOr<KernelGraph> KernelGraph::build(plan::KernelOp kernel) {
  return KernelGraphBuilder(kernel).build();
}
