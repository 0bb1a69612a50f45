// What a kernel graph knows about itself once it is built: axes, roles, views.
#include "KernelGraph.h"

#include "gptc/Dialect/GPT/BlockSums.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::codegen;

AxisSet gptc::codegen::getAxes(const LinearIndex &index) {
  AxisSet axes = 0;
  for (auto [axis, stride] : llvm::enumerate(index))
    if (stride != 0)
      axes |= AxisSet(1) << axis;
  return axes;
}

SmallVector<int64_t> gptc::codegen::getSpace(plan::KernelOp kernel) {
  SmallVector<int64_t> space;
  auto consider = [&](Value value) {
    ArrayRef<int64_t> shape = cast<RankedTensorType>(value.getType()).getShape();
    int64_t size = ShapedType::getNumElements(shape), best = ShapedType::getNumElements(space);
    if (size > best || (size == best && shape.size() > space.size()))
      space.assign(shape.begin(), shape.end());
  };
  for (Operation &op : kernel.getBody().front()) {
    if (isa<arith::ConstantOp, gpt::IotaOp>(op) || gpt::isViewOfBlockSum(&op))
      continue;
    if (std::optional<gpt::BlockSum> sum = gpt::matchBlockSum(&op)) {
      consider(sum->getInput());
      continue;
    }
    llvm::for_each(op.getResults(), consider);
    if (isa<gpt::ReduceOp, gpt::YieldOp>(op))
      llvm::for_each(op.getOperands(), consider);
  }
  return space;
}

SmallVector<unsigned> KernelGraph::getAxes(AxisRole role) const {
  SmallVector<unsigned> axes;
  for (auto [axis, other] : llvm::enumerate(roles))
    if (other == role)
      axes.push_back(axis);
  return axes;
}

AxisSet KernelGraph::getAxisSet(AxisRole role) const {
  AxisSet set = 0;
  for (unsigned axis : getAxes(role))
    set |= AxisSet(1) << axis;
  return set;
}

std::vector<bool> KernelGraph::findBehindReductions() const {
  std::vector<bool> behind;
  for (const Node &node : nodes)
    behind.push_back(node.kind == Node::Kind::reduce ||
                     llvm::any_of(node.inputs, [&](unsigned input) { return behind[input]; }));
  return behind;
}

MemRefType KernelGraph::getViewType(Type element, const LinearIndex &index, int64_t rowCount,
                                    int64_t rowStride) const {
  SmallVector<int64_t> shape, strides;
  if (rowCount != 0) {
    shape.push_back(rowCount);
    strides.push_back(rowStride);
  }
  for (auto [axis, stride] : llvm::enumerate(index))
    if (stride != 0) {
      shape.push_back(sizes[axis]);
      strides.push_back(stride);
    }
  auto layout = StridedLayoutAttr::get(element.getContext(), 0, strides);
  auto dense = MemRefType::get(shape, element);
  SmallVector<int64_t> denseStrides;
  int64_t offset;
  if (succeeded(dense.getStridesAndOffset(denseStrides, offset)) && denseStrides == strides)
    return dense;
  return MemRefType::get(shape, element, layout);
}

// rows [4, 64] of x at strides [64·784, 784] and of y at [784·64, 784]  =>  rows [256]
void KernelGraph::mergeAxes() {
  auto forEachIndex = [&](auto visit) {
    for (Node &node : nodes)
      if (!node.index.empty())
        visit(node.index);
    for (Output &output : outputs)
      visit(output.index);
  };
  for (unsigned axis = 0; axis + 1 < sizes.size();) {
    bool merges = roles[axis] == roles[axis + 1];
    forEachIndex([&](const LinearIndex &index) {
      merges &= index[axis] == index[axis + 1] * sizes[axis + 1];
    });
    if (!merges) {
      ++axis;
      continue;
    }
    sizes[axis + 1] *= sizes[axis];
    sizes.erase(sizes.begin() + axis);
    roles.erase(roles.begin() + axis);
    forEachIndex([&](LinearIndex &index) { index.erase(index.begin() + axis); });
  }
  // The axes of inputs are known before those of their users: inputs have smaller numbers.
  for (Node &node : nodes) {
    node.axes = codegen::getAxes(node.index);
    for (unsigned input : node.inputs)
      node.axes |= nodes[input].axes;
    if (node.kind == Node::Kind::reduce)
      node.axes &=
          ~getAxisSet(getAxisSet(AxisRole::reduced) ? AxisRole::reduced : AxisRole::element);
  }
  for (Output &output : outputs)
    output.axes = codegen::getAxes(output.index);
}
