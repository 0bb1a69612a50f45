// The two parts of gptc bench.
#ifndef GPTC_LIB_DRIVER_BENCHMARK_H
#define GPTC_LIB_DRIVER_BENCHMARK_H

#include "gptc/Driver/Bench.h"

namespace gptc {

using Say = std::function<void(const std::string &what)>;

runtime::Result<FusionReport> compareFusion(const BenchmarkOptions &options, const Say &say);

/// `unit` becomes what is counted a second.
runtime::Result<std::vector<Rung>> climbLadder(const BenchmarkOptions &options, const Say &say,
                                               std::string &unit);

} // namespace gptc

#endif // GPTC_LIB_DRIVER_BENCHMARK_H
