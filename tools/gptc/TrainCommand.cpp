// gptc train: compile and train.
#include "gptc/Model/Source.h"

#include "runtime/app/Train.h"
#include "tools/common/RuntimeOptions.h"
#include "tools/gptc/Commands.h"
#include "tools/gptc/ModelOptions.h"

namespace gptc::tools {

using runtime::Console;
using runtime::Dataset;
using runtime::Plan;
using runtime::Status;

static Status train(CompileOptions compile, const runtime::TrainOptions &options) {
  GPTC_RETURN_IF_ERROR(options.validate());
  GPTC_ASSIGN(Dataset data, runtime::loadTrainingData(options));
  GPTC_RETURN_IF_ERROR(useDevice(options.device, compile)); // tf32 needs a GPU
  useVocabulary(compile, data.vocabSize());
  GPTC_ASSIGN(Plan plan, compilePlan(compile));
  return runtime::train(plan, options, std::move(data), Console::standard(),
                        batchThatFits(compile));
}

Command addTrain(CLI::App &app) {
  auto compile = std::make_shared<CompileOptions>();
  auto options = std::make_shared<runtime::TrainOptions>();
  CLI::App *command = app.add_subcommand("train", "compile and train a model");
  addModelOptions(*command, *compile);
  // Before the parser asks for --data: without a model no data helps.
  command->get_option("model")->check(CLI::Validator(
      [](std::string &path) {
        std::string message;
        return SourceFile::load(path, message) ? std::string() : message;
      },
      "", ""));
  addOptimizerOption(*command, *compile);
  addMemoryBudgetOption(*command, *compile);
  addTrainOptions(*command, *options);
  command->footer("Examples:\n"
                  "  gptc train models/gpt2.gpt --preset small --data input.txt --tokenizer char "
                  "--steps 2000 --save gpt.safetensors\n"
                  "  gptc train models/gpt2.gpt --batch-size 4 --sequence-length 64 --data shards/ "
                  "--total-batch-size 4096\n"
                  "  gptc train models/micrograd.gpt --data moons.npz --optimizer sgd "
                  "--learning-rate 0.1 --batch-size 100");
  return {command, [=] { return reportFailure(train(*compile, *options)); }};
}

} // namespace gptc::tools
