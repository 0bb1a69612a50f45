// Reverse-mode differentiation of @train: from a loss to the entry that accumulates gradients.
#include "Adjoints.h"
#include "gptc/Autodiff/Passes.h"
#include "gptc/Dialect/GPT/Adjoint.h"
#include "gptc/Dialect/GPT/LossScaler.h"
#include "gptc/Dialect/GPT/Scalar.h"

#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"

namespace gptc {
#define GEN_PASS_DEF_DIFFERENTIATEPASS
#include "gptc/Autodiff/Passes.h.inc"
} // namespace gptc

using namespace mlir;
using namespace gptc;
using namespace gptc::gpt;

/// Checks the form of @train: one block without arguments that returns one real scalar.
static LogicalResult verifyTrain(func::FuncOp train) {
  FunctionType type = train.getFunctionType();
  auto isScalar = [](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && tensor.getRank() == 0 && isa<FloatType>(tensor.getElementType());
  };
  if (train.isExternal() || !train.getBody().hasOneBlock() || type.getNumInputs() != 0 ||
      type.getNumResults() != 1 || !isScalar(type.getResult(0)))
    return train.emitError() << "requires @train to take nothing and return the loss, a real "
                                "scalar, found "
                             << type;
  WalkResult result = train.walk([](RepeatOp repeat) {
    repeat.emitOpError("is not differentiated: expand repeats first");
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

/// Reports an operation between a parameter and the loss that no adjoint passes through.
static LogicalResult reportUndifferentiable(Operation *op, Operation *part, VariableOp parameter) {
  InFlightDiagnostic error = part->emitOpError() << "has no gradient, but lies between parameter @"
                                                 << parameter.getSymName() << " and the loss";
  error.attachNote(parameter.getLoc()) << "the parameter is declared here";
  if (part == op && isa<DecomposableOpInterface>(op))
    error.attachNote(op->getLoc()) << "it can be decomposed first";
  return error;
}

/// Emits the adjoints of `ops`, forward operations in their order.
static LogicalResult emitAdjoints(OpBuilder &builder, ArrayRef<Operation *> ops,
                                  Adjoints &adjoints) {
  for (Operation *op : llvm::reverse(ops)) {
    if (isa<ReadOp>(op) || !adjoints.reaches(op))
      continue;
    VariableOp source;
    for (Value operand : op->getOperands())
      source = source ? source : adjoints.getSource(operand);
    if (!source)
      continue;
    auto differentiable = dyn_cast<DifferentiableOpInterface>(op);
    if (!differentiable)
      return reportUndifferentiable(op, op, source);
    if (auto map = dyn_cast<MapOp>(op))
      if (Operation *part = findUndifferentiable(map, adjoints))
        return reportUndifferentiable(op, part, source);
    differentiable.buildAdjoint(builder, adjoints);
  }
  return success();
}

/// Notes on the function, and in a remark, what the backward part, behind `end`, keeps of the
/// forward part. Variables stay where they are, and constants and indices cost nothing.
static void noteSavedValues(func::FuncOp function, Operation *end) {
  llvm::SetVector<Value> saved;
  for (Operation *op = end->getNextNode(); op; op = op->getNextNode())
    for (Value operand : op->getOperands()) {
      while (auto reshape = operand.getDefiningOp<ReshapeOp>())
        operand = reshape.getInput();
      Operation *source = operand.getDefiningOp();
      if (source->isBeforeInBlock(end) && !isa<ReadOp, IotaOp>(source) &&
          !source->hasTrait<OpTrait::ConstantLike>())
        saved.insert(operand);
    }
  int64_t bytes = 0;
  for (Value value : saved) {
    auto type = cast<RankedTensorType>(value.getType());
    bytes += llvm::divideCeil(type.getNumElements() * type.getElementTypeBitWidth(), 8);
  }
  function->setAttr("gpt.saved_bytes", Builder(function.getContext()).getI64IntegerAttr(bytes));
  remark::analysis(function.getLoc(), remark::RemarkOpts::name("SavedValues")
                                          .category("gpt-differentiate")
                                          .function(function.getName()))
      << remark::metric("values", saved.size()) << remark::metric("bytes", bytes);
}

namespace {
struct DifferentiatePass : gptc::impl::DifferentiatePassBase<DifferentiatePass> {
  using Base::Base;

  void runOnOperation() override {
    auto train = getOperation().lookupSymbol<func::FuncOp>("train");
    if (!train) {
      getOperation().emitError("requires a function @train");
      return signalPassFailure();
    }
    if (failed(verifyTrain(train)) || failed(differentiate(train)))
      signalPassFailure();
  }

  LogicalResult differentiate(func::FuncOp train);
  FailureOr<Value> scaleSeed(OpBuilder &builder, Variables &variables, Value seed);
};
} // namespace

/// The loss's adjoint: `seed`, by the loss scale if there is one.
FailureOr<Value> DifferentiatePass::scaleSeed(OpBuilder &builder, Variables &variables,
                                              Value seed) {
  if (lossScale == 0)
    return seed;
  auto scale = variables.declare(seed.getLoc(), lossScaleName, VariableKind::state, seed.getType());
  if (failed(scale))
    return failure();
  scale->setInitAttr(InitAttr::get(&getContext(), InitKind::constant, lossScale));
  return createMap1(builder, seed.getLoc(), {}, {seed, createRead(builder, seed.getLoc(), *scale)},
                    [](ArrayRef<Scalar> x) { return x[0] * x[1]; });
}

LogicalResult DifferentiatePass::differentiate(func::FuncOp train) {
  Variables variables(getOperation());
  SmallVector<VariableOp> parameters = variables.getAll(VariableKind::parameter);
  for (VariableOp parameter : parameters)
    if (failed(variables.declareFor(parameter, gradientPrefix, VariableKind::gradient,
                                    parameter.getType())))
      return failure();
  Block &block = train.getBody().front();
  auto end = cast<func::ReturnOp>(block.getTerminator());
  Value loss = end.getOperand(0);
  Location loc = end.getLoc();
  FailureOr<VariableOp> output = variables.declare(loc, outputPrefix + "loss", VariableKind::output,
                                                   loss.getType()),
                        scale = variables.declare(loc, stepPrefix + "inverse_accumulation",
                                                  VariableKind::step, loss.getType());
  if (failed(output) || failed(scale))
    return failure();

  SmallVector<Operation *> forward;
  for (Operation &op : block.without_terminator())
    forward.push_back(&op);
  OpBuilder builder(end);
  Adjoints adjoints(builder, variables);
  adjoints.findActive(block);
  Value seed = createRead(builder, loc, *scale);
  Value scaled =
      createMap1(builder, loc, {}, {loss, seed}, [](ArrayRef<Scalar> x) { return x[0] * x[1]; });
  WriteOp forwardEnd = createWrite(builder, loc, *output, scaled);
  FailureOr<Value> adjoint = scaleSeed(builder, variables, seed);
  if (failed(adjoint))
    return failure();
  adjoints.add(loss, *adjoint);
  if (failed(emitAdjoints(builder, forward, adjoints)))
    return failure();

  for (VariableOp parameter : parameters)
    if (!adjoints.isWritten(parameter)) {
      parameter.emitWarning() << "parameter @" << parameter.getSymName()
                              << " does not influence the loss; its gradient is zero";
      TypedAttr zero = builder.getZeroAttr(parameter.getType());
      Value zeros = arith::ConstantOp::create(builder, parameter.getLoc(), zero);
      createWrite(builder, parameter.getLoc(),
                  variables.lookUp((gradientPrefix + parameter.getSymName()).str()), zeros);
    }
  end.getOperandsMutable().clear();
  train.setFunctionType(builder.getFunctionType({}, {}));
  train.setResAttrsAttr({});
  train.setSymName("accumulate_first");
  noteSavedValues(train, forwardEnd);
  return success();
}
