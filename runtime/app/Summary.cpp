// The summary of a run.
#include "runtime/app/Summary.h"

#include <cmath>
#include <fmt/format.h>
#include <sys/resource.h>

namespace gptc::runtime {

namespace {

std::string stepText(const ModelInputs &inputs, int64_t accumulationSteps) {
  std::string shape = inputs.fromTokens
                          ? fmt::format("{} x {}", inputs.batchSize, inputs.sequenceLength)
                          : fmt::format("{}", inputs.batchSize);
  std::string text =
      fmt::format("{} {} a step ({}", groupedNumber(inputs.unitsPerBatch() * accumulationSteps),
                  inputs.unit(), shape);
  return text +
         (accumulationSteps > 1 ? fmt::format(", {} micro-batches)", accumulationSteps) : ")");
}

/// Counts of examples; of tokens the data's own notes tell, and here their entropies.
std::string dataText(const ModelInputs &inputs, const Dataset &data) {
  std::string text;
  if (!data.isTokens())
    text = fmt::format("{} examples for training, {} for validation",
                       groupedNumber(data.size(Split::training)),
                       groupedNumber(data.size(Split::validation)));
  if (std::optional<double> entropy = data.unigramEntropy(Split::validation))
    text = fmt::format("unigram entropy of validation {:.4f} nats", *entropy);
  if (inputs.tokens && inputs.tokens->limit > 0)
    text += fmt::format("{}ln({}) = {:.4f}", text.empty() ? "" : "; ", inputs.tokens->limit,
                        std::log(static_cast<double>(inputs.tokens->limit)));
  return text;
}

} // namespace

void printSummary(const Session &session, const ModelInputs &inputs, const Dataset &data,
                  int64_t accumulationSteps, const Console &console) {
  const Plan &plan = session.plan();
  console.out(
      fmt::format("model   {}: {} parameters", plan.model(), groupedNumber(plan.parameterCount())));
  console.out(fmt::format("memory  {} bytes allocated: {}",
                          groupedNumber(static_cast<int64_t>(session.memory().total())),
                          session.memory().text()));
  console.out(fmt::format("device  {}; {}", session.device().description(),
                          stepText(inputs, accumulationSteps)));
  for (const std::string &note : data.notes())
    console.out("data    " + note);
  if (std::string text = dataText(inputs, data); !text.empty())
    console.out("data    " + text);
}

uint64_t peakResidentBytes() {
  rusage usage;
  return getrusage(RUSAGE_SELF, &usage) == 0 ? static_cast<uint64_t>(usage.ru_maxrss) * 1024 : 0;
}

} // namespace gptc::runtime
