// Commands on plan files.
#include "tools/common/RunCommands.h"

#include "runtime/app/Bench.h"
#include "runtime/app/Conformance.h"
#include "runtime/app/Evaluate.h"
#include "runtime/app/Info.h"
#include "runtime/app/Replay.h"
#include "runtime/app/Sample.h"
#include "runtime/app/Train.h"
#include "tools/common/RuntimeOptions.h"

namespace gptc::tools {

using runtime::Console;
using runtime::Plan;

CLI::App *RunCommands::add(CLI::App &app, const std::string &name, const std::string &text,
                           const std::string &examples) {
  CLI::App *command = app.add_subcommand(name, text);
  command->add_option("plan", plan_, "the plan file, as gptc compile writes it")
      ->type_name("FILE.plan")
      ->required();
  command->footer("Examples:\n" + examples);
  command->callback([this, name] { chosen_ = name; });
  return command;
}

void RunCommands::addTo(CLI::App &app, const std::string &program) {
  app.require_subcommand(1);
  addTrainOptions(*add(app, "train", "train the model of a plan",
                       "  " + program +
                           " train gpt2.plan --data input.txt --steps 2000 --warmup-steps 100 "
                           "--save gpt2.safetensors\n"
                           "  " +
                           program +
                           " train gpt2.plan --data shards/ --checkpoint-dir run1 "
                           "--checkpoint-every 500 --log run1.jsonl\n"
                           "  " +
                           program +
                           " train gpt2.plan --data shards/ --checkpoint-dir run1 "
                           "--checkpoint-every 500 --log run1.jsonl --resume"),
                  train_);
  addSampleOptions(
      *add(app, "sample", "continue a prompt",
           "  " + program +
               " sample gpt2.plan --init gpt2.safetensors --prompt \"ROMEO:\" --max-tokens 200\n"
               "  " +
               program + " sample gpt2.plan --checkpoint run1 --temperature 0.8 --count 1"),
      sample_);
  addEvalOptions(*add(app, "eval", "the loss on the validation split",
                      "  " + program + " eval gpt2.plan --data input.txt --checkpoint run1"),
                 eval_);
  addBenchOptions(*add(app, "bench", "time training steps",
                       "  " + program +
                           " bench gpt2.plan --steps 50 --threads 2\n"
                           "  " +
                           program + " bench gpt2.plan --profile trace.json"),
                  bench_);
  addReplayOptions(*add(app, "replay",
                        "time a step's matrix products as fast as oneDNN computes them, and "
                        "AdamW's memory: a floor for the step's time",
                        "  " + program +
                            " replay gpt2.plan --threads 2\n"
                            "  " +
                            program + " replay gpt2.plan --entry logits --json"),
                   replay_);
  addInfoOptions(*add(app, "info", "what a plan holds, and the memory it needs",
                      "  " + program + " info gpt2.plan --json"),
                 info_);
  addConformanceOptions(
      *add(app, "conformance", "run entries on given values and compare what they give",
           "  " + program +
               " conformance conformance.cuda.plan --cases conformance.safetensors --device cuda"),
      conformance_);
}

runtime::Status RunCommands::run() const {
  GPTC_ASSIGN(Plan plan, Plan::load(plan_));
  Console console = Console::standard();
  if (chosen_ == "train")
    return runtime::train(plan, train_, console);
  if (chosen_ == "sample")
    return runtime::sample(plan, sample_, console);
  if (chosen_ == "eval")
    return runtime::evaluate(plan, eval_, console);
  if (chosen_ == "bench")
    return runtime::bench(plan, bench_, console);
  if (chosen_ == "replay")
    return runtime::replay(plan, replay_, console);
  if (chosen_ == "conformance")
    return runtime::conformance(plan, conformance_, console);
  return runtime::info(plan, info_, console);
}

} // namespace gptc::tools
