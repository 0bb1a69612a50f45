// gptc-run: executes plans. It is the runtime alone: carry it and a plan to a machine without LLVM.
#include "tools/common/ExitCode.h"
#include "tools/common/RunCommands.h"

int main(int argc, char **argv) {
  CLI::App app("Runs plans that gptc has compiled: trains, samples, evaluates and times them.",
               "gptc-run");
  app.set_version_flag("--version", "gptc-run " GPTC_VERSION);
  app.footer("Examples:\n"
             "  gptc-run train gpt2.plan --data input.txt --steps 2000 --save gpt2.safetensors\n"
             "  gptc-run sample gpt2.plan --init gpt2.safetensors --prompt \"ROMEO:\"\n"
             "  gptc-run train --help");
  gptc::tools::RunCommands commands;
  commands.addTo(app, "gptc-run");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    return gptc::tools::report(error, app);
  }
  return gptc::tools::report(commands.run(), "gptc-run");
}
