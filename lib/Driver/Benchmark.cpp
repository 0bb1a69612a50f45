// gptc bench, part by part.
#include "Benchmark.h"

#include "llvm/ADT/StringRef.h"

#include <fmt/format.h>

using namespace gptc;
using runtime::Result;
using runtime::Status;

std::string gptc::configurationOf(const ModelInfo &info) {
  std::string text;
  for (const ModelInfo::ConfigValue &value : info.config)
    if (value.value)
      text += fmt::format("{}={} ", value.name, *value.value);
  for (const ModelInfo::FreeSize &size : info.freeSizes)
    text += fmt::format("{}={} ", size.name, size.value);
  return llvm::StringRef(text).trim().str();
}

Result<BenchmarkReport> gptc::runBenchmark(const BenchmarkOptions &options) {
  // The machine, two plans and their comparisons, and the rungs.
  constexpr size_t ofMachine = 1, ofKernels = 4, ofLadder = 7;
  size_t done = 0,
         total = ofMachine + (options.kernels ? ofKernels : 0) + (options.ladder ? ofLadder : 0);
  Say say = [&](const std::string &what) {
    if (options.progress)
      options.progress(what, done++, total);
  };
  BenchmarkReport report;
  {
    Compilation probe(options.compile);
    GPTC_RETURN_IF_ERROR(probe.runTo(Stage::graph));
    report.model = probe.info().name;
    report.configuration = configurationOf(probe.info());
  }
  report.target = options.compile.target;
  say("measuring this machine");
  GPTC_ASSIGN(report.roof, measureRoofline(options.device, options.compile.target != "cpu"));
  if (options.kernels) {
    GPTC_ASSIGN(FusionReport fusion, compareFusion(options, say));
    report.fusion = std::move(fusion);
  }
  if (options.ladder) {
    GPTC_ASSIGN(report.ladder, climbLadder(options, say, report.unit));
  }
  return report;
}
