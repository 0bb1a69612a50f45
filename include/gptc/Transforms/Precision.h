// The precisions that a plan can compute in.
#ifndef GPTC_TRANSFORMS_PRECISION_H
#define GPTC_TRANSFORMS_PRECISION_H

#include "llvm/ADT/StringRef.h"

namespace gptc {

/// fp32: everything is float32. tf32: factors of matmuls and attention are rounded to
/// TensorFloat-32 where they are multiplied. bf16, fp16: they and their results are kept in 16
/// bits; see gpt-assign-precision for what is not.
enum class TrainingPrecision { fp32, tf32, bf16, fp16 };

inline llvm::StringRef nameOf(TrainingPrecision precision) {
  switch (precision) {
  case TrainingPrecision::fp32:
    return "fp32";
  case TrainingPrecision::tf32:
    return "tf32";
  case TrainingPrecision::bf16:
    return "bf16";
  case TrainingPrecision::fp16:
    return "fp16";
  }
  return "";
}

/// Loss scaling as torch.amp.GradScaler has it: the scale doubles after so many steps without an
/// overflow, and halves with each overflow.
struct LossScaling {
  double initialScale = 65536;
  int64_t growthInterval = 2000;
};

} // namespace gptc

#endif // GPTC_TRANSFORMS_PRECISION_H
