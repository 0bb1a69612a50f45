// Describing a plan.
#include "runtime/app/Info.h"

#include "runtime/app/CommandList.h"
#include "runtime/app/Evaluate.h"
#include "runtime/app/Generate.h"
#include "runtime/app/TrainingStep.h"
#include "runtime/plan/Plan_generated.h"

#include <array>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <set>

namespace gptc::runtime {

namespace {

struct PurposeName {
  Purpose purpose;
  const char *key;
  const char *text;
};

constexpr std::array<PurposeName, 5> purposes = {{
    {Purpose::train, "train", "training, one micro-batch a step"},
    {Purpose::trainAccumulate, "train_accumulate", "training, several micro-batches"},
    {Purpose::trainAndEvaluate, "train_and_evaluate", "training, evaluation and samples"},
    {Purpose::evaluate, "evaluate", "evaluation"},
    {Purpose::sample, "sample", "sampling"},
}};

std::vector<std::string> entriesFor(const Plan &plan, Purpose purpose) {
  // Three micro-batches show every kind of accumulation.
  std::vector<std::string> all = trainingEntries(plan, 3);
  switch (purpose) {
  case Purpose::train:
    return trainingEntries(plan, 1);
  case Purpose::trainAccumulate:
    return all;
  case Purpose::trainAndEvaluate:
    all.insert(all.end(), {evaluateEntry, logitsEntry});
    return all;
  case Purpose::evaluate:
    return {evaluateEntry};
  case Purpose::sample:
    return {logitsEntry};
  }
  return {};
}

size_t commandCount(const Plan &plan, size_t entry) {
  const auto *commands = plan.entryTable(entry).commands();
  return commands ? commands->size() : 0;
}

/// Of the commands, the matrix products with a kernel that runs on their rows.
size_t epilogueCount(const Plan &plan, size_t entry) {
  size_t count = 0;
  if (const auto *commands = plan.entryTable(entry).commands())
    for (const fb::Command *command : *commands)
      if (const fb::Matmul *matmul = command->operation_as_Matmul())
        count += matmul->epilogue() != nullptr;
  return count;
}

size_t kernelCount(const Plan &plan) {
  return plan.table().kernels() ? plan.table().kernels()->size() : 0;
}

/// What a plan for GPUs holds compiled, as "sm_80 sm_90a"; what else it runs on compiles it anew.
std::string architectures(const fb::Cuda &cuda) {
  std::set<std::string> names;
  if (cuda.modules())
    for (const fb::CudaModule *module : *cuda.modules())
      if (module->images())
        for (const fb::CudaImage *image : *module->images())
          names.insert(image->architecture()->str());
  return fmt::format("{}", fmt::join(names, " "));
}

std::string codeText(const Plan &plan) {
  const fb::Cuda *cuda = plan.table().cuda();
  if (!cuda)
    return byteText(plan.object().size());
  size_t modules = 0, bytes = cuda->header()->size();
  if (cuda->modules())
    for (const fb::CudaModule *module : *cuda->modules()) {
      ++modules;
      bytes += module->source()->size();
    }
  std::string compiled = architectures(*cuda);
  return fmt::format("{} CUDA module{}, {} of source{}", modules, modules == 1 ? "" : "s",
                     byteText(bytes),
                     compiled.empty() ? ", compiled when it is run" : ", compiled for " + compiled);
}

nlohmann::json segmentsJson(const std::vector<SegmentInfo> &segments) {
  nlohmann::json object = nlohmann::json::object();
  for (const SegmentInfo &segment : segments)
    object[segment.name] = segment.bytes;
  return object;
}

nlohmann::json commandsJson(const Plan &plan, size_t entry) {
  nlohmann::json list = nlohmann::json::array();
  for (const CommandText &command : listCommands(plan, entry))
    list.push_back({{"kind", command.kind},
                    {"code", command.code},
                    {"part", command.part},
                    {"lines", command.lines},
                    {"instances", command.instances}});
  return list;
}

void printJson(const Plan &plan, const InfoOptions &options, const Console &console) {
  nlohmann::json entries = nlohmann::json::object(), memory = nlohmann::json::object();
  for (size_t i = 0; i < plan.entries().size(); ++i) {
    nlohmann::json &entry = entries[plan.entries()[i].name];
    entry = {{"commands", commandCount(plan, i)},
             {"epilogues", epilogueCount(plan, i)},
             {"transient_bytes", plan.entries()[i].transientBytes}};
    if (options.commands)
      entry["command_list"] = commandsJson(plan, i);
  }
  for (const PurposeName &purpose : purposes)
    if (std::optional<MemoryUse> use = memoryFor(plan, purpose.purpose))
      memory[purpose.key] = {{"bytes", use->total()},
                             {"segments", segmentsJson(use->segments)},
                             {"scratch",
                              {{"bytes", use->scratch()},
                               {"per_thread", use->scratchPerThread},
                               {"threads", use->threads}}}};
  nlohmann::json result = {{"model", plan.model()},
                           {"target", plan.target()},
                           {"cpu_features", plan.cpuFeatures()},
                           {"compiler_version", plan.compilerVersion()},
                           {"settings", plan.settings()},
                           {"parameters", plan.parameterCount()},
                           {"kernels", kernelCount(plan)},
                           {"segments", segmentsJson(plan.segments())},
                           {"entries", entries},
                           {"memory", memory}};
  console.out(result.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

void printText(const Plan &plan, const Console &console) {
  console.out(fmt::format("model     {}: {} parameters", plan.model(),
                          groupedNumber(plan.parameterCount())));
  console.out(fmt::format("target    {} (compiler {})", plan.target(), plan.compilerVersion()));
  if (std::vector<std::string> features = plan.cpuFeatures(); !features.empty())
    console.out(fmt::format("needs     {}", fmt::join(features, " ")));
  console.out(
      fmt::format("settings  {}",
                  plan.settings().dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)));
  console.out(fmt::format("code      {} kernels, {}", kernelCount(plan), codeText(plan)));
  for (size_t i = 0; i < plan.entries().size(); ++i)
    console.out(
        fmt::format("entry     {}: {} commands, {} of them matmuls with an epilogue, {} transient",
                    plan.entries()[i].name, commandCount(plan, i), epilogueCount(plan, i),
                    byteText(plan.entries()[i].transientBytes)));
  for (const PurposeName &purpose : purposes)
    if (std::optional<MemoryUse> use = memoryFor(plan, purpose.purpose))
      console.out(fmt::format("memory    {}: {} bytes: {}", purpose.text,
                              groupedNumber(static_cast<int64_t>(use->total())), use->text()));
}

void printCommands(const Plan &plan, const Console &console) {
  for (size_t i = 0; i < plan.entries().size(); ++i) {
    console.out("\n" + plan.entries()[i].name);
    size_t number = 0;
    for (const CommandText &command : listCommands(plan, i)) {
      std::string times = command.instances == 1 ? "" : fmt::format(" x{}", command.instances);
      console.out(fmt::format("{:5}  {:<52} {:<32} {}", ++number,
                              fmt::format("{} {}{}", command.kind, command.code, times),
                              command.part, command.lines));
    }
  }
}

} // namespace

std::optional<MemoryUse> memoryFor(const Plan &plan, Purpose purpose) {
  std::vector<size_t> entries;
  for (const std::string &name : entriesFor(plan, purpose)) {
    int entry = plan.findEntry(name);
    if (entry < 0)
      return std::nullopt;
    entries.push_back(static_cast<size_t>(entry));
  }
  return memoryUse(plan, entries);
}

Status info(const Plan &plan, const InfoOptions &options, const Console &console) {
  if (options.json) {
    printJson(plan, options, console);
    return {};
  }
  printText(plan, console);
  if (options.commands)
    printCommands(plan, console);
  return {};
}

} // namespace gptc::runtime
