// Which instruction sets this machine has, against those that a plan's code was compiled for.
#ifndef GPTC_RUNTIME_DEVICE_CPUFEATURES_H
#define GPTC_RUNTIME_DEVICE_CPUFEATURES_H

#include "runtime/base/Status.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gptc::runtime {

/// Those of `required` (names as LLVM has them: "avx2", "sse4.2", "avx512vl") that a machine does
/// not offer, whose /proc/cpuinfo is `cpuInfo`. Linux lists there what both the processor and the
/// kernel support.
std::vector<std::string> missingCpuFeatures(std::span<const std::string> required,
                                            std::string_view cpuInfo);

/// failedPrecondition, with the names, unless this machine has all of `required`.
Status checkCpuFeatures(std::span<const std::string> required);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_DEVICE_CPUFEATURES_H
