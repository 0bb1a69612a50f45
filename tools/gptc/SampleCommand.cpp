// gptc sample: compile what sampling needs, and continue a prompt.
#include "runtime/app/Sample.h"
#include "tools/common/RuntimeOptions.h"
#include "tools/gptc/Commands.h"
#include "tools/gptc/ModelOptions.h"

namespace gptc::tools {

using runtime::Console;
using runtime::Plan;
using runtime::Status;

static Status sample(CompileOptions compile, const runtime::SampleOptions &options) {
  GPTC_RETURN_IF_ERROR(options.validate());
  GPTC_RETURN_IF_ERROR(useSettingsOfWeights(options.weights, compile));
  compile.trains = compile.evaluates = false;
  GPTC_RETURN_IF_ERROR(useDevice(options.device, compile));
  GPTC_ASSIGN(Plan plan, compilePlan(compile));
  return runtime::sample(plan, options, Console::standard());
}

Command addSample(CLI::App &app) {
  auto compile = std::make_shared<CompileOptions>();
  auto options = std::make_shared<runtime::SampleOptions>();
  CLI::App *command = app.add_subcommand("sample", "continue a prompt with a trained model");
  addModelOptions(*command, *compile);
  addSampleOptions(*command, *options);
  command->footer(
      "Examples:\n"
      "  gptc sample models/gpt2.gpt --init gpt.safetensors --prompt \"ROMEO:\" --max-tokens 200\n"
      "  gptc sample models/gpt2.gpt --checkpoint run1 --count 1 --temperature 0.8\n"
      "Weights that gptc has written say which preset and values they were trained with.");
  return {command, [=] { return reportFailure(sample(*compile, *options)); }};
}

} // namespace gptc::tools
