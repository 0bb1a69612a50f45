// Flags of the compiler, and what several subcommands do with them.
#include "tools/gptc/ModelOptions.h"

#include "gptc/Driver/Memory.h"

#include "runtime/app/Checkpoint.h"
#include "runtime/app/Console.h"
#include "runtime/app/RunMetadata.h"
#include "runtime/base/Parallel.h"
#include "runtime/data/Safetensors.h"
#include "runtime/device/DeviceChoice.h"
#include "tools/common/ExitCode.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstdio>

namespace gptc::tools {

using runtime::Code;
using runtime::Plan;
using runtime::Result;
using runtime::Status;

/// The precision of that name.
static std::optional<TrainingPrecision> precisionOf(const std::string &name) {
  for (TrainingPrecision precision : {TrainingPrecision::fp32, TrainingPrecision::tf32,
                                      TrainingPrecision::bf16, TrainingPrecision::fp16})
    if (name == nameOf(precision))
      return precision;
  return std::nullopt;
}

void addModelOptions(CLI::App &app, CompileOptions &options) {
  app.add_option("model", options.model, "the model's description")
      ->type_name("MODEL.gpt")
      ->required();
  app.add_option("--preset", options.load.preset,
                 "a preset of the description, such as gpt2 or small");
  app.add_option("--set", options.load.overrides,
                 "replace a value of the description's config; may be repeated")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  app.add_option("--batch-size", options.load.batchSize,
                 "sequences in a micro-batch, the size B (default 4)")
      ->check(CLI::PositiveNumber);
  app.add_option("--sequence-length", options.load.sequenceLength,
                 "tokens in a sequence, the size T (default: its limit)")
      ->check(CLI::PositiveNumber);
  app.add_option_function<std::string>(
         "--precision",
         [&options](const std::string &name) { options.precision = *precisionOf(name); },
         "what matmuls and attention are computed in: fp32; tf32 (on GPUs alone), whose factors "
         "are "
         "rounded to 10 bits of fraction; bf16 or fp16, which keep their operands and results "
         "in 16 bits. Sums, all else and all variables are float32. fp16 scales the loss (default "
         "fp32 on CPUs and GPUs)")
      ->check(CLI::IsMember({"fp32", "tf32", "bf16", "fp16"}))
      ->type_name("NAME");
  app.add_option("--disable-pass", options.disabledPasses,
                 "leave a pass out, by its name in gptc-opt, if it runs at all; may be repeated. "
                 "gptc ledger --help lists those that a plan can do without")
      ->type_name("PASS")
      ->allow_extra_args(false);
  app.add_option("--enable-pass", options.enabledPasses,
                 "run an optimisation that is off for the target, which must have it; may be "
                 "repeated. gptc ledger --help lists them")
      ->type_name("PASS")
      ->allow_extra_args(false);
  app.add_option(
         "--pad-multiple", options.padMultiple,
         "pad the axes of parameters to multiples of N; 1 pads nothing (default: 64 for cuda, "
         "16 for cpu, where that adds at most 2 %); what is saved stays the same")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  app.add_flag("--no-reuse", options.noReuse,
               "give every buffer memory of its own; the results are the same");
  app.add_option("--chunk-bytes", options.chunkBytes,
                 "compute a product larger than this, such as the logits, and its gradient by "
                 "pieces of rows, as 64MiB. Nothing is computed twice; the matrix that all rows "
                 "share is read, and its gradient added to, once a piece: some percent of the "
                 "products' time; 0 keeps all whole (default 512MiB)")
      ->transform(CLI::AsSizeValue(false))
      ->type_name("SIZE");
}

void addOptimizerOption(CLI::App &app, CompileOptions &options) {
  app.add_option("--optimizer", options.optimizer,
                 "how parameters are updated: adamw or sgd (default adamw)")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, Optimizer>{{"adamw", Optimizer::adamw}, {"sgd", Optimizer::sgd}}))
      ->type_name("NAME");
  app.add_option("--loss-scale", options.lossScale,
                 "with --precision fp16: what the loss is multiplied by at first; halved, and the "
                 "step skipped, where gradients overflow (default 65536)")
      ->check(CLI::Validator(
          [](const std::string &text) {
            double scale = 0;
            bool known = CLI::detail::lexical_cast(text, scale);
            return known && scale >= 0x1p-16 && scale <= 1e30 // so it is no NaN
                       ? std::string()
                       : "required a number from 2^-16 to 1e30, found " + text;
          },
          "FLOAT in [2^-16 - 1e30]"))
      ->type_name("SCALE");
  app.add_option("--loss-scale-growth-interval", options.lossScaleGrowthInterval,
                 "with --precision fp16: steps without an overflow after which the loss scale "
                 "doubles (default 2000)")
      ->check(CLI::PositiveNumber)
      ->type_name("STEPS");
}

/// Reads "4GiB", "75%" or "min". What is wrong with it; empty if nothing is.
static std::string parseBudget(std::string text, MemoryBudget &budget) {
  std::string wrong =
      "required a size, as 4GiB, a share of what is taken without recomputation, as "
      "75%, or min, found " +
      text;
  if (text == "min") {
    budget.kind = MemoryBudget::Kind::smallest;
    return "";
  }
  if (text.ends_with('%')) {
    text.pop_back();
    double percent = 0;
    budget.kind = MemoryBudget::Kind::share;
    if (!CLI::detail::lexical_cast(text, percent) || !(percent > 0) || percent > 100)
      return wrong;
    budget.share = percent / 100;
    return "";
  }
  try {
    // The validator turns the text into a number of bytes, or throws.
    bool isSize = CLI::AsSizeValue(false)(text).empty() &&
                  CLI::detail::lexical_cast(text, budget.bytes) && budget.bytes > 0;
    return isSize ? "" : wrong;
  } catch (const CLI::ValidationError &) {
    return wrong;
  }
}

void addMemoryBudgetOption(CLI::App &app, CompileOptions &options) {
  app.add_option_function<std::string>(
         "--memory-budget",
         [&options](const std::string &text) {
           MemoryBudget budget;
           if (std::string wrong = parseBudget(text, budget); !wrong.empty())
             throw CLI::ValidationError("--memory-budget", wrong);
           options.memoryBudget = budget;
         },
         "let training take at most SIZE, as 4GiB, or so much of what it takes otherwise, as 75%, "
         "or "
         "as little as there is a way to (min), by computing values of the forward part again in "
         "the "
         "backward part; no more than is needed, and what costs least (gptc memory shows the "
         "price). Logits, which are there while samples are drawn, come on top")
      ->type_name("SIZE");
}

void addTargetOption(CLI::App &app, CompileOptions &options) {
  static const CLI::Validator target(
      [](std::string &text) {
        std::string_view rest = text;
        bool known = text == "cpu" || text == "cuda";
        if (rest.starts_with("cuda:sm_")) {
          rest.remove_prefix(8);
          if (rest.ends_with("a"))
            rest.remove_suffix(1);
          known = rest.find_first_not_of("0123456789") == rest.npos &&
                  (rest.size() == 3 || (rest.size() == 2 && rest >= "80"));
        }
        return known
                   ? std::string()
                   : "required cpu, cuda or an architecture from sm_80 on, as cuda:sm_90a, found " +
                         text;
      },
      "", "");
  app.add_option("--target", options.target,
                 "what the plan runs on: cpu, this machine's processor; cuda, any NVIDIA GPU from "
                 "sm_80 on, its kernels compiled where they run; or cuda:sm_90a, compiled now for "
                 "GPUs of that architecture (default cpu)")
      ->check(target)
      ->type_name("TARGET");
}

int reportFailure(const Status &status) {
  const std::string &message = status.message();
  if (message.empty() || message.back() != '\n')
    return report(status, "gptc");
  std::fputs(message.c_str(), stderr);
  return status.code() == Code::invalidArgument ? 2 : 1;
}

Status useDevice(const runtime::DeviceOptions &device, CompileOptions &options) {
  options.note = runtime::Console::standard().note;
  GPTC_ASSIGN(options.target, runtime::chooseTarget(device.device, options.note));
  runtime::setThreadCount(device.threads); // what products take of memory depends on it
  // The runtime compiles what it needs, knowing the driver, when it has memory for the plan.
  if (options.target != "cpu")
    options.target = "cuda";
  return Status::success();
}

Result<Plan> compilePlan(const CompileOptions &options) {
  Compilation compilation(options);
  GPTC_RETURN_IF_ERROR(compilation.runTo(Stage::plan));
  std::fputs(compilation.warnings().c_str(), stderr);
  return compilation.makePlan();
}

/// Whether the user set a config value by --set.
static bool isSet(const CompileOptions &options, std::string_view name) {
  for (const std::string &override : options.load.overrides)
    if (override.starts_with(std::string(name) + "="))
      return true;
  return false;
}

void useVocabulary(CompileOptions &options, int64_t vocabulary) {
  if (vocabulary <= 0 || isSet(options, "vocab_size"))
    return;
  Compilation probe(options);
  if (!probe.runTo(Stage::graph).ok())
    return; // the compilation proper reports it
  for (const ModelInfo::ConfigValue &value : probe.info().config)
    if (value.name == "vocab_size" && value.value != static_cast<double>(vocabulary)) {
      options.load.overrides.push_back(fmt::format("vocab_size={}", vocabulary));
      std::fprintf(stderr,
                   "vocab_size is %lld, as the tokenizer has it; --set vocab_size=N overrides it\n",
                   static_cast<long long>(vocabulary));
    }
}

Status useSettingsOfWeights(const runtime::WeightOptions &weights, CompileOptions &options) {
  if (!options.load.preset.empty() || !options.load.overrides.empty())
    return Status::success();
  std::string path = weights.init;
  if (!weights.checkpoint.empty()) {
    GPTC_ASSIGN(path, runtime::findCheckpoint(weights.checkpoint));
  }
  if (path.empty())
    return Status::success();
  GPTC_ASSIGN(runtime::SafetensorsFile file, runtime::SafetensorsFile::open(path));
  GPTC_ASSIGN(runtime::RunMetadata metadata, runtime::RunMetadata::read(file, path));
  const nlohmann::json &settings = metadata.settings;
  if (auto preset = settings.find("preset"); preset != settings.end() && preset->is_string())
    options.load.preset = preset->get<std::string>();
  if (auto set = settings.find("set"); set != settings.end() && set->is_array())
    for (const nlohmann::json &override : *set)
      if (override.is_string())
        options.load.overrides.push_back(override.get<std::string>());
  if (!options.load.sequenceLength)
    if (auto length = settings.find("sequence_length");
        length != settings.end() && length->is_number_integer())
      options.load.sequenceLength = length->get<int64_t>();
  return Status::success();
}

std::function<std::string(uint64_t)> batchThatFits(const CompileOptions &options) {
  return [options](uint64_t available) -> std::string {
    Result<BatchFit> fit = largestBatch(options, available);
    if (!fit.ok())
      return "";
    if (fit->batch == 0)
      return "not even --batch-size 1 fits; a smaller model or --sequence-length would";
    return fmt::format("--batch-size {} would fit", fit->batch);
  };
}

} // namespace gptc::tools
