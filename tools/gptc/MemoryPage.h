// The lives of an entry's buffers as one HTML page.
#ifndef GPTC_TOOLS_GPTC_MEMORYPAGE_H
#define GPTC_TOOLS_GPTC_MEMORYPAGE_H

#include "gptc/Driver/Memory.h"

#include <string>

namespace gptc::tools {

/// A page without anything from outside, and without scripts: a picture of time (commands) by
/// address, and the same as a table. `title` is the model's name.
std::string memoryPage(const MemoryReport &report, const std::string &title);

} // namespace gptc::tools

#endif // GPTC_TOOLS_GPTC_MEMORYPAGE_H
