// Options: what follows from them, and what is refused.
#include "runtime/app/Options.h"

#include "runtime/device/DeviceChoice.h"

#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gptc::runtime {

namespace {

Status refuse(std::string message) { return {Code::invalidArgument, std::move(message)}; }

Status requireAtLeast(std::string_view flag, int64_t value, int64_t least) {
  return value >= least ? Status()
                        : refuse(fmt::format("{} {}: must be at least {}", flag, value, least));
}

/// A number in [0, below).
Status requireRange(std::string_view flag, double value, double below) {
  if (value >= 0 && value < below)
    return {};
  return refuse(std::isinf(below)
                    ? fmt::format("{} {}: must be a number that is not negative", flag, value)
                    : fmt::format("{} {}: must lie in [0, {})", flag, value, below));
}

Status validateWeights(const WeightOptions &weights) {
  if (!weights.checkpoint.empty() && !weights.init.empty())
    return refuse("--checkpoint and --init exclude each other");
  if (weights.checkpoint.empty() && weights.init.empty())
    return refuse("no weights: give --checkpoint PATH or --init FILE.safetensors");
  return {};
}

Status validateDevice(const DeviceOptions &device) {
  GPTC_RETURN_IF_ERROR(checkDeviceName(device.device));
  return requireAtLeast("--threads", device.threads, 0);
}

} // namespace

Schedule TrainOptions::schedule() const {
  return {learningRate, minLearningRate.value_or(learningRate / 10), warmupSteps,
          decaySteps.value_or(std::max(steps, warmupSteps))};
}

Status TrainOptions::validate() const {
  constexpr double infinity = INFINITY;
  if (data.empty())
    return refuse("no data: give --data PATH");
  GPTC_RETURN_IF_ERROR(requireAtLeast("--steps", steps, 0));
  GPTC_RETURN_IF_ERROR(requireAtLeast("--total-batch-size", totalBatchSize, 0));
  GPTC_RETURN_IF_ERROR(requireAtLeast("--checkpoint-every", checkpointEvery, 0));
  GPTC_RETURN_IF_ERROR(requireAtLeast("--eval-every", evalEvery.value_or(0), 0));
  GPTC_RETURN_IF_ERROR(requireAtLeast("--eval-batches", evalBatches, 0));
  GPTC_RETURN_IF_ERROR(requireAtLeast("--sample-every", sampleEvery, 0));
  GPTC_RETURN_IF_ERROR(validateDevice(device));
  GPTC_RETURN_IF_ERROR(requireRange("--weight-decay", weightDecay, infinity));
  GPTC_RETURN_IF_ERROR(requireRange("--beta1", beta1, 1));
  GPTC_RETURN_IF_ERROR(requireRange("--beta2", beta2, 1));
  GPTC_RETURN_IF_ERROR(requireRange("--epsilon", epsilon, infinity));
  GPTC_RETURN_IF_ERROR(requireRange("--clip-norm", clipNorm, infinity));
  GPTC_RETURN_IF_ERROR(schedule().validate());
  if (checkpointEvery > 0 && checkpointDir.empty())
    return refuse("--checkpoint-every needs --checkpoint-dir");
  if (resume && resume->empty() && checkpointDir.empty())
    return refuse("--resume needs a path, or --checkpoint-dir");
  if (resume && !init.empty())
    return refuse("--resume and --init exclude each other");
  return {};
}

nlohmann::json TrainOptions::decisive() const {
  Schedule rates = schedule();
  return {{"total-batch-size", totalBatchSize},
          {"learning-rate", rates.maximum},
          {"min-learning-rate", rates.minimum},
          {"warmup-steps", rates.warmupSteps},
          {"decay-steps", rates.decaySteps},
          {"weight-decay", weightDecay},
          {"beta1", beta1},
          {"beta2", beta2},
          {"epsilon", epsilon},
          {"clip-norm", clipNorm},
          {"seed", seed},
          {"shuffle", shuffleName(shuffle)}};
}

Status SampleOptions::validate() const {
  GPTC_RETURN_IF_ERROR(validateWeights(weights));
  GPTC_RETURN_IF_ERROR(requireAtLeast("--count", count, 1));
  GPTC_RETURN_IF_ERROR(requireAtLeast("--max-tokens", maxTokens, 0));
  return validateDevice(device);
}

Status EvalOptions::validate() const {
  GPTC_RETURN_IF_ERROR(validateWeights(weights));
  if (data.empty())
    return refuse("no data: give --data PATH");
  GPTC_RETURN_IF_ERROR(requireAtLeast("--eval-batches", evalBatches, 0));
  return validateDevice(device);
}

SessionOptions sessionOptions(const DeviceOptions &device, const Console &console) {
  SessionOptions options;
  options.device = device;
  options.device.note = console.note;
  return options;
}

Status ConformanceOptions::validate() const {
  if (cases.empty())
    return refuse("no cases: give --cases FILE.safetensors");
  GPTC_RETURN_IF_ERROR(requireAtLeast("--repeat", repeat, 1));
  return validateDevice(device);
}

Status BenchOptions::validate() const {
  GPTC_RETURN_IF_ERROR(requireAtLeast("--steps", steps, 1));
  GPTC_RETURN_IF_ERROR(requireAtLeast("--warmup", warmup, 0));
  return validateDevice(device);
}

Status ReplayOptions::validate() const {
  GPTC_RETURN_IF_ERROR(requireAtLeast("--steps", steps, 1));
  GPTC_RETURN_IF_ERROR(requireAtLeast("--warmup", warmup, 0));
  return requireAtLeast("--threads", threads, 0);
}

} // namespace gptc::runtime
