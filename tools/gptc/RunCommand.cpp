// gptc run: what gptc-run does, in the same program.
#include "tools/common/RunCommands.h"
#include "tools/gptc/Commands.h"
#include "tools/gptc/ModelOptions.h"

namespace gptc::tools {

Command addRun(CLI::App &app) {
  auto commands = std::make_shared<RunCommands>();
  CLI::App *command = app.add_subcommand("run", "train, sample, evaluate or time a compiled plan");
  commands->addTo(*command, "gptc run");
  return {command, [=] { return reportFailure(commands->run()); }};
}

} // namespace gptc::tools
