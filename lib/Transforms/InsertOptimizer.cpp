// Creates @update: the global norm, clipping, and a step of the optimizer on each parameter.
#include "gptc/Dialect/GPT/Scalar.h"
#include "gptc/Dialect/GPT/Variables.h"
#include "gptc/Transforms/Passes.h"

namespace gptc {
#define GEN_PASS_DEF_INSERTOPTIMIZERPASS
#include "gptc/Transforms/Passes.h.inc"
} // namespace gptc

using namespace mlir;
using namespace gptc;
using namespace gptc::gpt;

namespace {
/// A parameter, its gradient, and the gradient's value in @update.
struct Update {
  VariableOp parameter;
  Value gradient;
};

/// Emits @update. The first failure to declare a variable is remembered, and reported by then.
class UpdateBuilder {
public:
  UpdateBuilder(func::FuncOp function, Variables &variables)
      : builder(OpBuilder::atBlockBegin(function.addEntryBlock())), loc(function.getLoc()),
        variables(variables) {}

  LogicalResult emit(Optimizer optimizer, ArrayRef<VariableOp> gradients);

private:
  Value read(FailureOr<VariableOp> variable, Type type);
  Value readStep(StringRef name);
  Value emitClip(Value norm);
  void emitAdamW(ArrayRef<Update> updates, Value clip);
  void emitSgd(ArrayRef<Update> updates, Value clip);

  OpBuilder builder;
  Location loc;
  Variables &variables;
  RankedTensorType scalar;
  bool isBroken = false;
};
} // namespace

/// Reads a variable that was just declared.
Value UpdateBuilder::read(FailureOr<VariableOp> variable, Type type) {
  if (succeeded(variable))
    return createRead(builder, loc, *variable);
  isBroken = true;
  return arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type));
}

Value UpdateBuilder::readStep(StringRef name) {
  return read(variables.declare(loc, stepPrefix + name, VariableKind::step, scalar), scalar);
}

// min(1, clip_norm / (norm + 1e-6)), as torch.nn.utils.clip_grad_norm_ has it
Value UpdateBuilder::emitClip(Value norm) {
  return createMap1(builder, loc, {}, {readStep("clip_norm"), norm}, [](ArrayRef<Scalar> x) {
    return (x[0] / (x[1] + 1e-6)).apply<arith::MinimumFOp>(x[0].constant(1));
  });
}

void UpdateBuilder::emitAdamW(ArrayRef<Update> updates, Value clip) {
  Value rate = readStep("learning_rate"), beta1 = readStep("beta1"), beta2 = readStep("beta2"),
        correction1 = readStep("correction1"), correction2 = readStep("correction2"),
        epsilon = readStep("epsilon"), decay = readStep("weight_decay");
  for (auto [parameter, gradient] : updates) {
    Type type = parameter.getType();
    auto first = variables.declareFor(parameter, firstMomentPrefix, VariableKind::moment, type);
    auto second = variables.declareFor(parameter, secondMomentPrefix, VariableKind::moment, type);
    Value p = createRead(builder, loc, parameter), m = read(first, type), v = read(second, type);
    if (isBroken)
      return;
    auto step =
        AdamWOp::create(builder, loc, type, type, type, p, gradient, m, v, rate, clip, beta1, beta2,
                        correction1, correction2, epsilon, decay, parameter.getDecay());
    createWrite(builder, loc, parameter, step.getNewParameter());
    createWrite(builder, loc, *first, step.getNewFirst());
    createWrite(builder, loc, *second, step.getNewSecond());
  }
}

// p − rate · clip · g, and for decayed parameters − rate · decay · p
void UpdateBuilder::emitSgd(ArrayRef<Update> updates, Value clip) {
  bool decays = llvm::any_of(updates, [](Update update) { return update.parameter.getDecay(); });
  Value rate = readStep("learning_rate"), decay = decays ? readStep("weight_decay") : Value();
  for (auto [parameter, gradient] : updates) {
    SmallVector<Value> operands{createRead(builder, loc, parameter), gradient, rate, clip};
    if (parameter.getDecay())
      operands.push_back(decay);
    Value next = createMap1(builder, loc, cast<RankedTensorType>(gradient.getType()).getShape(),
                            operands, [](ArrayRef<Scalar> x) {
                              Scalar moved = x[0] - x[2] * x[3] * x[1];
                              return x.size() == 5 ? moved - x[2] * x[4] * x[0] : moved;
                            });
    createWrite(builder, loc, parameter, next);
  }
}

LogicalResult UpdateBuilder::emit(Optimizer optimizer, ArrayRef<VariableOp> gradients) {
  SmallVector<Update> updates;
  SmallVector<Value> values;
  for (VariableOp gradient : gradients) {
    VariableOp parameter = variables.lookUp(gradient.getOwner().value_or(""));
    if (!parameter || parameter.getType() != gradient.getType())
      return gradient.emitOpError("requires the parameter that it belongs to, of the same type");
    values.push_back(createRead(builder, loc, gradient));
    updates.push_back({parameter, values.back()});
  }
  scalar = RankedTensorType::get({}, getElementTypeOrSelf(values.front().getType()));
  auto output = variables.declare(loc, outputPrefix + "norm", VariableKind::output, scalar);
  if (failed(output))
    return failure();
  Value norm = GlobalNormOp::create(builder, loc, scalar, values);
  createWrite(builder, loc, *output, norm);
  Value clip = emitClip(norm);
  if (optimizer == Optimizer::adamw)
    emitAdamW(updates, clip);
  else
    emitSgd(updates, clip);
  func::ReturnOp::create(builder, loc);
  return failure(isBroken);
}

namespace {
struct InsertOptimizerPass : gptc::impl::InsertOptimizerPassBase<InsertOptimizerPass> {
  using InsertOptimizerPassBase::InsertOptimizerPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    Variables variables(module);
    SmallVector<VariableOp> gradients = variables.getAll(VariableKind::gradient);
    if (gradients.empty()) {
      module.emitError("requires variables of kind gradient: differentiate first");
      return signalPassFailure();
    }
    if (Operation *taken = module.lookupSymbol("update")) {
      taken->emitError("requires the name @update for the entry that updates parameters");
      return signalPassFailure();
    }
    auto builder = OpBuilder::atBlockEnd(module.getBody());
    auto function =
        func::FuncOp::create(builder, module.getLoc(), "update", builder.getFunctionType({}, {}));
    if (failed(UpdateBuilder(function, variables).emit(optimizer, gradients)))
      signalPassFailure();
  }
};
} // namespace
