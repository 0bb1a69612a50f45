// The optimizers that a training plan can hold.
#ifndef GPTC_TRANSFORMS_OPTIMIZER_H
#define GPTC_TRANSFORMS_OPTIMIZER_H

namespace gptc {

enum class Optimizer { adamw, sgd };

} // namespace gptc

#endif // GPTC_TRANSFORMS_OPTIMIZER_H
