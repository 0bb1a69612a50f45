// Inputs of a plan.
#include "runtime/app/ModelInputs.h"

#include "runtime/execute/Session.h"

#include <fmt/format.h>

namespace gptc::runtime {

Result<ModelInputs> ModelInputs::of(const Plan &plan) {
  ModelInputs inputs;
  for (const TensorInfo &tensor : plan.tensors()) {
    if (tensor.kind != TensorKind::input || !tensor.derived.empty())
      continue;
    int64_t size = tensor.shape.empty() ? 0 : tensor.shape[0];
    if (size == 0 || (!inputs.tensors.empty() && size != inputs.batchSize))
      return Status(Code::failedPrecondition,
                    fmt::format("{}: input \"{}\" has the shape {}; all inputs must have the batch "
                                "as their first axis",
                                plan.name(), tensor.name, shapeText(tensor.shape)));
    inputs.batchSize = size;
    inputs.tensors.push_back(&tensor);
    if (tensor.name == "tokens")
      inputs.tokens = &tensor;
    if (tensor.name == "targets")
      inputs.targets = &tensor;
  }
  if (inputs.tensors.empty())
    return Status(Code::failedPrecondition, fmt::format("{}: the plan has no inputs", plan.name()));
  auto isStream = [](const TensorInfo *tensor) {
    return tensor && tensor->type == DataType::int32 && tensor->shape.size() == 2;
  };
  inputs.fromTokens = inputs.tensors.size() == 2 && isStream(inputs.tokens) &&
                      isStream(inputs.targets) && inputs.tokens->shape == inputs.targets->shape;
  if (inputs.fromTokens)
    inputs.sequenceLength = inputs.tokens->shape[1];
  return inputs;
}

std::vector<InputSpec> ModelInputs::specs() const {
  std::vector<InputSpec> result;
  for (const TensorInfo *tensor : tensors) {
    InputSpec spec{tensor->name, tensor->type == DataType::int32, tensor->shape};
    if (spec.integer) {
      spec.minimum = Session::lowestInput(*tensor);
      if (tensor->limit > 0)
        spec.maximum = static_cast<int32_t>(std::min<int64_t>(tensor->limit - 1, INT32_MAX));
    }
    result.push_back(std::move(spec));
  }
  return result;
}

} // namespace gptc::runtime
