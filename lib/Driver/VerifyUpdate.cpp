// The optimizers' formulas, written out once more: what @update must compute.
#include "Verification.h"

#include "gptc/Dialect/GPT/LossScaler.h"

#include <cmath>

using namespace gptc;
using namespace gptc::verification;

namespace {
/// The scalars of the step, and the factor of all gradients.
struct Step {
  Step(const Environment &values, bool scales) : values(values), scales(scales) {}
  double operator[](llvm::StringRef name) const { return number((gpt::stepPrefix + name).str()); }
  double number(llvm::StringRef variable) const {
    auto found = values.find(variable);
    return found == values.end() ? 0 : found->second.reals()[0];
  }
  /// 1 / (1 - beta^t): given, or of the steps that were applied.
  double correction(llvm::StringRef beta, llvm::StringRef given) const {
    if (!scales)
      return (*this)[given];
    return 1 / (1 - std::pow((*this)[beta], number(gpt::appliedStepsName) + 1));
  }
  const Environment &values;
  bool scales;
};
} // namespace

/// Loshchilov, Hutter 2019, algorithm 2, with the bias corrections as given.
static void adamw(const Step &step, double clip, double decay, const Tensor &gradient,
                  Tensor &parameter, Tensor &first, Tensor &second) {
  double rate = step["learning_rate"], beta1 = step["beta1"], beta2 = step["beta2"];
  double correction1 = step.correction("beta1", "correction1"),
         correction2 = step.correction("beta2", "correction2");
  for (int64_t i = 0; i < gradient.getNumElements(); ++i) {
    double g = clip * gradient.reals()[i];
    double &m = first.mutableReals()[i], &v = second.mutableReals()[i];
    double &p = parameter.mutableReals()[i];
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * g * g;
    double mean = m * correction1, square = v * correction2;
    p = p - rate * decay * p - rate * mean / (std::sqrt(square) + step["epsilon"]);
  }
}

static void sgd(const Step &step, double clip, double decay, const Tensor &gradient,
                Tensor &parameter) {
  for (int64_t i = 0; i < gradient.getNumElements(); ++i) {
    double &p = parameter.mutableReals()[i];
    p = p - step["learning_rate"] * (clip * gradient.reals()[i] + decay * p);
  }
}

/// What torch.amp.GradScaler does with its scale and count.
static void expectScaler(const Inputs &inputs, const Step &step, bool overflows,
                         const std::string &run, Observations &expected) {
  double scale = step.number(gpt::lossScaleName), good = step.number(gpt::goodStepsName) + 1,
         applied = step.number(gpt::appliedStepsName);
  if (overflows) {
    scale *= 0.5;
    good = 0;
  } else {
    applied += 1;
    if (good == static_cast<double>(inputs.scaling->growthInterval)) {
      scale *= 2;
      good = 0;
    }
  }
  expected[run + "/" + gpt::lossScaleName.str()] = Tensor::scalar(scale);
  expected[run + "/" + gpt::goodStepsName.str()] = Tensor::scalar(good);
  expected[run + "/" + gpt::appliedStepsName.str()] = Tensor::scalar(applied);
}

/// A run that starts from `values`, whose gradients are not scaled.
static Observations expectRun(const Inputs &inputs, const Environment &values, Optimizer optimizer,
                              bool scales, const std::string &run) {
  Step step(values, scales);
  Observations expected;
  double square = 0;
  for (const std::string &name : inputs.ofKind(gpt::VariableKind::gradient))
    for (double element : values.find(name)->second.reals())
      square += element * element;
  double norm = std::sqrt(square), clip = std::min(1.0, step["clip_norm"] / (norm + 1e-6));
  expected[run + "/output:norm"] = Tensor::scalar(norm);
  bool overflows = scales && !std::isfinite(norm);
  if (scales)
    expectScaler(inputs, step, overflows, run, expected);
  for (const std::string &name : inputs.ofKind(gpt::VariableKind::parameter)) {
    Tensor parameter = values.find(name)->second;
    auto gradient = values.find((gpt::gradientPrefix + name).str());
    double decay = inputs.about.at(name).decays ? step["weight_decay"] : 0;
    if (gradient != values.end() && optimizer == Optimizer::sgd && !overflows)
      sgd(step, clip, decay, gradient->second, parameter);
    if (gradient != values.end() && optimizer == Optimizer::adamw) {
      std::string firstName = (gpt::firstMomentPrefix + name).str(),
                  secondName = (gpt::secondMomentPrefix + name).str();
      auto first = values.find(firstName), second = values.find(secondName);
      if (first == values.end() || second == values.end())
        continue;
      Tensor newFirst = first->second, newSecond = second->second;
      if (!overflows)
        adamw(step, clip, decay, gradient->second, parameter, newFirst, newSecond);
      expected[run + "/" + firstName] = newFirst;
      expected[run + "/" + secondName] = newSecond;
    }
    expected[run + "/" + name] = parameter;
  }
  return expected;
}

Observations verification::expectUpdate(const Inputs &inputs, const Environment &values,
                                        Optimizer optimizer, bool scales) {
  Observations expected;
  for (const UpdateRun &run : updateRuns(scales)) {
    Environment start = run.start(inputs, values, scales);
    if (scales)
      for (const std::string &name : inputs.ofKind(gpt::VariableKind::gradient))
        unscale(start[name], start);
    expected.merge(expectRun(inputs, start, optimizer, scales, run.name));
  }
  return expected;
}
