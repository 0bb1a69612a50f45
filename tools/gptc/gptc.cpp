// gptc: the command line of the compiler and its runtime.
#include "tools/common/ExitCode.h"
#include "tools/gptc/Commands.h"

using namespace gptc::tools;

int main(int argc, char **argv) {
  CLI::App app("Compiles a model's description and trains, samples and evaluates it.", "gptc");
  app.set_version_flag("--version", "gptc " GPTC_VERSION);
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  gptc train models/gpt2.gpt --preset small --data input.txt --tokenizer char --steps 2000 "
      "--save gpt.safetensors\n"
      "  gptc sample models/gpt2.gpt --init gpt.safetensors --prompt \"ROMEO:\" --max-tokens 200\n"
      "  gptc dump models/gpt2.gpt --stage training\n"
      "  gptc memory models/gpt2.gpt --batch-size 4 --sequence-length 1024");
  const Command commands[] = {addTrain(app),  addSample(app),  addEval(app),   addCompile(app),
                              addRun(app),    addDump(app),    addMemory(app), addFmt(app),
                              addVerify(app), addExplain(app), addLedger(app), addBench(app)};
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    return report(error, app);
  }
  for (const Command &command : commands)
    if (command.app->parsed())
      return command.run();
  return 2;
}
