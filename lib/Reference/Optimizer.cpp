// The operations of an optimizer's step.
#include "Kernels.h"

#include <cmath>

using namespace gptc;
using namespace gptc::reference;

Results reference::run(gpt::GlobalNormOp, Operands operands, Precision precision) {
  return withReal(precision, [&](auto zero) -> Results {
    using Real = decltype(zero);
    Real total = 0;
    for (const Tensor &operand : operands) {
      Real sum = 0;
      for (double x : operand.reals())
        sum += static_cast<Real>(x) * static_cast<Real>(x);
      total += sum;
    }
    return Tensors{Tensor::scalar(std::sqrt(total))};
  });
}

Results reference::run(gpt::AdamWOp op, Operands operands, Precision precision) {
  return withReal(precision, [&](auto zero) -> Results {
    using Real = decltype(zero);
    auto scalar = [&](size_t operand) { return static_cast<Real>(operands[operand].reals()[0]); };
    Real rate = scalar(4), clip = scalar(5), beta1 = scalar(6), beta2 = scalar(7),
         correction1 = scalar(8), correction2 = scalar(9), epsilon = scalar(10);
    Real kept = op.getDecayed() ? 1 - rate * scalar(11) : 1;

    Tensors results{operands[0], operands[2], operands[3]};
    llvm::MutableArrayRef<double> parameters = results[0].mutableReals(),
                                  firsts = results[1].mutableReals(),
                                  seconds = results[2].mutableReals();
    for (auto [parameter, gradient, first, second] :
         llvm::zip(parameters, operands[1].reals(), firsts, seconds)) {
      Real g = static_cast<Real>(gradient) * clip;
      Real newFirst = beta1 * static_cast<Real>(first) + (1 - beta1) * g;
      Real newSecond = beta2 * static_cast<Real>(second) + (1 - beta2) * (g * g);
      Real step = newFirst * correction1 / (std::sqrt(newSecond * correction2) + epsilon);
      first = newFirst;
      second = newSecond;
      parameter = static_cast<Real>(parameter) * kept - rate * step;
    }
    return results;
  });
}
