// The variables of dynamic loss scaling: of kind state, scalars, and part of checkpoints but not of
// weights.
#ifndef GPTC_DIALECT_GPT_LOSSSCALER_H
#define GPTC_DIALECT_GPT_LOSSSCALER_H

#include "llvm/ADT/StringRef.h"

namespace gptc::gpt {

inline constexpr llvm::StringLiteral scalerPrefix = "scaler:";
/// What the loss is multiplied by before its gradient is computed: where it is declared, all
/// gradients are that much larger.
inline constexpr llvm::StringLiteral lossScaleName = "scaler:loss_scale";
/// Steps without an overflow since the last one, or since the scale grew.
inline constexpr llvm::StringLiteral goodStepsName = "scaler:good_steps";
/// Steps that were not skipped.
inline constexpr llvm::StringLiteral appliedStepsName = "scaler:applied_steps";

} // namespace gptc::gpt

#endif // GPTC_DIALECT_GPT_LOSSSCALER_H
