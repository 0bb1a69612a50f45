// Creates @update: the global norm, clipping, and a step of the optimizer on each parameter.
#include "gptc/Dialect/GPT/LossScaler.h"
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

/// What dynamic loss scaling reads and writes.
struct LossScaler {
  VariableOp scaleVariable, goodVariable, appliedVariable;
  Value scale, good, applied; ///< before the step
  Value norm;                 ///< of the gradients as they are, times the scale
};

/// Emits @update. The first failure to declare a variable is remembered, and reported by then.
class UpdateBuilder {
public:
  UpdateBuilder(func::FuncOp function, Variables &variables)
      : builder(OpBuilder::atBlockBegin(function.addEntryBlock())), loc(function.getLoc()),
        variables(variables) {}

  LogicalResult emit(Optimizer optimizer, ArrayRef<VariableOp> gradients, int64_t growthInterval);

private:
  Value read(FailureOr<VariableOp> variable, Type type);
  Value readStep(StringRef name);
  void findScaler(Value norm);
  void emitScaler(int64_t growthInterval);
  Value emitClip(Value norm);
  Value emitCorrection(StringRef name, Value beta);
  void write(ArrayRef<VariableOp> targets, ArrayRef<Value> before, ArrayRef<Value> after);
  void emitAdamW(ArrayRef<Update> updates, Value clip);
  void emitSgd(ArrayRef<Update> updates, Value clip);

  OpBuilder builder;
  Location loc;
  Variables &variables;
  RankedTensorType scalar;
  std::optional<LossScaler> scaler;
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

/// Finds out whether gradients are scaled, and declares what goes with it.
void UpdateBuilder::findScaler(Value norm) {
  VariableOp scale = variables.lookUp(lossScaleName);
  if (!scale)
    return;
  auto declare = [&](StringRef name) {
    FailureOr<VariableOp> variable = variables.declare(loc, name, VariableKind::state, scalar);
    if (succeeded(variable))
      variable->setInitAttr(InitAttr::get(builder.getContext(), InitKind::constant, 0.0));
    return variable;
  };
  FailureOr<VariableOp> good = declare(goodStepsName), applied = declare(appliedStepsName);
  isBroken |= failed(good) || failed(applied);
  if (isBroken)
    return;
  scaler = {scale,
            *good,
            *applied,
            createRead(builder, loc, scale),
            createRead(builder, loc, *good),
            createRead(builder, loc, *applied),
            norm};
}

static Scalar isFinite(Scalar norm) {
  return norm < norm.constant(std::numeric_limits<double>::infinity());
}

// As torch.amp.GradScaler: · 2 after `growthInterval` good steps, unless that is infinite; · 0.5
// after an overflow.
void UpdateBuilder::emitScaler(int64_t growthInterval) {
  auto next = createMap(
      builder, loc, {}, {scaler->norm, scaler->scale, scaler->good, scaler->applied},
      [&](ArrayRef<Scalar> x) {
        Scalar finite = isFinite(x[0]), scale = x[1], good = x[2] + 1, applied = x[3];
        Scalar grows = good >= good.constant(growthInterval), larger = scale * 2;
        larger = isFinite(larger).select(larger, scale);
        Scalar zero = good.constant(0);
        return SmallVector<Scalar>{finite.select(grows.select(larger, scale), scale * 0.5),
                                   finite.select(grows.select(zero, good), zero),
                                   finite.select(applied + 1, applied)};
      });
  createWrite(builder, loc, scaler->scaleVariable, next.getResult(0));
  createWrite(builder, loc, scaler->goodVariable, next.getResult(1));
  createWrite(builder, loc, scaler->appliedVariable, next.getResult(2));
}

// min(1, clip_norm / (norm + 1e-6)), as torch.nn.utils.clip_grad_norm_ has it; of scaled gradients
// by the scale.
Value UpdateBuilder::emitClip(Value norm) {
  SmallVector<Value> operands{readStep("clip_norm"), norm};
  if (scaler)
    operands.push_back(scaler->scale);
  return createMap1(builder, loc, {}, operands, [](ArrayRef<Scalar> x) {
    Scalar clip = (x[0] / (x[1] + 1e-6)).apply<arith::MinimumFOp>(x[0].constant(1));
    return x.size() == 3 ? clip / x[2] : clip;
  });
}

// 1 / (1 - beta^t), t the number of this step among those that are applied; as it is written, the
// difference keeps its digits where beta^t is close to 1.
Value UpdateBuilder::emitCorrection(StringRef name, Value beta) {
  if (!scaler)
    return readStep(name);
  return createMap1(builder, loc, {}, {beta, scaler->applied}, [](ArrayRef<Scalar> x) {
    Scalar logarithm = (x[0] - 1).apply<math::Log1pOp>();
    return -1 / ((x[1] + 1) * logarithm).apply<math::ExpM1Op>();
  });
}

/// Writes new values; the old ones if the step is skipped.
void UpdateBuilder::write(ArrayRef<VariableOp> targets, ArrayRef<Value> before,
                          ArrayRef<Value> after) {
  SmallVector<Value> values(after);
  if (scaler) {
    SmallVector<Value> operands{scaler->norm};
    operands.append(before.begin(), before.end());
    operands.append(after.begin(), after.end());
    size_t count = after.size();
    auto type = cast<RankedTensorType>(before.front().getType());
    auto kept = createMap(builder, loc, type.getShape(), operands, [&](ArrayRef<Scalar> x) {
      SmallVector<Scalar> results;
      for (size_t i = 1; i <= count; ++i)
        results.push_back(isFinite(x[0]).select(x[count + i], x[i]));
      return results;
    });
    values = llvm::to_vector_of<Value>(kept.getResults());
  }
  for (auto [target, value] : llvm::zip(targets, values))
    createWrite(builder, loc, target, value);
}

void UpdateBuilder::emitAdamW(ArrayRef<Update> updates, Value clip) {
  Value rate = readStep("learning_rate"), beta1 = readStep("beta1"), beta2 = readStep("beta2"),
        correction1 = emitCorrection("correction1", beta1),
        correction2 = emitCorrection("correction2", beta2), epsilon = readStep("epsilon"),
        decay = readStep("weight_decay");
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
    write({parameter, *first, *second}, {p, m, v},
          {step.getNewParameter(), step.getNewFirst(), step.getNewSecond()});
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
    write({parameter}, {operands.front()}, {next});
  }
}

LogicalResult UpdateBuilder::emit(Optimizer optimizer, ArrayRef<VariableOp> gradients,
                                  int64_t growthInterval) {
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
  findScaler(norm);
  if (scaler)
    norm = createMap1(builder, loc, {}, {norm, scaler->scale},
                      [](ArrayRef<Scalar> x) { return x[0] / x[1]; });
  createWrite(builder, loc, *output, norm);
  Value clip = emitClip(norm);
  if (optimizer == Optimizer::adamw)
    emitAdamW(updates, clip);
  else
    emitSgd(updates, clip);
  if (scaler)
    emitScaler(growthInterval);
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
    if (failed(UpdateBuilder(function, variables).emit(optimizer, gradients, growthInterval)))
      signalPassFailure();
  }
};
} // namespace
