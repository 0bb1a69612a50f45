// The subcommands of gptc. Each adds itself to the app and returns what runs it: an exit code.
#ifndef GPTC_TOOLS_GPTC_COMMANDS_H
#define GPTC_TOOLS_GPTC_COMMANDS_H

#include <CLI/CLI.hpp>

#include <functional>

namespace gptc::tools {

/// A subcommand, and what to do when it was asked for.
struct Command {
  CLI::App *app;
  std::function<int()> run;
};

Command addTrain(CLI::App &app);
Command addSample(CLI::App &app);
Command addEval(CLI::App &app);
Command addDump(CLI::App &app);
Command addCompile(CLI::App &app);
Command addRun(CLI::App &app);
Command addMemory(CLI::App &app);
Command addFmt(CLI::App &app);
Command addExplain(CLI::App &app);
Command addLedger(CLI::App &app);
Command addBench(CLI::App &app);
Command addVerify(CLI::App &app);

} // namespace gptc::tools

#endif // GPTC_TOOLS_GPTC_COMMANDS_H
