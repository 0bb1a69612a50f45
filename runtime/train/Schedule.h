// The learning rate by step: linear warm-up, cosine decay, then a constant.
#ifndef GPTC_RUNTIME_TRAIN_SCHEDULE_H
#define GPTC_RUNTIME_TRAIN_SCHEDULE_H

#include "runtime/base/Status.h"

#include <cstdint>

namespace gptc::runtime {

struct Schedule {
  double maximum = 6e-4;
  double minimum = 6e-5;
  int64_t warmupSteps = 0;
  int64_t decaySteps = 0;

  /// step < warmupSteps: maximum · (step + 1) / warmupSteps. step > decaySteps: minimum. Between,
  /// with r = (step - warmupSteps) / (decaySteps - warmupSteps): minimum + (1 + cos(π r)) / 2 ·
  /// (maximum - minimum). This is the schedule of the GPT-2 (124M) reproduction; where both counts
  /// are equal the step between is the last of the decay.
  double learningRate(int64_t step) const;

  /// invalidArgument, naming the flag, unless 0 <= minimum <= maximum, both finite, and 0 <=
  /// warmupSteps <= decaySteps.
  Status validate() const;
};

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_TRAIN_SCHEDULE_H
