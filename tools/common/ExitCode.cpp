// Exit codes.
#include "tools/common/ExitCode.h"

#include "runtime/base/DidYouMean.h"

#include <cstdio>

namespace gptc::tools {

int report(const runtime::Status &status, const std::string &tool) {
  if (status.ok())
    return 0;
  std::fprintf(stderr, "%s: error: %s\n", tool.c_str(), status.message().c_str());
  return status.code() == runtime::Code::invalidArgument ? 2 : 1;
}

/// The flags and subcommands of what was called: the innermost subcommand on the command line.
static std::vector<std::string> namesOf(const CLI::App &app) {
  const CLI::App *innermost = &app;
  while (!innermost->get_subcommands().empty())
    innermost = innermost->get_subcommands().front();
  std::vector<std::string> names;
  for (const CLI::Option *option : innermost->get_options())
    for (const std::string &name : option->get_lnames())
      names.push_back("--" + name);
  for (const CLI::App *command : innermost->get_subcommands(nullptr))
    names.push_back(command->get_name());
  return names;
}

int report(const CLI::ParseError &error, const CLI::App &app) {
  if (error.get_exit_code() == 0)
    return app.exit(error);
  // A misspelt flag or command should not hide behind the complaint about what it left out.
  std::vector<std::string> extras = app.remaining(true);
  if (extras.empty()) {
    app.exit(error);
    return 2;
  }
  std::string name = extras.front().substr(0, extras.front().find('='));
  std::fprintf(stderr, "%s: error: %s was not expected%s\nRun with --help for more information.\n",
               app.get_name().c_str(), name.c_str(),
               runtime::suggestion(name, namesOf(app)).c_str());
  return 2;
}

} // namespace gptc::tools
