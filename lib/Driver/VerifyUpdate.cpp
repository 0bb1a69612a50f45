// The optimizers' formulas, written out once more: what @update must compute.
#include "Verification.h"

#include <cmath>

using namespace gptc;
using namespace gptc::verification;

namespace {
/// The scalars of the step, and the factor of all gradients.
struct Step {
  explicit Step(const Environment &values) : values(values) {}
  double operator[](llvm::StringRef name) const {
    auto found = values.find((gpt::stepPrefix + name).str());
    return found == values.end() ? 0 : found->second.reals()[0];
  }
  const Environment &values;
};
} // namespace

/// Loshchilov, Hutter 2019, algorithm 2, with the bias corrections as given.
static void adamw(const Step &step, double clip, double decay, const Tensor &gradient,
                  Tensor &parameter, Tensor &first, Tensor &second) {
  double rate = step["learning_rate"], beta1 = step["beta1"], beta2 = step["beta2"];
  for (int64_t i = 0; i < gradient.getNumElements(); ++i) {
    double g = clip * gradient.reals()[i];
    double &m = first.mutableReals()[i], &v = second.mutableReals()[i];
    double &p = parameter.mutableReals()[i];
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * g * g;
    double mean = m * step["correction1"], square = v * step["correction2"];
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

Observations verification::expectUpdate(const Inputs &inputs, const Environment &values,
                                        Optimizer optimizer) {
  Step step(values);
  Observations expected;
  double square = 0;
  for (const std::string &name : inputs.ofKind(gpt::VariableKind::gradient))
    for (double element : values.find(name)->second.reals())
      square += element * element;
  double norm = std::sqrt(square), clip = std::min(1.0, step["clip_norm"] / (norm + 1e-6));
  expected["update/output:norm"] = Tensor::scalar(norm);
  for (const std::string &name : inputs.ofKind(gpt::VariableKind::parameter)) {
    Tensor parameter = values.find(name)->second;
    auto gradient = values.find((gpt::gradientPrefix + name).str());
    double decay = inputs.about.at(name).decays ? step["weight_decay"] : 0;
    if (gradient != values.end() && optimizer == Optimizer::sgd)
      sgd(step, clip, decay, gradient->second, parameter);
    if (gradient != values.end() && optimizer == Optimizer::adamw) {
      std::string firstName = (gpt::firstMomentPrefix + name).str(),
                  secondName = (gpt::secondMomentPrefix + name).str();
      auto first = values.find(firstName), second = values.find(secondName);
      if (first == values.end() || second == values.end())
        continue;
      Tensor newFirst = first->second, newSecond = second->second;
      adamw(step, clip, decay, gradient->second, parameter, newFirst, newSecond);
      expected["update/" + firstName] = newFirst;
      expected["update/" + secondName] = newSecond;
    }
    expected["update/" + name] = parameter;
  }
  return expected;
}
