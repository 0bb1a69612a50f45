// Padded shapes, operation by operation.
#include "PadAnalysis.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace gptc;

static ArrayRef<int64_t> logicalShape(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

std::optional<int64_t> gptc::reshapedAxis(ArrayRef<int64_t> from, ArrayRef<int64_t> to,
                                          int64_t axis) {
  if (llvm::is_contained(from, 0))
    return std::nullopt;
  // Both shapes fall into groups of axes with equal products. The axis lives on if it is alone.
  size_t i = 0, j = 0;
  while (i < from.size()) {
    size_t firstFrom = i, firstTo = j;
    int64_t left = from[i++], right = 1;
    while (left != right)
      if (left < right)
        left *= from[i++];
      else
        right *= to[j++];
    if (axis >= static_cast<int64_t>(i))
      continue;
    std::optional<int64_t> found;
    for (size_t k = firstFrom; k < i; ++k)
      if (from[k] != 1 && static_cast<int64_t>(k) != axis)
        return std::nullopt;
    for (size_t k = firstTo; k < j; ++k)
      if (to[k] == from[axis])
        found = k;
    return found;
  }
  return std::nullopt;
}

PadAnalysis::PadAnalysis(ModuleOp module, const StoredShapes &variables)
    : module(module), variables(variables) {
  for (auto variable : module.getOps<gpt::VariableOp>())
    kinds[variable.getSymName()] = variable.getKind();
  for (auto function : module.getOps<func::FuncOp>())
    for (Operation &op : function.getBody().front())
      visit(op);
  settleOutputs();
}

const OpPadding *PadAnalysis::lookup(Operation *op) const {
  auto found = plans.find(op);
  return found == plans.end() ? nullptr : &found->second;
}

ArrayRef<int64_t> PadAnalysis::shapeOf(Value value) const {
  auto found = shapes.find(value);
  return found == shapes.end() ? logicalShape(value) : ArrayRef<int64_t>(found->second);
}

bool PadAnalysis::canGrow(Value value, int64_t axis) const {
  Operation *op = value.getDefiningOp();
  if (auto constant = dyn_cast_or_null<arith::ConstantOp>(op))
    return isa<SplatElementsAttr>(constant.getValue());
  if (isa_and_nonnull<gpt::IotaOp, gpt::PadOp>(op))
    return true;
  if (isa_and_nonnull<gpt::EmbeddingGradOp>(op))
    return axis == 0;
  if (auto reshape = dyn_cast_or_null<gpt::ReshapeOp>(op)) {
    auto source = reshapedAxis(logicalShape(value), logicalShape(reshape.getInput()), axis);
    return source && canGrow(reshape.getInput(), *source);
  }
  if (auto map = dyn_cast_or_null<gpt::MapOp>(op)) {
    int64_t rank = map.getShape().size(), size = map.getShape()[axis];
    return llvm::all_of(map.getOperands(), [&](Value operand) {
      ArrayRef<int64_t> shape = logicalShape(operand);
      int64_t own = axis - (rank - static_cast<int64_t>(shape.size()));
      return own < 0 || shape[own] != size || canGrow(operand, own);
    });
  }
  return false;
}

void PadAnalysis::visit(Operation &op) {
  OpPadding padding;
  bool seen = false;
  for (Value operand : op.getOperands()) {
    padding.operands.emplace_back(shapeOf(operand));
    seen |= shapes.contains(operand);
  }
  if (auto read = dyn_cast<gpt::ReadOp>(op))
    seen |= variables.contains(read.getVariable());
  if (auto write = dyn_cast<gpt::WriteOp>(op))
    seen |= variables.contains(write.getVariable());
  if (!seen)
    return;
  for (Value result : op.getResults())
    padding.results.emplace_back(logicalShape(result));
  plan(op, padding);
  for (auto [result, shape] : llvm::zip(op.getResults(), padding.results))
    if (ArrayRef<int64_t>(shape) != logicalShape(result))
      shapes[result] = shape;
  if (llvm::any_of(llvm::zip(op.getOperands(), padding.operands), [&](auto pair) {
        auto &[operand, shape] = pair;
        return shapes.contains(operand) && ArrayRef<int64_t>(shape) == logicalShape(operand);
      }))
    sliced.push_back(&op);
  plans[&op] = std::move(padding);
}

void PadAnalysis::plan(Operation &op, OpPadding &padding) {
  llvm::TypeSwitch<Operation &>(op)
      .Case([&](gpt::ReadOp read) {
        padding.results[0] = variables.find(read.getVariable())->second;
      })
      .Case([&](gpt::WriteOp write) { planWrite(write, padding); })
      .Case([&](gpt::MapOp map) { planMap(map, padding); })
      .Case([&](gpt::MatmulOp matmul) { planMatmul(matmul, padding); })
      .Case([&](gpt::ReduceOp reduce) {
        Shape &result = padding.results[0];
        result.clear();
        for (auto [axis, size] : llvm::enumerate(padding.operands[0]))
          if (!llvm::is_contained(reduce.getAxes(), static_cast<int64_t>(axis)))
            result.push_back(size);
      })
      .Case([&](gpt::EmbeddingOp gather) { // rows beyond the table's own are never asked for
        padding.operands[0] = Shape(logicalShape(gather.getIndices()));
        padding.results[0].back() = padding.operands[1].back();
      })
      .Case([&](gpt::EmbeddingGradOp sum) {
        int64_t columns = padding.operands[2].back();
        for (auto [operand, shape] : llvm::zip(op.getOperands(), padding.operands))
          shape = Shape(logicalShape(operand));
        padding.operands[2].back() = padding.results[0].back() = columns;
      })
      .Case([&](gpt::TransposeOp transpose) {
        for (auto [axis, from] : llvm::enumerate(transpose.getPermutation()))
          padding.results[0][axis] = padding.operands[0][from];
      })
      .Case([&](gpt::GlobalNormOp) {}) // zeros add nothing
      .Case([&](gpt::DetachOp) { padding.results[0] = padding.operands[0]; })
      .Case([&](gpt::ReshapeOp reshape) { planReshape(reshape, padding); })
      .Case([&](gpt::SliceOp slice) { planSlice(slice, padding); })
      .Case([&](gpt::PadOp pad) { planPad(pad, padding); })
      .Case([&](gpt::SplitOp split) { planAlong(op, split.getAxis(), padding); })
      .Case([&](gpt::ConcatOp concat) { planAlong(op, concat.getAxis(), padding); })
      .Default([&](Operation &other) {
        for (auto [operand, shape] : llvm::zip(other.getOperands(), padding.operands))
          shape = Shape(logicalShape(operand));
      });
}

void PadAnalysis::planMap(gpt::MapOp map, OpPadding &padding) {
  ArrayRef<int64_t> logical = map.getShape();
  int64_t rank = logical.size();
  for (int64_t axis = 0; axis < rank; ++axis) {
    int64_t size = logical[axis], target = size;
    auto ownAxis = [&](Value operand) -> int64_t {
      ArrayRef<int64_t> shape = logicalShape(operand);
      int64_t own = axis - (rank - static_cast<int64_t>(shape.size()));
      return own >= 0 && shape[own] == size ? own : -1;
    };
    for (Value operand : map.getOperands())
      if (int64_t own = ownAxis(operand); own >= 0)
        target = std::max(target, shapeOf(operand)[own]);
    for (Value operand : map.getOperands())
      if (int64_t own = ownAxis(operand);
          own >= 0 && shapeOf(operand)[own] != target && !canGrow(operand, own))
        target = size;
    for (auto [operand, shape] : llvm::zip(map.getOperands(), padding.operands))
      if (int64_t own = ownAxis(operand); own >= 0)
        shape[own] = target;
    for (Shape &result : padding.results)
      result[axis] = target;
  }
}

void PadAnalysis::planMatmul(gpt::MatmulOp matmul, OpPadding &padding) {
  Shape &lhs = padding.operands[0], &rhs = padding.operands[1], &result = padding.results[0];
  ArrayRef<int64_t> left = logicalShape(matmul.getLhs()), right = logicalShape(matmul.getRhs());
  // Axes that both have must agree.
  auto unify = [&](size_t i, size_t j) {
    if (lhs[i] == rhs[j])
      return;
    lhs[i] = left[i];
    rhs[j] = right[j];
  };
  if (rhs.size() > 2)
    for (size_t axis = 0; axis + 2 < rhs.size(); ++axis)
      unify(axis, axis);
  size_t m = lhs.size() - 2, k = lhs.size() - 1, rhsK = rhs.size() - 2, n = rhs.size() - 1;
  if (matmul.getTransposeLhs())
    std::swap(m, k);
  if (matmul.getTransposeRhs())
    std::swap(rhsK, n);
  unify(k, rhsK);
  for (size_t axis = 0; axis + 2 < lhs.size(); ++axis)
    result[axis] = lhs[axis];
  result.end()[-2] = lhs[m];
  result.back() = rhs[n];
  for (size_t axis : {m, k})
    if (lhs[axis] != left[axis])
      multiplied.insert(left[axis]);
  if (rhs[n] != right[n])
    multiplied.insert(right[n]);
}

void PadAnalysis::planReshape(gpt::ReshapeOp reshape, OpPadding &padding) {
  ArrayRef<int64_t> from = logicalShape(reshape.getInput()), to = logicalShape(reshape.getResult());
  for (size_t axis = 0; axis < from.size(); ++axis) {
    if (padding.operands[0][axis] == from[axis])
      continue;
    if (auto target = reshapedAxis(from, to, axis))
      padding.results[0][*target] = padding.operands[0][axis];
    else
      padding.operands[0][axis] = from[axis];
  }
}

/// Split and concat: along their axis pieces lie side by side, without pads between them.
void PadAnalysis::planAlong(Operation &op, int64_t along, OpPadding &padding) {
  int64_t rank = padding.operands[0].size();
  for (int64_t axis = 0; axis < rank; ++axis) {
    int64_t size = padding.operands[0][axis];
    bool keeps = axis != along && llvm::all_of(padding.operands, [&](const Shape &shape) {
                   return shape[axis] == size;
                 });
    for (auto [operand, shape] : llvm::zip(op.getOperands(), padding.operands))
      shape[axis] = keeps ? size : logicalShape(operand)[axis];
    for (auto [result, shape] : llvm::zip(op.getResults(), padding.results))
      shape[axis] = keeps ? size : logicalShape(result)[axis];
  }
}

void PadAnalysis::planSlice(gpt::SliceOp slice, OpPadding &padding) {
  // A part of an axis is a part of the padded axis, too.
  ArrayRef<int64_t> logical = logicalShape(slice.getInput());
  for (size_t axis = 0; axis < logical.size(); ++axis)
    if (slice.getSizes()[axis] == logical[axis])
      padding.results[0][axis] = padding.operands[0][axis];
}

void PadAnalysis::planPad(gpt::PadOp pad, OpPadding &padding) {
  ArrayRef<int64_t> logical = logicalShape(pad.getInput());
  for (size_t axis = 0; axis < logical.size(); ++axis)
    if (pad.getLow()[axis] == 0 && pad.getHigh()[axis] == 0)
      padding.results[0][axis] = padding.operands[0][axis];
    else
      padding.operands[0][axis] = logical[axis];
}

void PadAnalysis::planWrite(gpt::WriteOp write, OpPadding &padding) {
  Shape value = padding.operands[0];
  ArrayRef<int64_t> logical = logicalShape(write.getValue());
  auto stored = variables.find(write.getVariable());
  padding.operands[0] = stored == variables.end() ? Shape(logical) : stored->second;
  if (stored == variables.end() && kinds.lookup(write.getVariable()) == gpt::VariableKind::output) {
    padding.operands[0] = value; // until all writes are known
    outputWrites.push_back(write);
    return;
  }
  for (size_t axis = 0; axis < logical.size(); ++axis)
    if (value[axis] < padding.operands[0][axis] && !canGrow(write.getValue(), axis))
      conflicts.push_back({write, static_cast<int64_t>(axis)});
}

void PadAnalysis::settleOutputs() {
  // Of each output, by whatever entry; what reads it expects it as it is.
  llvm::StringMap<int> accesses;
  for (auto function : module.getOps<func::FuncOp>()) {
    for (auto write : function.getBody().front().getOps<gpt::WriteOp>())
      ++accesses[write.getVariable()];
    for (auto read : function.getBody().front().getOps<gpt::ReadOp>())
      ++accesses[read.getVariable()];
  }
  llvm::StringMap<int> alike;
  for (gpt::WriteOp write : outputWrites) {
    const Shape &shape = plans[write].operands[0];
    auto [entry, isNew] = outputs.try_emplace(write.getVariable(), shape);
    alike[write.getVariable()] += entry->second == shape;
  }
  for (gpt::WriteOp write : outputWrites) {
    if (alike[write.getVariable()] == accesses[write.getVariable()])
      continue;
    plans[write].operands[0] = Shape(logicalShape(write.getValue()));
    outputs.erase(write.getVariable());
    sliced.push_back(write);
  }
}
