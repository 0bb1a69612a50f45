// The figures of gptc bench as one HTML page.
#ifndef GPTC_TOOLS_GPTC_BENCHPAGE_H
#define GPTC_TOOLS_GPTC_BENCHPAGE_H

#include "gptc/Driver/Bench.h"

#include <string>

namespace gptc::tools {

/// A page without anything from outside, and without scripts: the ladder and the kernels as charts,
/// and the same as tables.
std::string benchPage(const BenchmarkReport &report);

} // namespace gptc::tools

#endif // GPTC_TOOLS_GPTC_BENCHPAGE_H
