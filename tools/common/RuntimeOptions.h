// The flags of the commands that run a plan. gptc adds its own (model, shapes) beside them.
#ifndef GPTC_TOOLS_COMMON_RUNTIMEOPTIONS_H
#define GPTC_TOOLS_COMMON_RUNTIMEOPTIONS_H

#include "runtime/app/Options.h"

#include <CLI/CLI.hpp>

namespace gptc::tools {

// Each adds flags to a (sub)command; parsing sets the options, which must outlive the app.
void addTrainOptions(CLI::App &app, runtime::TrainOptions &options);
void addSampleOptions(CLI::App &app, runtime::SampleOptions &options);
void addEvalOptions(CLI::App &app, runtime::EvalOptions &options);
void addBenchOptions(CLI::App &app, runtime::BenchOptions &options);
void addReplayOptions(CLI::App &app, runtime::ReplayOptions &options);
void addInfoOptions(CLI::App &app, runtime::InfoOptions &options);
/// --device, --threads, --no-graphs and --matmul, which most of the others add.
void addDeviceOptions(CLI::App &app, runtime::DeviceOptions &device);
void addConformanceOptions(CLI::App &app, runtime::ConformanceOptions &options);

} // namespace gptc::tools

#endif // GPTC_TOOLS_COMMON_RUNTIMEOPTIONS_H
