// The commands of a plan's entries, to read.
#ifndef GPTC_RUNTIME_APP_COMMANDLIST_H
#define GPTC_RUNTIME_APP_COMMANDLIST_H

#include "runtime/plan/Plan.h"

#include <string>
#include <vector>

namespace gptc::runtime {

/// A command of an entry: `kind` is "launch", "matmul" or "argsort", `code` the kernel or the
/// sizes, `part` the part of the model that it works for, `lines` the lines of the description that
/// a kernel computes; the last two may be empty.
struct CommandText {
  std::string kind, code, part, lines;
  size_t instances = 1; ///< of a kernel, independent of each other
};

/// The commands of entry number `entry`, in the order in which they run.
std::vector<CommandText> listCommands(const Plan &plan, size_t entry);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_APP_COMMANDLIST_H
