// The flags that say which model is compiled, and how.
#ifndef GPTC_TOOLS_GPTC_MODELOPTIONS_H
#define GPTC_TOOLS_GPTC_MODELOPTIONS_H

#include "gptc/Driver/Compile.h"

#include "runtime/app/Options.h"
#include "runtime/device/Device.h"
#include "runtime/plan/Plan.h"

#include <CLI/CLI.hpp>

#include <functional>

namespace gptc::tools {

/// Adds MODEL, --preset, --set, --batch-size, --sequence-length, --precision, --pad-multiple,
/// --chunk-bytes, --no-reuse and --disable-pass.
void addModelOptions(CLI::App &app, CompileOptions &options);
/// Adds --optimizer, --loss-scale and --loss-scale-growth-interval.
void addOptimizerOption(CLI::App &app, CompileOptions &options);

/// Adds --memory-budget.
void addMemoryBudgetOption(CLI::App &app, CompileOptions &options);

/// Adds --target.
void addTargetOption(CLI::App &app, CompileOptions &options);

/// Prints a failure: what the compiler says of a description stands as it is; the rest after "gptc:
/// error: ". The exit code.
int reportFailure(const runtime::Status &status);

/// Compiles for what --device says.
runtime::Status useDevice(const runtime::DeviceOptions &device, CompileOptions &options);

/// Compiles to a plan in memory, printing warnings. `name` is what messages call it.
runtime::Result<runtime::Plan> compilePlan(const CompileOptions &options);

/// Sets `vocab_size` to the number of a tokenizer's tokens, and tells the user, where the
/// description has such a value and the user gave none.
void useVocabulary(CompileOptions &options, int64_t vocabulary);

/// Takes preset, overrides and sequence length from the file of weights, where the user gave none
/// and the file says.
runtime::Status useSettingsOfWeights(const runtime::WeightOptions &weights,
                                     CompileOptions &options);

/// For errors about memory: a sentence with the batch that fits into so many bytes.
std::function<std::string(uint64_t)> batchThatFits(const CompileOptions &options);

} // namespace gptc::tools

#endif // GPTC_TOOLS_GPTC_MODELOPTIONS_H
