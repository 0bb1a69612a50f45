// Exit codes.
#include "tools/common/ExitCode.h"

#include <cstdio>

namespace gptc::tools {

int report(const runtime::Status &status, const std::string &tool) {
  if (status.ok())
    return 0;
  std::fprintf(stderr, "%s: error: %s\n", tool.c_str(), status.message().c_str());
  return status.code() == runtime::Code::invalidArgument ? 2 : 1;
}

int report(const CLI::ParseError &error, const CLI::App &app) {
  // A misspelt flag should not hide behind the complaint about what it left out.
  if (error.get_exit_code() != 0 && !dynamic_cast<const CLI::ExtrasError *>(&error))
    for (const std::string &extra : app.remaining(true))
      std::fprintf(stderr, "The following argument was not expected: %s\n", extra.c_str());
  return app.exit(error) == 0 ? 0 : 2;
}

} // namespace gptc::tools
