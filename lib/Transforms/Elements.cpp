// Walking from elements to what they are computed from.
#include "Elements.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace gptc;

/// Comparisons of more operations than this are given up.
static constexpr int mostCompared = 256;

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

/// The axes of a map's operand: aligned at the last one, without what is stretched.
static Axes getOperandAxes(Value operand, const Axes &axes) {
  ArrayRef<int64_t> shape = shapeOf(operand);
  Axes result(ArrayRef<Axis>(axes).take_back(shape.size()));
  for (auto [axis, size] : llvm::zip(result, shape))
    if (size == 1)
      axis.clear();
  return result;
}

std::optional<Element> Elements::undoRearrangement(const Element &element) const {
  if (auto reshape = element.getDefiningOp<gpt::ReshapeOp>()) {
    std::optional<Axes> axes = factors.reshape(element.axes, shapeOf(reshape.getInput()));
    return axes ? std::optional(Element{reshape.getInput(), *axes}) : std::nullopt;
  }
  auto transpose = element.getDefiningOp<gpt::TransposeOp>();
  if (!transpose)
    return std::nullopt;
  Axes axes(element.axes.size());
  for (auto [axis, from] : llvm::enumerate(transpose.getPermutation()))
    axes[from] = element.axes[axis];
  return Element{transpose.getInput(), axes};
}

Element Elements::find(Element element) const {
  while (true) {
    if (auto argument = dyn_cast<BlockArgument>(element.value)) {
      auto map = dyn_cast<gpt::MapOp>(argument.getOwner()->getParentOp());
      if (!map)
        return element;
      Value operand = map.getOperand(argument.getArgNumber());
      element = {operand, getOperandAxes(operand, element.axes)};
    } else if (auto map = element.getDefiningOp<gpt::MapOp>()) {
      element.value = map.getYield().getOperand(cast<OpResult>(element.value).getResultNumber());
    } else if (std::optional<Element> source = undoRearrangement(element)) {
      element = *source;
    } else {
      return element;
    }
  }
}

std::optional<double> Elements::getConstant(const Element &found) {
  Attribute attribute;
  if (!matchPattern(found.value, m_Constant(&attribute)))
    return std::nullopt;
  if (auto splat = dyn_cast<SplatElementsAttr>(attribute))
    attribute = splat.getSplatValue<Attribute>();
  if (auto real = dyn_cast<FloatAttr>(attribute))
    return real.getValueAsDouble();
  if (auto integer = dyn_cast<IntegerAttr>(attribute))
    return integer.getType().isInteger(1) ? integer.getValue().getZExtValue()
                                          : integer.getValue().getSExtValue();
  return std::nullopt;
}

bool Elements::areEqual(Element a, Element b) const {
  int fuel = mostCompared;
  return areEqual(find(std::move(a)), find(std::move(b)), fuel);
}

bool Elements::areEqual(const Element &a, const Element &b, int &fuel) const {
  if (--fuel < 0)
    return false;
  if (a.value == b.value && factors.areEqual(a.axes, b.axes))
    return true;
  Operation *first = a.value.getDefiningOp(), *second = b.value.getDefiningOp();
  if (!first || !second || first->getName() != second->getName() ||
      first->getAttrDictionary() != second->getAttrDictionary() ||
      a.value.getType() != b.value.getType() || isa<RankedTensorType>(a.value.getType()) ||
      first->getNumOperands() != second->getNumOperands())
    return false;
  for (unsigned i = 0; i < first->getNumOperands(); ++i)
    if (!areEqual(getOperand(a, i), getOperand(b, i), fuel))
      return false;
  return true;
}

std::optional<std::pair<Element, Axis>> Elements::getReduced(const Element &reduced,
                                                             const Axes &space) const {
  auto reduce = reduced.getDefiningOp<gpt::ReduceOp>();
  if (!reduce || reduce.getAxes().size() != 1)
    return std::nullopt;
  Axis kept = factors.resolve(flatten(reduced.axes)), axis;
  for (int factor : factors.resolve(flatten(space)))
    if (!llvm::is_contained(kept, factor))
      axis.push_back(factor);
  int64_t number = reduce.getAxes().front();
  if (factors.getSize(axis) != shapeOf(reduce.getInput())[number])
    return std::nullopt;
  Axes axes = reduced.axes;
  axes.insert(axes.begin() + number, axis);
  return std::pair(Element{reduce.getInput(), axes}, axis);
}
