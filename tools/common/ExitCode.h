// Exit codes of all tools: 0, 1 (failed), 2 (the command line or a value on it makes no sense).
#ifndef GPTC_TOOLS_COMMON_EXITCODE_H
#define GPTC_TOOLS_COMMON_EXITCODE_H

#include "runtime/base/Status.h"

#include <CLI/CLI.hpp>

namespace gptc::tools {

/// Prints "TOOL: error: MESSAGE" to standard error if the status is a failure; the exit code.
int report(const runtime::Status &status, const std::string &tool);

/// Prints help, or what is wrong with the command line; the exit code.
int report(const CLI::ParseError &error, const CLI::App &app);

} // namespace gptc::tools

#endif // GPTC_TOOLS_COMMON_EXITCODE_H
