// gptc eval: compile what evaluation needs, and print the validation loss.
#include "runtime/app/Evaluate.h"
#include "tools/common/RuntimeOptions.h"
#include "tools/gptc/Commands.h"
#include "tools/gptc/ModelOptions.h"

namespace gptc::tools {

using runtime::Console;
using runtime::Plan;
using runtime::Status;

static Status evaluate(CompileOptions compile, const runtime::EvalOptions &options) {
  GPTC_RETURN_IF_ERROR(options.validate());
  GPTC_RETURN_IF_ERROR(useSettingsOfWeights(options.weights, compile));
  compile.trains = false;
  GPTC_RETURN_IF_ERROR(useDevice(options.device, compile));
  GPTC_ASSIGN(Plan plan, compilePlan(compile));
  return runtime::evaluate(plan, options, Console::standard());
}

Command addEval(CLI::App &app) {
  auto compile = std::make_shared<CompileOptions>();
  auto options = std::make_shared<runtime::EvalOptions>();
  CLI::App *command =
      app.add_subcommand("eval", "the loss of a trained model on the validation split");
  addModelOptions(*command, *compile);
  addEvalOptions(*command, *options);
  command->footer(
      "Examples:\n"
      "  gptc eval models/gpt2.gpt --init gpt.safetensors --data input.txt\n"
      "Weights that gptc has written say which preset and values they were trained with.");
  return {command, [=] { return reportFailure(evaluate(*compile, *options)); }};
}

} // namespace gptc::tools
