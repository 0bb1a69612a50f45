// The adjoint of gpt.map: one map, whose region is the reverse of the forward region.
#include "AdjointBuilders.h"
#include "AdjointScalar.h"
#include "gptc/Dialect/GPT/Adjoint.h"

#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace gptc::gpt;

namespace {
/// The adjoint map under construction: its operands, and the block that becomes its region.
class AdjointMap {
public:
  AdjointMap(MapOp forward, Gradients &gradients);
  /// Gives each wanted operand of the forward map its adjoint, emitted at `builder`.
  void emit(OpBuilder &builder, Gradients &gradients);

private:
  Value addInput(Value tensor);
  void eraseUnused();

  MapOp forward;
  Region region;
  Block *block;
  SmallVector<Value> inputs;
  /// The arguments that are adjoints of the forward map's results, and those adjoints.
  DenseMap<Value, Value> seeds;
  /// The adjoint scalar of each wanted operand, an operand that stands twice counting once.
  llvm::MapVector<Value, Value> adjoints;
};
} // namespace

Value AdjointMap::addInput(Value tensor) {
  inputs.push_back(tensor);
  return block->addArgument(getElementTypeOrSelf(tensor.getType()), forward.getLoc());
}

AdjointMap::AdjointMap(MapOp forward, Gradients &gradients)
    : forward(forward), block(&region.emplaceBlock()) {
  OpBuilder builder(forward.getContext());
  builder.setInsertionPointToEnd(block);
  Block &body = *forward.getBlock();
  DenseMap<Value, Value> primal, arguments;
  for (auto [operand, scalar] : llvm::zip(forward.getOperands(), body.getArguments())) {
    Value &argument = arguments[operand];
    if (!argument)
      argument = addInput(operand);
    primal[scalar] = argument;
  }
  // A result computed forward is at hand too; what is not used of all this is erased at the end.
  for (auto [result, scalar] : llvm::zip(forward.getResults(), forward.getYield().getValues()))
    if (scalar.getDefiningOp() && !scalar.getDefiningOp<arith::ConstantOp>() &&
        !primal.contains(scalar))
      primal[scalar] = addInput(result);

  ScalarAdjoints scalars(builder, std::move(primal));
  for (auto [operand, scalar] : llvm::zip(forward.getOperands(), body.getArguments()))
    if (gradients.needs(operand))
      scalars.activate(scalar);
  scalars.propagateActivity(body);
  for (auto [result, scalar] : llvm::zip(forward.getResults(), forward.getYield().getValues()))
    if (Value adjoint = gradients.of(result)) {
      Value seed = addInput(adjoint);
      seeds[seed] = adjoint;
      scalars.add(scalar, seed);
    }
  scalars.run(body);
  for (auto [operand, scalar] : llvm::zip(forward.getOperands(), body.getArguments()))
    if (Value adjoint = scalars.of(scalar)) {
      Value &sum = adjoints[operand];
      sum = sum ? arith::AddFOp::create(builder, forward.getLoc(), sum, adjoint) : adjoint;
    }
}

void AdjointMap::eraseUnused() {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(*block)))
    if (isOpTriviallyDead(&op))
      op.erase();
  for (size_t i = inputs.size(); i-- > 0;)
    if (block->getArgument(i).use_empty()) {
      block->eraseArgument(i);
      inputs.erase(inputs.begin() + i);
    }
}

void AdjointMap::emit(OpBuilder &builder, Gradients &gradients) {
  Location loc = forward.getLoc();
  ArrayRef<int64_t> shape = forward.getShape();
  // An adjoint that is a result's adjoint as it stands needs no map; equal ones share a result.
  llvm::MapVector<Value, Value> tensors;
  SmallVector<Value> yielded;
  SmallVector<Type> types;
  for (auto [operand, adjoint] : adjoints)
    if (!seeds.contains(adjoint) && tensors.try_emplace(adjoint).second) {
      yielded.push_back(adjoint);
      types.push_back(RankedTensorType::get(shape, adjoint.getType()));
    }
  for (auto [argument, tensor] : seeds)
    tensors[argument] = tensor;
  if (!yielded.empty()) {
    OpBuilder inner(forward.getContext());
    inner.setInsertionPointToEnd(block);
    YieldOp::create(inner, loc, yielded);
    eraseUnused();
    OperationState state(loc, MapOp::getOperationName());
    state.addOperands(inputs);
    state.addTypes(types);
    state.addRegion()->takeBody(region);
    Operation *map = builder.create(state);
    for (auto [scalar, result] : llvm::zip(yielded, map->getResults()))
      tensors[scalar] = result;
  }
  for (auto [operand, adjoint] : adjoints)
    gradients.add(operand, createSumTo(builder, loc, tensors.lookup(adjoint), getShape(operand)));
}

void MapOp::buildAdjoint(OpBuilder &builder, Gradients &gradients) {
  AdjointMap(*this, gradients).emit(builder, gradients);
}

Operation *gptc::gpt::findUndifferentiable(MapOp map, Gradients &gradients) {
  OpBuilder builder(map.getContext());
  ScalarAdjoints scalars(builder, DenseMap<Value, Value>());
  for (auto [operand, scalar] : llvm::zip(map.getOperands(), map.getBlock()->getArguments()))
    if (gradients.needs(operand))
      scalars.activate(scalar);
  scalars.propagateActivity(*map.getBlock());
  DenseSet<Value> reached;
  for (auto [result, scalar] : llvm::zip(map.getResults(), map.getYield().getValues()))
    if (gradients.of(result))
      reached.insert(scalar);
  for (Operation &op : llvm::reverse(map.getBlock()->without_terminator()))
    for (Value result : op.getResults())
      if (scalars.isActive(result) && reached.contains(result)) {
        if (!getScalarRule(&op))
          return &op;
        reached.insert(op.operand_begin(), op.operand_end());
      }
  return nullptr;
}
