// The learning rate's schedule.
#include "runtime/train/Schedule.h"

#include <cmath>
#include <fmt/format.h>
#include <numbers>

namespace gptc::runtime {

double Schedule::learningRate(int64_t step) const {
  if (step < warmupSteps)
    return maximum * static_cast<double>(step + 1) / static_cast<double>(warmupSteps);
  if (step > decaySteps)
    return minimum;
  double length = static_cast<double>(decaySteps - warmupSteps);
  double ratio = length > 0 ? static_cast<double>(step - warmupSteps) / length : 1;
  double coefficient = 0.5 * (1 + std::cos(std::numbers::pi * ratio));
  return minimum + coefficient * (maximum - minimum);
}

Status Schedule::validate() const {
  auto refuse = [](std::string message) {
    return Status(Code::invalidArgument, std::move(message));
  };
  if (!std::isfinite(maximum) || maximum < 0)
    return refuse(fmt::format("--learning-rate must be a number from 0 on, found {}", maximum));
  if (!std::isfinite(minimum) || minimum < 0 || minimum > maximum)
    return refuse(fmt::format("--min-learning-rate must lie between 0 and --learning-rate {}, "
                              "found {}",
                              maximum, minimum));
  if (warmupSteps < 0)
    return refuse(fmt::format("--warmup-steps must not be negative, found {}", warmupSteps));
  if (decaySteps < warmupSteps)
    return refuse(fmt::format("--decay-steps must be at least --warmup-steps {}, found {}",
                              warmupSteps, decaySteps));
  return {};
}

} // namespace gptc::runtime
