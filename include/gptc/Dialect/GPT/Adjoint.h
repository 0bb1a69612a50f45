// What differentiation offers beyond the operations' own adjoints.
#ifndef GPTC_DIALECT_GPT_ADJOINT_H
#define GPTC_DIALECT_GPT_ADJOINT_H

#include "gptc/Dialect/GPT/GPTOps.h"

namespace gptc::gpt {

/// The last operation in the region of `map` that an adjoint would have to pass through but that
/// has no derivative rule; null if there is none, and `map.buildAdjoint` will succeed.
mlir::Operation *findUndifferentiable(MapOp map, Gradients &gradients);

} // namespace gptc::gpt

#endif // GPTC_DIALECT_GPT_ADJOINT_H
