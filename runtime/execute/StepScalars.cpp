// Scalars of the step.
#include "runtime/execute/StepScalars.h"

#include <array>
#include <cmath>
#include <fmt/format.h>
#include <limits>

namespace gptc::runtime {

namespace {

constexpr std::string_view randomKey = "step:random";
constexpr std::array<std::string_view, 9> floatScalars = {
    "step:learning_rate", "step:weight_decay", "step:beta1",
    "step:beta2",         "step:epsilon",      "step:clip_norm",
    "step:correction1",   "step:correction2",  "step:inverse_accumulation",
};

/// Writes the scalar if the plan has it and an entry in use may read it.
Status set(Session &session, std::string_view name, double value) {
  const TensorInfo *tensor = session.plan().findTensor(name);
  if (!tensor || !session.holds(*tensor))
    return {};
  return session.writeScalar(name, static_cast<float>(value));
}

double correction(double beta, int64_t update) {
  return 1 / (1 - std::pow(double{static_cast<float>(beta)}, static_cast<double>(update)));
}

} // namespace

Status checkStepScalars(const Plan &plan) {
  for (const TensorInfo &tensor : plan.tensors()) {
    if (tensor.kind != TensorKind::step)
      continue;
    bool fits = false;
    for (std::string_view name : floatScalars)
      fits |= tensor.name == name && tensor.type == DataType::float32 && tensor.count() == 1;
    fits |= tensor.name == randomKey && tensor.type == DataType::int32 && tensor.count() == 4;
    if (!fits)
      return {Code::failedPrecondition,
              fmt::format("{}: the plan reads \"{}\", which this runtime does not know how to set",
                          plan.name(), tensor.name)};
  }
  return {};
}

Status setUpdateScalars(Session &session, const UpdateScalars &scalars) {
  double clipNorm =
      scalars.clipNorm > 0 ? scalars.clipNorm : double{std::numeric_limits<float>::max()};
  GPTC_RETURN_IF_ERROR(set(session, "step:learning_rate", scalars.learningRate));
  GPTC_RETURN_IF_ERROR(set(session, "step:weight_decay", scalars.weightDecay));
  GPTC_RETURN_IF_ERROR(set(session, "step:beta1", scalars.beta1));
  GPTC_RETURN_IF_ERROR(set(session, "step:beta2", scalars.beta2));
  GPTC_RETURN_IF_ERROR(set(session, "step:epsilon", scalars.epsilon));
  GPTC_RETURN_IF_ERROR(set(session, "step:clip_norm", clipNorm));
  GPTC_RETURN_IF_ERROR(set(session, "step:correction1", correction(scalars.beta1, scalars.update)));
  return set(session, "step:correction2", correction(scalars.beta2, scalars.update));
}

Status setMicroBatch(Session &session, uint64_t seed, int64_t step, int64_t microBatch,
                     int64_t accumulationSteps) {
  GPTC_RETURN_IF_ERROR(
      set(session, "step:inverse_accumulation", 1.0 / static_cast<double>(accumulationSteps)));
  const TensorInfo *key = session.plan().findTensor(randomKey);
  if (!key || !session.holds(*key))
    return {};
  std::array<int32_t, 4> words = {static_cast<int32_t>(static_cast<uint32_t>(seed)),
                                  static_cast<int32_t>(static_cast<uint32_t>(seed >> 32)),
                                  static_cast<int32_t>(step), static_cast<int32_t>(microBatch)};
  return session.write(*key, std::span<const int32_t>(words));
}

} // namespace gptc::runtime
